#pragma once
// The filters of templates ({{ value|name:parameter }}), as pongo2 has them. Pure.

#include <string_view>

#include "daemon/images/templates/value.h"
#include "schema/limits.h"

namespace images::templates {

/// No filter makes a text longer than this: wider columns are an error.
constexpr size_t longest_text = schema::limits::template_text.value;

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
