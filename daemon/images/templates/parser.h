#pragma once
// Tokens to a tree, by LXD's grammar (Django's, as pongo2 has it).

#include <string_view>

#include "daemon/images/templates/syntax.h"
#include "schema/limits.h"

namespace images::templates {

/// Tags and parentheses inside of one another, and what hangs together in one expression; deeper ones are an error.
constexpr int deepest_nesting = schema::limits::template_nesting.value;

/// Throws schema::failure with the line of what is wrong, and for the tags that would read other files.
Nodes parse(std::string_view source);

} // namespace images::templates
