#pragma once
// The filters that make texts of texts; filters.cpp has the table of all.

#include "daemon/images/templates/value.h"
#include "schema/limits.h"

namespace images::templates {

/// Characters that a text is cut into, or parts: more are an error.
constexpr size_t most_parts = schema::limits::template_parts.value;

Value add_slashes(const Value& input, const Value& parameter);
Value capitalize_first(const Value& input, const Value& parameter);
Value center(const Value& input, const Value& parameter);
Value cut(const Value& input, const Value& parameter);
Value escape(const Value& input, const Value& parameter);
Value escape_javascript(const Value& input, const Value& parameter);
Value iri_encode(const Value& input, const Value& parameter);
Value left_justify(const Value& input, const Value& parameter);
Value line_breaks(const Value& input, const Value& parameter);
Value line_breaks_br(const Value& input, const Value& parameter);
Value line_numbers(const Value& input, const Value& parameter);
Value lower(const Value& input, const Value& parameter);
Value remove_tags(const Value& input, const Value& parameter);
Value right_justify(const Value& input, const Value& parameter);
Value string_format(const Value& input, const Value& parameter);
Value strip_tags(const Value& input, const Value& parameter);
Value title(const Value& input, const Value& parameter);
Value truncate_characters(const Value& input, const Value& parameter);
Value truncate_words(const Value& input, const Value& parameter);
Value upper(const Value& input, const Value& parameter);
Value url_encode(const Value& input, const Value& parameter);
Value word_count(const Value& input, const Value& parameter);
Value word_wrap(const Value& input, const Value& parameter);

} // namespace images::templates
