#pragma once
// Integers with the refusals of Go's strconv, which LXD passes on to its clients. Used by the checks.

#include <cstdint>
#include <string>
#include <string_view>

namespace schema {

/// What is wrong with a text that is no integer, or none that fits: `strconv.Atoi: parsing "x": invalid syntax`.
std::string strconv_refusal(std::string_view function, std::string_view text);

/// A decimal integer. Throws bad_request with strconv_refusal.
int64_t strconv_integer(std::string_view function, std::string_view text);

} // namespace schema
