#pragma once
// The transport's own error answers, in LXD's form, for requests that never reach a handler.

#include <string_view>

#include "daemon/http/message.h"

namespace http {

Response error_reply(int status, std::string_view text);

} // namespace http
