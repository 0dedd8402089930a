#include "daemon/images/templates/text_filters.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <clocale>
#include <cstdio>
#include <cwctype>

#include <fmt/format.h>

#include "daemon/images/templates/filters.h"
#include "schema/error.h"
#include "schema/values.h"

namespace images::templates {

namespace {

constexpr std::string_view white_space = " \t\r\n\v\f";

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
    std::string result;
    for (size_t at = 0;;) {
        const auto found = what.empty() ? std::string_view::npos : position_of(text, what, at);
        result += text.substr(at, found - at);
        if (found == std::string_view::npos) return result;
        result += by;
        if (result.size() > longest_text) throw schema::failure("the text would be longer than {} bytes", longest_text);
        at = found + what.size();
    }
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (size_t at = 0;;) {
        at = text.find_first_not_of(white_space, at);
        if (at == std::string_view::npos) return words;
        const auto end = std::min(text.find_first_of(white_space, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
}

std::string joined(const std::vector<std::string_view>& parts, std::string_view separator) {
    return fmt::to_string(fmt::join(parts, separator));
}

/// One character in upper or lower case, for those that Unicode has in two bytes at most: all alphabets with case.
std::string cased(std::string_view character, wint_t (*change)(wint_t, locale_t)) {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    const auto byte = [&](size_t index) { return static_cast<uint8_t>(character[index]); };
    if (character.size() > 2 || locale == nullptr) return std::string(character);
    const bool wide = character.size() == 2;
    const wint_t code = wide ? (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU) : byte(0);
    const auto changed = !wide && code >= 0x80 ? code : change(code, locale);
    if (changed < 0x80 || (!wide && changed == code)) return {static_cast<char>(changed)};
    if (changed >= 0x800) return std::string(character);
    return {static_cast<char>(0xC0U | changed >> 6U), static_cast<char>(0x80U | (changed & 0x3FU))};
}

std::string all_cased(std::string_view text, wint_t (*change)(wint_t, locale_t)) {
    std::string result;
    for (const auto character : characters(text)) result += cased(character, change);
    return result;
}

/// Spaces that bring a text to this width.
size_t missing(const Value& input, const Value& width) {
    const auto wanted = width.integer();
    if (wanted > static_cast<int64_t>(longest_text)) throw schema::failure("the width {} is too large", wanted);
    const auto size = characters(input.text()).size();
    return wanted > static_cast<int64_t>(size) ? static_cast<size_t>(wanted) - size : 0;
}

std::string escaped_for_query(std::string_view text) {
    std::string result;
    for (const char character : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(character)) != 0 ||
                           std::string_view("-_.~").find(character) != std::string_view::npos;
        if (plain)
            result += character;
        else if (character == ' ')
            result += '+';
        else
            result += fmt::format("%{:02X}", static_cast<uint8_t>(character));
    }
    return result;
}

} // namespace

std::string html_escaped(std::string_view text) {
    std::string result;
    for (const char character : text) {
        switch (character) {
        case '&':
            result += "&amp;";
            break;
        case '<':
            result += "&lt;";
            break;
        case '>':
            result += "&gt;";
            break;
        case '"':
            result += "&quot;";
            break;
        case '\'':
            result += "&#39;";
            break;
        default:
            result += character;
        }
    }
    return result;
}

Value add_slashes(const Value& input, const Value&) {
    std::string result;
    for (const char character : input.text()) {
        if (std::string_view("\\\"'").find(character) != std::string_view::npos) result += '\\';
        result += character;
    }
    return result;
}

Value capitalize_first(const Value& input, const Value&) {
    const auto text = input.text();
    const auto all = characters(text);
    if (all.empty()) return "";
    return cased(all[0], ::towupper_l) + text.substr(all[0].size());
}

Value center(const Value& input, const Value& parameter) {
    const auto spaces = missing(input, parameter);
    const auto right = spaces / 2;
    return std::string(spaces - right, ' ') + input.text() + std::string(right, ' ');
}

Value cut(const Value& input, const Value& parameter) {
    return replaced(input.text(), parameter.text(), "");
}

Value escape(const Value& input, const Value&) {
    return Value(html_escaped(input.text())).as_safe();
}

Value escape_javascript(const Value& input, const Value&) {
    std::string result;
    for (const char character : input.text()) {
        const bool plain = std::isalpha(static_cast<unsigned char>(character)) != 0 || character == ' ' ||
                           character == '/' || static_cast<uint8_t>(character) >= 0x80;
        if (plain)
            result += character;
        else
            result += fmt::format("\\u{:04X}", static_cast<uint8_t>(character));
    }
    return result;
}

Value iri_encode(const Value& input, const Value&) {
    std::string result;
    for (const char character : input.text()) {
        const bool kept = std::string_view("/#%[]=:;$&()+,!?*@'~").find(character) != std::string_view::npos;
        result += kept ? std::string(1, character) : escaped_for_query({&character, 1});
    }
    return result;
}

Value left_justify(const Value& input, const Value& parameter) {
    return input.text() + std::string(missing(input, parameter), ' ');
}

Value right_justify(const Value& input, const Value& parameter) {
    return std::string(missing(input, parameter), ' ') + input.text();
}

Value line_breaks(const Value& input, const Value&) {
    const auto text = input.text();
    if (text.empty()) return "";
    std::string result = "<p>";
    for (size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        result += text.substr(at, end - at);
        if (end == std::string::npos) break;
        const auto next = std::min(text.find_first_not_of('\n', end), text.size());
        if (next < text.size()) result += next - end > 1 ? "</p><p>" : "<br />";
        at = next;
    }
    return result + "</p>";
}

Value line_breaks_br(const Value& input, const Value&) {
    return replaced(input.text(), "\n", "<br />");
}

Value line_numbers(const Value& input, const Value&) {
    const auto text = input.text();
    std::string result;
    int64_t number = 0;
    for (const auto line : schema::split(text, '\n')) {
        result += fmt::format("{}{}. {}", number == 0 ? "" : "\n", number + 1, line);
        ++number;
    }
    return result;
}

Value lower(const Value& input, const Value&) {
    return all_cased(input.text(), ::towlower_l);
}

Value upper(const Value& input, const Value&) {
    return all_cased(input.text(), ::towupper_l);
}

Value title(const Value& input, const Value&) {
    const auto text = all_cased(input.text(), ::towlower_l);
    std::string result;
    bool in_word = false;
    for (const auto character : characters(text)) {
        result += in_word ? std::string(character) : cased(character, ::towupper_l);
        const auto byte = static_cast<unsigned char>(character[0]);
        in_word = std::isalnum(byte) != 0 || byte >= 0x80 || character[0] == '_' || character[0] == '\'';
    }
    return result;
}

/// The tags are taken away, what is between them stays.
Value remove_tags(const Value& input, const Value& parameter) {
    constexpr size_t most_names = 64; // each goes through the text
    auto text = input.text();
    const auto list = parameter.text();
    const auto names = schema::split(list, ',');
    if (names.size() > most_names) throw schema::failure("there are more than {} tags", most_names);
    for (const auto part : names) {
        const auto name = schema::stripped(part);
        if (name.empty()) continue;
        for (const auto& form : {fmt::format("<{}>", name), fmt::format("</{}>", name), fmt::format("<{}/>", name)})
            text = replaced(text, form, "");
    }
    return std::string(schema::stripped(text));
}

Value strip_tags(const Value& input, const Value&) {
    const auto text = input.text();
    std::string result;
    for (size_t at = 0; at < text.size();) {
        const auto begin = std::min(text.find('<', at), text.size());
        const auto end = text.find('>', begin);
        if (begin == text.size() || end == std::string::npos) {
            result += text.substr(at);
            break;
        }
        result += text.substr(at, begin - at);
        at = end + 1;
    }
    return std::string(schema::stripped(result));
}

/// One conversion of Go's Sprintf with text around it; what a value cannot be shown by is an error.
Value string_format(const Value& input, const Value& parameter) {
    constexpr int largest_width = 1000;
    const auto format = parameter.text();
    const auto begin = format.find('%');
    if (begin == std::string::npos) return format;
    const auto end = format.find_first_not_of("+-# 0123456789.", begin + 1);
    if (end == std::string::npos) throw schema::failure("the format {:?} is not complete", format);
    const auto flags = format.substr(begin + 1, end - begin - 1);
    int width = 0;
    for (const char character : flags) {
        width = std::isdigit(static_cast<unsigned char>(character)) != 0 ? width * 10 + (character - '0') : 0;
        if (width > largest_width) throw schema::failure("the width in {:?} is too large", format);
    }
    const char verb = format[end];
    const std::string_view verbs = input.is_integer() ? "dxXov" : input.is_float() ? "feEgGv" : "sv";
    if (verbs.find(verb) == std::string_view::npos) throw schema::failure("the format {:?} does not fit", format);
    std::array<char, 4096> buffer{}; // the widest number, and as many decimals
    std::string shown;
    if (input.is_integer()) {
        const auto real = "%" + flags + "l" + (verb == 'v' ? 'd' : verb);
        std::snprintf(buffer.data(), buffer.size(), real.c_str(), input.integer());
        shown = buffer.data();
    } else if (input.is_float()) {
        const auto real = "%" + flags + (verb == 'v' ? 'g' : verb);
        std::snprintf(buffer.data(), buffer.size(), real.c_str(), input.number());
        shown = buffer.data();
    } else {
        const bool left = flags.starts_with('-');
        shown = left ? left_justify(input, int64_t{width}).text() : right_justify(input, int64_t{width}).text();
    }
    return format.substr(0, begin) + shown + format.substr(end + 1);
}

Value truncate_characters(const Value& input, const Value& parameter) {
    const auto text = input.text();
    const auto all = characters(text);
    const auto wanted = static_cast<size_t>(std::max<int64_t>(0, parameter.integer()));
    if (all.size() <= wanted) return text;
    const auto kept = wanted >= 3 ? wanted - 3 : wanted;
    std::string result;
    for (size_t index = 0; index < kept; ++index) result += all[index];
    return wanted >= 3 ? result + "..." : result;
}

Value truncate_words(const Value& input, const Value& parameter) {
    const auto text = input.text();
    auto words = words_of(text);
    const auto wanted = parameter.integer();
    if (wanted <= 0) return "";
    if (words.size() <= static_cast<size_t>(wanted)) return joined(words, " ");
    words.resize(static_cast<size_t>(wanted));
    words.emplace_back("...");
    return joined(words, " ");
}

Value url_encode(const Value& input, const Value&) {
    return escaped_for_query(input.text());
}

Value word_count(const Value& input, const Value&) {
    return static_cast<int64_t>(words_of(input.text()).size());
}

Value word_wrap(const Value& input, const Value& parameter) {
    const auto text = input.text();
    const auto words = words_of(text);
    const auto wanted = parameter.integer();
    if (wanted <= 0) return text;
    std::string result;
    for (size_t index = 0; index < words.size(); ++index) {
        if (index > 0) result += index % static_cast<size_t>(wanted) == 0 ? '\n' : ' ';
        result += words[index];
    }
    return result;
}

} // namespace images::templates
