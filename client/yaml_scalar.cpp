#include "client/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace client {

namespace {

constexpr int best_width = 80;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// --- which texts would be read as something else when written plain --------------------------------------------

constexpr std::array<std::string_view, 38> special_words{
    "y",    "Y",    "yes",  "Yes",   "YES",   "true",  "True",  "TRUE",  "on",    "On",    "ON",    "n",     "N",
    "no",   "No",   "NO",   "false", "False", "FALSE", "off",   "Off",   "OFF",   "~",     "null",  "Null",  "NULL",
    ".nan", ".NaN", ".NAN", ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
};

bool is_special_word(std::string_view text) {
    return text.empty() || std::find(special_words.begin(), special_words.end(), text) != special_words.end();
}

std::string_view take_digits(std::string_view& text) {
    size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    const auto digits = text.substr(0, end);
    text.remove_prefix(end);
    return digits;
}

/// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_decimal(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const bool whole = !take_digits(text).empty();
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (take_digits(text).empty() && !whole) return false;
    } else if (!whole) {
        return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
        if (take_digits(text).empty()) return false;
    }
    return text.empty();
}

/// 0x1f, 0o17, 0b11, with a sign.
bool is_based_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (text.size() < 3 || text[0] != '0') return false;
    const char base = static_cast<char>(text[1] | 0x20);
    const std::string_view digits = base == 'x'   ? "0123456789abcdefABCDEF"
                                    : base == 'o' ? "01234567"
                                    : base == 'b' ? "01"
                                                  : "";
    return !digits.empty() && text.substr(2).find_first_not_of(digits) == std::string_view::npos;
}

/// 12:30:45 was a number to older readers.
bool is_sexagesimal(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || !is_digit(text[0])) return false;
    while (!text.empty() && (is_digit(text[0]) || text[0] == '_')) text.remove_prefix(1);
    bool has_colon = false;
    while (text.starts_with(':')) {
        text.remove_prefix(1);
        const auto digits = take_digits(text);
        if (digits.empty() || digits.size() > 2 || (digits.size() == 2 && digits[0] > '5')) return false;
        has_colon = true;
    }
    if (!has_colon) return false;
    if (text.starts_with('.')) text.remove_prefix(1);
    return text.find_first_not_of("0123456789_") == std::string_view::npos;
}

/// 2022-01-01, or with a time: what YAML reads as a timestamp.
bool is_timestamp(std::string_view text) {
    if (take_digits(text).size() != 4) return false;
    for (int part = 0; part < 2; ++part) {
        if (!text.starts_with('-')) return false;
        text.remove_prefix(1);
        const auto digits = take_digits(text);
        if (digits.empty() || digits.size() > 2) return false;
    }
    if (text.empty()) return true;
    const bool separate = text[0] == ' ';
    if (text[0] != 'T' && text[0] != 't' && !separate) return false;
    text.remove_prefix(1);
    for (int part = 0; part < 3; ++part) {
        if (part > 0 && !text.starts_with(':')) return false;
        if (part > 0) text.remove_prefix(1);
        const auto digits = take_digits(text);
        if (digits.empty() || digits.size() > 2) return false;
    }
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (take_digits(text).empty()) return false;
    }
    if (separate) return text.empty();
    return text == "Z" || text.starts_with('+') || text.starts_with('-');
}

bool reads_as_text(std::string_view text) {
    if (is_special_word(text)) return false;
    const char first = text[0];
    if (!is_digit(first) && first != '+' && first != '-' && first != '.') return true;
    if (first != '.' && is_timestamp(text)) return false;
    std::string bare(text);
    std::erase(bare, '_');
    return !is_decimal(bare) && !is_based_integer(bare) && !is_sexagesimal(text);
}

// --- what the characters of a text allow ------------------------------------------------------------------------

struct Analysis {
    bool plain = true;
    bool single_quoted = true;
    bool literal = true;
};

