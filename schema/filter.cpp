#include "schema/filter.h"

#include <algorithm>
#include <optional>

#include <regex.h>
#include <strings.h>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

/// What Go's syntax has beyond POSIX's, as far as people write it in filters.
std::string posix_syntax(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto rest = text.substr(i);
        if (rest.starts_with("(?:")) {
            result += '(';
            i += 2;
        } else if (rest.starts_with("\\d")) {
            result += "[0-9]";
            i += 1;
        } else if (rest.starts_with("\\D")) {
            result += "[^0-9]";
            i += 1;
        } else {
            result += text[i];
            if (text[i] == '\\' && rest.size() > 1) result += text[++i];
        }
    }
    return result;
}

/// What Go does not take either, or takes no time for: back-references, and repeats of repeats, which glibc unrolls.
bool is_costly(std::string_view text) {
    constexpr size_t longest = 1024;
    if (text.size() > longest || std::count(text.begin(), text.end(), '{') > 1) return true;
    for (auto at = text.find('\\'); at != std::string_view::npos && at + 1 < text.size();
         at = text.find('\\', at + 2)) {
        if (text[at + 1] >= '1' && text[at + 1] <= '9') return true;
    }
    return false;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (auto rest = stripped(text); !rest.empty(); rest = stripped(rest)) {
        const auto end = rest.find_first_of(" \t\r\n");
        words.push_back(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end);
    }
    return words;
}

/// Walks over the words of a filter.
class Words {
public:
    explicit Words(std::string_view text) : words_(words_of(text)) {}

    bool done() const { return next_ == words_.size(); }
    std::string_view take(std::string_view what_is_missing) {
        if (done()) throw bad_request("Invalid filter: {}", what_is_missing);
        return words_[next_++];
    }
    bool take_if(std::string_view word) {
        if (done() || strcasecmp(std::string(words_[next_]).c_str(), std::string(word).c_str()) != 0) return false;
        ++next_;
        return true;
    }
    /// A word, or words in double quotes joined by single spaces.
    std::string take_value() {
        const auto first = take("clause has no value");
        if (!first.starts_with('"')) return std::string(first);
        if (first.size() > 1 && first.ends_with('"')) return std::string(first.substr(1, first.size() - 2));
        std::string value(first.substr(1));
        while (true) {
            const auto word = take("unterminated quote");
            value += ' ';
            if (word.ends_with('"')) return value.append(word.substr(0, word.size() - 1));
            value += word;
        }
    }

private:
    std::vector<std::string_view> words_;
    size_t next_ = 0;
};

/// What a value is compared as; nothing for null, arrays and objects.
std::optional<std::string> comparable(const Json& value) {
    if (value.is_string()) return value.as_string();
    if (value.is_bool() || value.is_number()) return value.dump();
    return std::nullopt;
}

} // namespace

/// One VALUE, compiled once: POSIX's engine takes bounded memory and stack whatever the pattern.
class Filter::Pattern {
public:
    explicit Pattern(std::string value) : literal_(std::move(value)) {
        const bool anchored = literal_.find_first_of("^$") != std::string::npos;
        const auto text = posix_syntax(anchored ? literal_ : "^" + literal_ + "$");
        valid_ = !is_costly(literal_) && regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
    }
    ~Pattern() {
        if (valid_) regfree(&compiled_);
    }
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;

    bool matches(const std::string& value) const {
        if (!valid_) return strcasecmp(value.c_str(), literal_.c_str()) == 0;
        return regexec(&compiled_, value.c_str(), 0, nullptr, 0) == 0;
    }

private:
    std::string literal_;
    regex_t compiled_{};
    bool valid_ = false;
};

Filter Filter::parse(std::string_view text) {
    Filter filter;
    Words words(text);
    bool either = false;
    while (!words.done()) {
        Clause clause;
        clause.either = either;
        clause.negated = words.take_if("not");
        clause.field = words.take("incomplete not clause");
        const auto comparison = words.take("clause has no operator");
        // As in LXD, any other word compares for equality.
        if (comparison == "ne") clause.negated = !clause.negated;
        clause.pattern = std::make_shared<const Pattern>(words.take_value());
        filter.clauses_.push_back(std::move(clause));
        if (words.done()) break;
        const auto junction = words.take("");
        if (junction != "and" && junction != "or") throw bad_request("Invalid filter: invalid clause composition");
        if (words.done()) throw bad_request("Invalid filter: unterminated compound clause");
        either = junction == "or";
    }
    return filter;
}

bool Filter::matches(const Json& object) const {
    bool result = true;
    for (const auto& clause : clauses_) {
        const auto value = comparable(field_value(object, clause.field));
        const bool holds = (value && clause.pattern->matches(*value)) != clause.negated;
        result = clause.either ? result || holds : result && holds;
    }
    return result;
}

Json field_value(const Json& object, std::string_view field) {
    if (!object.is_object()) return nullptr;
    if (const auto* member = object.find(field)) return *member;
    const auto dot = field.find('.');
    if (dot == std::string_view::npos) return nullptr;
    const auto* member = object.find(field.substr(0, dot));
    if (member == nullptr || !member->is_object()) return nullptr;
    const auto& members = member->as_object();
    const auto rest = field.substr(dot + 1);
    const bool holds_texts = members.empty() || members.front().second.is_string();
    if (holds_texts && member->find(rest) == nullptr) return "";
    return field_value(*member, rest);
}

} // namespace schema
