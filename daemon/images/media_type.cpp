#include "daemon/images/media_type.h"

#include <algorithm>

namespace images {

namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

std::string_view trimmed(std::string_view text) {
    const auto start = text.find_first_not_of(" \t");
    if (start == text.npos) return {};
    return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

/// Takes a value off the front: quoted with backslashes as escapes, or up to the next semicolon.
std::string take_value(std::string_view& rest) {
    if (!rest.starts_with('"')) {
        const auto end = std::min(rest.find(';'), rest.size());
        const std::string value(trimmed(rest.substr(0, end)));
        rest.remove_prefix(end);
        return value;
    }
    std::string value;
    size_t at = 1;
    for (; at < rest.size() && rest[at] != '"'; ++at) {
        if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
        value += rest[at];
    }
    rest.remove_prefix(std::min(rest.find(';', at), rest.size()));
    return value;
}

} // namespace

MediaType parse_media_type(std::string_view header) {
    MediaType result;
    auto semicolon = std::min(header.find(';'), header.size());
    result.type = lower(trimmed(header.substr(0, semicolon)));
    header.remove_prefix(semicolon);
    while (header.starts_with(';')) {
        header.remove_prefix(1);
        const auto equals = header.find('=');
        semicolon = std::min(header.find(';'), header.size());
        if (equals == header.npos || equals > semicolon) {
            header.remove_prefix(semicolon);
            continue;
        }
        const auto name = lower(trimmed(header.substr(0, equals)));
        header.remove_prefix(equals + 1);
        header.remove_prefix(std::min(header.find_first_not_of(" \t"), header.size()));
        result.parameters.emplace(name, take_value(header));
    }
    return result;
}

} // namespace images
