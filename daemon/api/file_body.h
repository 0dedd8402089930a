#pragma once
// Response bodies that are read from descriptors while they are sent: logs, exports, files of containers.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/http/message.h"

namespace api {

/// The rest of an open file or pipe. `length` where it is known; `keep` is kept until the body is gone (a process, a
/// lock).
std::shared_ptr<http::BodyProducer> descriptor_body(base::Fd fd, std::optional<uint64_t> length,
                                                    std::shared_ptr<void> keep = nullptr);
/// In UTC, `form` as strftime takes it.
std::string time_text(int64_t seconds, const char* form);
constexpr const char* http_time = "%a, %d %b %Y %H:%M:%S GMT";
/// A regular file as a download under `filename`.
http::Response file_response(base::Fd fd, const std::string& filename);

} // namespace api
