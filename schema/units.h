#pragma once
// Sizes and CPU sets in LXD's notation. Used by key checks, facets, storage and the client's tables.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace schema {

/// "512", "10GB" (1000s), "10GiB" (1024s); an empty text is 0. Throws bad_request with LXD's text, also on overflow.
int64_t parse_bytes(std::string_view text);
/// "100Mbit" and so on, in bits; an empty text is 0. Throws bad_request.
int64_t parse_bits(std::string_view text);
/// `limits.memory`: a size, or a percentage of `total` (integer arithmetic, as LXD does). Throws bad_request.
int64_t parse_bytes_or_percent(std::string_view text, uint64_t total);

/// "1.50GB": in steps of 1000, bytes without decimals.
std::string format_bytes(int64_t bytes, int decimals = 2);
/// "1.50GiB": in steps of 1024.
std::string format_bytes_iec(int64_t bytes, int decimals = 2);

/// The kernel's notation: "0-3,7". Throws bad_request `Invalid cpuset value: ...`.
std::set<unsigned> parse_cpu_set(std::string_view text);
std::string format_cpu_set(const std::set<unsigned>& cpus);

} // namespace schema
