#include "daemon/images/query.h"

#include <algorithm>
#include <optional>
#include <string>

namespace images {

namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view text) {
    std::string result;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+') {
            result += ' ';
        } else if (text[at] == '%') {
            if (at + 2 >= text.size() || digit(text[at + 1]) < 0 || digit(text[at + 2]) < 0) return {};
            result += static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2]));
            at += 2;
        } else {
            result += text[at];
        }
    }
    return result;
}

void add_pair(schema::Config& properties, std::string_view pair) {
    const auto equals = std::min(pair.find('='), pair.size());
    const auto key = decoded(pair.substr(0, equals));
    const auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (key && value && !pair.empty()) properties.emplace(*key, *value);
}

} // namespace

schema::Config parse_properties(std::string_view header) {
    schema::Config properties;
    for (size_t start = 0; start < header.size();) {
        auto end = std::min(header.find_first_of("&,", start), header.size());
        add_pair(properties, header.substr(start, end - start));
        if (header.substr(end).starts_with(", ")) ++end;
        start = end + 1;
    }
    return properties;
}

} // namespace images
