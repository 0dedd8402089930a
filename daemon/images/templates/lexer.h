#pragma once
// Cuts a template into pieces of plain text and the tokens inside of {{ }} and {% %}. Comments and the dashes that trim
// white space are gone afterwards.

#include <string>
#include <string_view>
#include <vector>

namespace images::templates {

struct Token {
    enum class Kind {
        text,         // outside of everything
        output_begin, // {{
        output_end,   // }}
        tag_begin,    // {%
        tag_end,      // %}
        name,
        number, // digits alone
        string, // its content
        symbol,
    };
    Kind kind = Kind::text;
    std::string value;
    int line = 0;
};

/// Throws schema::failure with the line of what is wrong.
std::vector<Token> tokens_of(std::string_view source);

/// Throws schema::failure for an error in a template.
[[noreturn]] void template_error(int line, const std::string& text);

} // namespace images::templates
