#include "schema/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <fmt/format.h>

namespace schema {

namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_one_of(std::string_view value, const std::array<std::string_view, 4>& words) noexcept {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return std::equal(value.begin(), value.end(), word.begin(), word.end(),
                          [](char a, char b) { return lower(a) == b; });
    });
}

} // namespace

bool is_true(std::string_view value) noexcept {
    return is_one_of(value, {"true", "yes", "1", "on"});
}

bool is_false(std::string_view value) noexcept {
    return is_one_of(value, {"false", "no", "0", "off"});
}

std::optional<int64_t> parse_integer(std::string_view text) noexcept {
    if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
    int64_t number = 0;
    const auto* first = std::to_address(text.begin());
    const auto* last = first + text.size();
    const auto [stop, error] = std::from_chars(first, last, number);
    if (error != std::errc{} || stop != last) return std::nullopt;
    return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string_view stripped(std::string_view text) noexcept {
    constexpr std::string_view blank = " \t\r\n";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        switch (c) {
        case '"':
            result += "\\\"";
            break;
        case '\\':
            result += "\\\\";
            break;
        case '\n':
            result += "\\n";
            break;
        case '\r':
            result += "\\r";
            break;
        case '\t':
            result += "\\t";
            break;
        default:
            if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f) {
                result += fmt::format("\\x{:02x}", byte);
            } else {
                result += c;
            }
        }
    }
    return result + '"';
}

} // namespace schema