/// The code point at `i`; its length in bytes. Malformed bytes count as one unprintable character.
std::pair<uint32_t, size_t> decode(std::string_view text, size_t i) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t length = first < 0x80          ? 1
                          : (first >> 5U) == 6  ? 2
                          : (first >> 4U) == 14 ? 3
                          : (first >> 3U) == 30 ? 4
                                                : 0;
    if (length == 0 || i + length > text.size()) return {0xFFFF, 1};
    uint32_t point = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (size_t k = 1; k < length; ++k) point = (point << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    return {point, length};
}

bool is_printable(uint32_t point) {
    return point == 0x0A || (point >= 0x20 && point <= 0x7E) || (point >= 0xA0 && point <= 0xD7FF) ||
           (point >= 0xE000 && point <= 0xFFFD && point != 0xFEFF) || point >= 0x10000;
}

bool is_break(uint32_t point) {
    return point == '\n' || point == '\r' || point == 0x85 || point == 0x2028 || point == 0x2029;
}

Analysis analyse(std::string_view text) {
    Analysis result;
    if (text.empty()) return {.plain = false, .literal = false};
    bool special = false;
    bool indicators = text.starts_with("---") || text.starts_with("...");
    bool line_breaks = false;
    bool space_break = false;
    bool break_space = false;
    bool after_space = false;
    bool after_break = false;
    bool preceded = true;
    for (size_t i = 0; i < text.size();) {
        const auto [point, length] = decode(text, i);
        const auto next = i + length;
        const auto [follower, unused] = next < text.size() ? decode(text, next) : std::pair<uint32_t, size_t>{' ', 1};
        const bool followed = follower == ' ' || follower == '\t' || is_break(follower);
        const char c = point < 0x80 ? static_cast<char>(point) : 'x';
        if (i == 0) {
            if (std::string_view("#,[]{}&*!|>'\"%@`").find(c) != std::string_view::npos) indicators = true;
            if (std::string_view("?:-").find(c) != std::string_view::npos && followed) indicators = true;
        } else if ((c == ':' && followed) || (c == '#' && preceded)) {
            indicators = true;
        }
        if (!is_printable(point)) special = true;
        if (point == ' ') {
            if (i == 0 || next == text.size()) result.plain = false;
            if (next == text.size()) result.literal = false;
            if (after_break) break_space = true;
            after_space = true;
            after_break = false;
        } else if (is_break(point)) {
            line_breaks = true;
            if (after_space) space_break = true;
            after_space = false;
            after_break = true;
        } else {
            after_space = after_break = false;
        }
        preceded = point == ' ' || point == '\t' || is_break(point);
        i = next;
    }
    if (break_space) result.plain = result.single_quoted = false;
    if (space_break || special) result = {false, false, false};
    if (line_breaks || indicators) result.plain = false;
    return result;
}

// --- the styles -------------------------------------------------------------------------------------------------

/// Collects a scalar and folds it: a space past the best width may become a line break.
class Folder {
public:
    Folder(int indent, int column, bool may_fold) : indent_(indent), column_(column), may_fold_(may_fold) {}

    std::string out;

    void put(std::string_view character) {
        out += character;
        ++column_;
    }
    bool too_wide() const { return may_fold_ && column_ > best_width; }
    void new_line() {
        out += '\n';
        out.append(static_cast<size_t>(indent_), ' ');
        column_ = indent_;
    }

private:
    int indent_;
    int column_;
    bool may_fold_;
};

std::string plain_style(std::string_view text, Folder folder) {
    bool after_space = false;
    for (size_t i = 0; i < text.size();) {
        const auto length = decode(text, i).second;
        if (text[i] == ' ' && !after_space && folder.too_wide() && !text.substr(i + 1).starts_with(' ')) {
            folder.new_line();
        } else {
            folder.put(text.substr(i, length));
        }
        after_space = text[i] == ' ';
        i += length;
    }
    return folder.out;
}

