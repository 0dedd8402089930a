#pragma once
// The filters of templates ({{ value|name:parameter }}), as pongo2 has them. Pure.

#include <string_view>

#include "daemon/images/templates/value.h"

namespace images::templates {

/// No filter makes a text longer than this: wider columns are an error.
constexpr size_t longest_text = 4U << 20U;

struct Filter {
    std::string_view name;
    /// `parameter` is nothing where none was given. Throws schema::failure for a parameter that makes no sense.
    Value (*apply)(const Value& input, const Value& parameter);
};

/// nullptr for an unknown one.
const Filter* find_filter(std::string_view name) noexcept;
/// With & < > " ' as HTML has them.
std::string html_escaped(std::string_view text);

} // namespace images::templates
