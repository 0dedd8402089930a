#pragma once
// Expressions and filters, out of the tokens inside of {{ }} and {% %}. Called by parser.cpp alone.

#include <vector>

#include "daemon/images/templates/syntax.h"
#include "daemon/images/templates/token_reader.h"

namespace images::templates {

ExpressionPtr parse_expression(TokenReader& reader);
/// `name:parameter|name ...`, without a bar in front.
std::vector<FilterCall> parse_filters(TokenReader& reader);

} // namespace images::templates