std::string single_quoted_style(std::string_view text, Folder folder) {
    folder.put("'");
    bool after_space = false;
    bool after_break = false;
    for (size_t i = 0; i < text.size();) {
        const auto length = decode(text, i).second;
        if (text[i] == ' ' && !after_space && folder.too_wide() && i > 0 && i + 1 < text.size() && text[i + 1] != ' ') {
            folder.new_line();
        } else if (text[i] == '\n') {
            if (!after_break) folder.out += '\n';
            folder.out += '\n';
        } else {
            if (after_break) folder.new_line();
            folder.put(text.substr(i, length));
            if (text[i] == '\'') folder.put("'");
        }
        after_space = text[i] == ' ';
        after_break = text[i] == '\n';
        i += length;
    }
    folder.put("'");
    return folder.out;
}

std::string escape_of(uint32_t point) {
    switch (point) {
    case 0x00:
        return "\\0";
    case 0x07:
        return "\\a";
    case 0x08:
        return "\\b";
    case 0x09:
        return "\\t";
    case 0x0A:
        return "\\n";
    case 0x0B:
        return "\\v";
    case 0x0C:
        return "\\f";
    case 0x0D:
        return "\\r";
    case 0x1B:
        return "\\e";
    case 0x22:
        return "\\\"";
    case 0x5C:
        return "\\\\";
    case 0x85:
        return "\\N";
    case 0xA0:
        return "\\_";
    case 0x2028:
        return "\\L";
    case 0x2029:
        return "\\P";
    default:
        if (point <= 0xFF) return fmt::format("\\x{:02X}", point);
        if (point <= 0xFFFF) return fmt::format("\\u{:04X}", point);
        return fmt::format("\\U{:08X}", point);
    }
}

std::string double_quoted_style(std::string_view text, Folder folder) {
    folder.put("\"");
    bool after_space = false;
    for (size_t i = 0; i < text.size();) {
        const auto [point, length] = decode(text, i);
        if (!is_printable(point) || is_break(point) || point == '"' || point == '\\') {
            for (const char c : escape_of(point)) folder.put({&c, 1});
            after_space = false;
        } else if (point == ' ') {
            if (!after_space && folder.too_wide() && i > 0 && i + 1 < text.size()) {
                folder.new_line();
                if (text[i + 1] == ' ') folder.put("\\");
            } else {
                folder.put(" ");
            }
            after_space = true;
        } else {
            folder.put(text.substr(i, length));
            after_space = false;
        }
        i += length;
    }
    folder.put("\"");
    return folder.out;
}

std::string literal_style(std::string_view text, int indent) {
    std::string out = "|";
    if (text[0] == ' ' || text[0] == '\n') out += '2';
    if (text.back() != '\n') {
        out += '-';
    } else if (text.size() == 1 || text[text.size() - 2] == '\n') {
        out += '+';
    }
    out += '\n';
    bool at_start = true;
    for (const char c : text) {
        if (c != '\n' && at_start) out.append(static_cast<size_t>(indent), ' ');
        out += c;
        at_start = c == '\n';
    }
    if (!at_start) return out;
    out.pop_back(); // The writer ends every value with a newline of its own.
    return out;
}

std::string styled(std::string_view text, int indent, Folder folder, bool is_key) {
    const auto allowed = analyse(text);
    if (!is_key && text.find('\n') != std::string_view::npos && allowed.literal) return literal_style(text, indent);
    const bool as_text = reads_as_text(text);
    const bool has_break = text.find('\n') != std::string_view::npos;
    if (as_text && allowed.plain && !has_break) return plain_style(text, folder);
    if (as_text && allowed.single_quoted && !has_break) return single_quoted_style(text, folder);
    return double_quoted_style(text, folder);
}

} // namespace

std::string yaml_scalar(std::string_view text, int indent, int column) {
    return styled(text, indent, Folder(indent, column, true), false);
}

std::string yaml_key(std::string_view text) {
    return styled(text, 0, Folder(0, 0, false), true);
}

} // namespace client
