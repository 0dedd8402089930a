#include "schema/strconv.h"

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

std::string strconv_refusal(std::string_view function, std::string_view text) {
    auto digits = text;
    if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
    const bool is_number = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    return fmt::format("strconv.{}: parsing {}: {}", function, quoted(text),
                       is_number ? "value out of range" : "invalid syntax");
}

int64_t strconv_integer(std::string_view function, std::string_view text) {
    const auto number = parse_integer(text);
    if (!number) throw bad_request("{}", strconv_refusal(function, text));
    return *number;
}

} // namespace schema
