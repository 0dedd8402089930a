#pragma once
// Amounts of bytes for people, and back.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace client {

/// "1.50MB", in powers of 1000.
std::string byte_size(int64_t bytes);
/// "1.50MiB", in powers of 1024.
std::string binary_byte_size(int64_t bytes, int decimals = 2);
/// The bytes that "512MiB", "1GB" or "4096" stand for.
std::optional<int64_t> parse_byte_size(std::string_view text);

} // namespace client
