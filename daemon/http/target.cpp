#include "daemon/http/target.h"

#include "schema/error.h"

namespace http {

namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

char decoded_octet(std::string_view text, size_t at) {
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
    if (low < 0) throw schema::bad_request("Invalid URL escape in \"{}\"", text);
    if (high == 0 && low == 0) throw schema::bad_request("A URL must not hold a NUL");
    return static_cast<char>(high * 16 + low);
}

std::string decoded(std::string_view text, bool plus_is_space) {
    std::string result;
    result.reserve(text.size());
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%') {
            result += decoded_octet(text, at);
            at += 2;
        } else {
            result += plus_is_space && text[at] == '+' ? ' ' : text[at];
        }
    }
    return result;
}

} // namespace

std::string encoded_segment(std::string_view name) {
    constexpr std::string_view plain = "-_.~$&+=:@";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : name) {
        const auto octet = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || plain.find(c) != std::string_view::npos)
            encoded += c;
        else
            encoded.append({'%', digits[octet >> 4U], digits[octet & 15U]});
    }
    return encoded;
}

std::string decoded_path(std::string_view path) {
    return decoded(path, false);
}

std::map<std::string, std::string> decoded_query(std::string_view query) {
    std::map<std::string, std::string> parameters;
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        parameters.emplace(decoded(pair.substr(0, equals), true), decoded(value, true));
    }
    return parameters;
}

} // namespace http
