#include "daemon/images/templates/filters.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "daemon/base/calendar.h"
#include "daemon/images/templates/text_filters.h"
#include "schema/error.h"
#include "schema/values.h"

namespace images::templates {

namespace {

Value add(const Value& input, const Value& parameter) {
    if (input.is_number() && parameter.is_number()) {
        if (input.is_float() || parameter.is_float()) return input.number() + parameter.number();
        return static_cast<int64_t>(static_cast<uint64_t>(input.integer()) +
                                    static_cast<uint64_t>(parameter.integer()));
    }
    return input.text() + parameter.text();
}

/// Of a time in RFC 3339, in a layout of Go's.
Value date(const Value& input, const Value& parameter) {
    if (!input.is_string()) throw schema::failure("the input of a date filter must be a time");
    return base::formatted(schema::parse_rfc3339(input.text()), parameter.text());
}

Value or_default(const Value& input, const Value& parameter) {
    return input.is_true() ? input : parameter;
}

Value or_default_if_none(const Value& input, const Value& parameter) {
    return input.is_nothing() ? parameter : input;
}

Value divisible_by(const Value& input, const Value& parameter) {
    const auto divisor = parameter.integer();
    if (divisor == 0) return false;
    return divisor == -1 || input.integer() % divisor == 0;
}

/// The parts that a list filter works on: members, or the characters of a text.
Value::List parts_of(const Value& input) {
    if (const auto* list = input.list()) return *list;
    Value::List parts;
    if (!input.is_string()) return parts;
    const auto text = input.text();
    const auto all = characters(text);
    if (all.size() > most_parts) throw schema::failure("it is longer than {} characters", most_parts);
    for (const auto part : all) parts.emplace_back(std::string(part));
    return parts;
}

Value first(const Value& input, const Value&) {
    auto parts = parts_of(input);
    return parts.empty() ? Value("") : parts.front();
}

Value last(const Value& input, const Value&) {
    auto parts = parts_of(input);
    return parts.empty() ? Value("") : parts.back();
}

Value join(const Value& input, const Value& parameter) {
    if (input.list() == nullptr && !input.is_string()) return input;
    const auto separator = parameter.text();
    std::string joined;
    bool later = false;
    for (const auto& part : parts_of(input)) {
        joined += (later ? separator : "") + part.text();
        later = true;
        if (joined.size() > longest_text) throw schema::failure("the text would be longer than {} bytes", longest_text);
    }
    return joined;
}

Value split(const Value& input, const Value& parameter) {
    const auto text = input.text();
    const auto separator = parameter.text();
    if (separator.empty()) return parts_of(text);
    Value::List parts;
    for (size_t at = 0;;) {
        const auto end = position_of(text, separator, at);
        parts.emplace_back(text.substr(at, end - at));
        if (parts.size() > most_parts) throw schema::failure("there are more than {} parts", most_parts);
        if (end == std::string::npos) return parts;
        at = end + separator.size();
    }
}

Value make_list(const Value& input, const Value&) {
    return parts_of(input.text());
}

Value slice(const Value& input, const Value& parameter) {
    const auto ends_text = parameter.text();
    const auto ends = schema::split(ends_text, ':');
    if (ends.size() != 2) throw schema::failure("a slice has the form 'from:to'");
    if (input.list() == nullptr && !input.is_string()) return input;
    auto parts = parts_of(input);
    const auto size = static_cast<int64_t>(parts.size());
    const auto place = [&](std::string_view text) {
        const auto number = Value(std::string(text)).integer();
        return number < 0 ? std::max<int64_t>(0, size + number) : number;
    };
    const auto from = std::min(place(ends[0]), size);
    const auto wanted = place(ends[1]);
    const auto to = wanted >= from && wanted <= size ? wanted : size;
    const Value::List part(parts.begin() + from, parts.begin() + to);
    return input.is_string() ? join(part, "") : Value(part);
}

Value length(const Value& input, const Value&) {
    return static_cast<int64_t>(input.size());
}

Value length_is(const Value& input, const Value& parameter) {
    return static_cast<int64_t>(input.size()) == parameter.integer();
}

Value integer(const Value& input, const Value&) {
    return input.integer();
}

Value floating(const Value& input, const Value&) {
    return input.number();
}

Value float_format(const Value& input, const Value& parameter) {
    constexpr int64_t most_decimals = 1000;
    const auto number = input.number();
    auto decimals = parameter.is_nothing() ? -1 : parameter.integer();
    bool trims = !parameter.is_number();
    if (decimals < -most_decimals || decimals > most_decimals)
        throw schema::failure("more than {} decimals", most_decimals);
    if (decimals <= 0) {
        decimals = -decimals;
        trims = true;
    }
    if (trims && number == std::trunc(number)) decimals = 0;
    return fmt::format("{:.{}f}", number, decimals);
}

Value get_digit(const Value& input, const Value& parameter) {
    const auto text = input.text();
    const auto place = parameter.integer();
    if (place <= 0 || place > static_cast<int64_t>(text.size())) return input;
    return static_cast<int64_t>(text[text.size() - static_cast<size_t>(place)] - '0');
}

Value pluralize(const Value& input, const Value& parameter) {
    if (!input.is_number()) throw schema::failure("it works on numbers alone");
    const bool one = input.integer() == 1;
    if (parameter.text().empty()) return one ? "" : "s";
    const auto text = parameter.text();
    const auto endings = schema::split(text, ',');
    if (endings.size() > 2) throw schema::failure("there are two endings at most");
    if (endings.size() == 1) return one ? std::string() : std::string(endings[0]);
    return std::string(endings[one ? 0 : 1]);
}

Value yes_no(const Value& input, const Value& parameter) {
    std::array<std::string, 3> words{"yes", "no", "maybe"};
    if (const auto text = parameter.text(); !text.empty()) {
        const auto own = schema::split(text, ',');
        if (own.size() < 2 || own.size() > 3) throw schema::failure("it takes two or three words");
        std::copy(own.begin(), own.end(), words.begin());
    }
    if (input.is_nothing()) return words[2];
    return words[input.is_true() ? 0 : 1];
}

Value safe(const Value& input, const Value&) {
    return input.as_safe();
}

// clang-format off
constexpr std::array table = {
    Filter{"add", add},
    Filter{"addslashes", add_slashes},
    Filter{"capfirst", capitalize_first},
    Filter{"center", center},
    Filter{"cut", cut},
    Filter{"date", date},
    Filter{"default", or_default},
    Filter{"default_if_none", or_default_if_none},
    Filter{"divisibleby", divisible_by},
    Filter{"escape", escape},
    Filter{"escapejs", escape_javascript},
    Filter{"first", first},
    Filter{"float", floating},
    Filter{"floatformat", float_format},
    Filter{"get_digit", get_digit},
    Filter{"integer", integer},
    Filter{"iriencode", iri_encode},
    Filter{"join", join},
    Filter{"last", last},
    Filter{"length", length},
    Filter{"length_is", length_is},
    Filter{"linebreaks", line_breaks},
    Filter{"linebreaksbr", line_breaks_br},
    Filter{"linenumbers", line_numbers},
    Filter{"ljust", left_justify},
    Filter{"lower", lower},
    Filter{"make_list", make_list},
    Filter{"pluralize", pluralize},
    Filter{"removetags", remove_tags},
    Filter{"rjust", right_justify},
    Filter{"safe", safe},
    Filter{"slice", slice},
    Filter{"split", split},
    Filter{"stringformat", string_format},
    Filter{"striptags", strip_tags},
    Filter{"title", title},
    Filter{"truncatechars", truncate_characters},
    Filter{"truncatewords", truncate_words},
    Filter{"upper", upper},
    Filter{"urlencode", url_encode},
    Filter{"wordcount", word_count},
    Filter{"wordwrap", word_wrap},
    Filter{"yesno", yes_no},
};
// clang-format on
static_assert(std::is_sorted(table.begin(), table.end(),
                             [](const Filter& left, const Filter& right) { return left.name < right.name; }));

} // namespace

const Filter* find_filter(std::string_view name) noexcept {
    const auto* found = std::ranges::find(table, name, &Filter::name);
    return found == table.end() ? nullptr : found;
}

} // namespace images::templates
