#include "client/yaml_out.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "client/yaml_scalar.h"

namespace client {

namespace {

using schema::Json;
using Kind = Shape::Kind;

bool is_letter(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}
bool is_digit(unsigned char c) {
    return c >= '0' && c <= '9';
}

class Writer {
public:
    std::string out;

    void value(const Json& item, const Shape* shape, int indent, Position position) {
        if (const auto kind = shape == nullptr ? Kind::any : shape->kind; item.is_null() && kind == Kind::map) {
            scalar("{}");
        } else if (item.is_null() && kind == Kind::list) {
            scalar("[]");
        } else if (item.is_object()) {
            map(item, shape, indent, position);
        } else if (item.is_array()) {
            list(item, shape, indent, position);
        } else {
            scalar(scalar_text(item, shape, indent));
        }
    }

private:
    void start_line(int indent) { out.append(static_cast<size_t>(indent), ' '); }
    void scalar(std::string_view text) {
        if (!out.empty() && out.back() != ' ' && out.back() != '\n') out += ' ';
        out += text;
        out += '\n';
    }
    int column() const {
        const auto newline = out.rfind('\n');
        return static_cast<int>(newline == std::string::npos ? out.size() : out.size() - newline - 1);
    }

    std::string scalar_text(const Json& item, const Shape* shape, int indent) const {
        if (item.is_null()) return "null";
        if (item.is_bool()) return item.as_bool() ? "true" : "false";
        if (item.is_integer() && shape != nullptr && shape->kind == Kind::number) {
            return fmt::format("{}", item.as_integer());
        }
        if (item.is_number()) return go_number(item.as_number());
        if (shape != nullptr && (shape->kind == Kind::time || shape->kind == Kind::optional_time))
            return item.as_string();
        // A space follows the colon or the dash that the line ends with so far.
        return yaml_scalar(item.as_string(), indent, column() + (out.empty() || out.back() == ' ' ? 0 : 1));
    }

    void map(const Json& item, const Shape* shape, int indent, Position position) {
        std::vector<const Json::Member*> members;
        for (const auto& member : item.as_object()) members.push_back(&member);
        if (members.empty()) return scalar("{}");
        const bool has_fields = shape != nullptr && !shape->fields.empty();
        if (!has_fields) {
            std::stable_sort(members.begin(), members.end(),
                             [](const auto* a, const auto* b) { return yaml_key_less(a->first, b->first); });
        }
        const auto* field = has_fields ? shape->fields.begin() : nullptr;
        open(position);
        for (const auto* member : members) {
            if (member != members.front() || position != Position::in_list) start_line(indent);
            out += yaml_key(member->first);
            out += ':';
            const Shape* inner = shape == nullptr ? nullptr : shape->element;
            if (has_fields) {
                while (field != shape->fields.end() && field->name != member->first) ++field;
                inner = field == shape->fields.end() ? nullptr : field->shape;
            }
            value(member->second, inner, member->second.is_array() ? indent : indent + 2, Position::in_map);
        }
    }

    void list(const Json& item, const Shape* shape, int indent, Position position) {
        if (item.as_array().empty()) return scalar("[]");
        open(position);
        bool first = true;
        for (const auto& element : item.as_array()) {
            if (!first || position != Position::in_list) start_line(indent);
            first = false;
            out += "- ";
            value(element, shape == nullptr ? nullptr : shape->element, indent + 2, Position::in_list);
        }
    }

    void open(Position position) {
        if (position == Position::in_map) out += '\n';
    }
};

} // namespace

bool yaml_key_less(std::string_view a, std::string_view b) {
    size_t i = 0;
    while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
    if (i == a.size() || i == b.size()) return a.size() < b.size();
    const auto x = static_cast<unsigned char>(a[i]);
    const auto y = static_cast<unsigned char>(b[i]);
    if (is_letter(x) && is_letter(y)) return x < y;
    if (is_letter(x) || is_letter(y)) return is_letter(y);
    // Digits compare as numbers; within a number, the part before the difference counts as well.
    size_t start = i;
    while (start > 0 && is_digit(static_cast<unsigned char>(a[start - 1]))) --start;
    const auto digits_from = [](std::string_view text, size_t from) {
        size_t end = from;
        while (end < text.size() && is_digit(static_cast<unsigned char>(text[end]))) ++end;
        return text.substr(from, end - from);
    };
    const auto significant = [](std::string_view digits) {
        const auto first = digits.find_first_not_of('0');
        return first == std::string_view::npos ? std::string_view() : digits.substr(first);
    };
    const auto all_a = digits_from(a, start);
    const auto all_b = digits_from(b, start);
    if (digits_from(a, i).empty() && digits_from(b, i).empty()) return x < y;
    const auto number_a = significant(all_a);
    const auto number_b = significant(all_b);
    if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
    if (number_a != number_b) return number_a < number_b;
    if (all_a.size() != all_b.size()) return all_a.size() < all_b.size();
    return x < y;
}

std::string go_number(double value) {
    if (std::isnan(value)) return ".nan";
    if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
    std::array<char, 64> buffer;
    const auto digits =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
    std::string scientific(buffer.data(), digits.ptr);
    const auto mark = scientific.find('e');
    const int exponent = std::stoi(scientific.substr(mark + 1));
    // Go's shortest %g turns to the exponent at a million.
    if (exponent < -4 || exponent >= 6) return scientific;
    const auto plain = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
    return {buffer.data(), plain.ptr};
}

std::string yaml(const schema::Json& value, const Shape* shape) {
    Writer writer;
    writer.value(value, shape, 0, Position::top);
    return writer.out;
}

} // namespace client
