#include "schema/filter.h"

#include <algorithm>
#include <optional>

#include <re2/re2.h>
#include <strings.h>

#include "schema/error.h"
#include "schema/limits.h"
#include "schema/values.h"

namespace schema {

namespace {

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

/// One VALUE, compiled once. RE2 is Go's engine: the same syntax, in time and memory that no pattern can make endless.
class Filter::Pattern {
public:
    explicit Pattern(std::string value) : literal_(std::move(value)) {
        if (literal_.size() > limits::filter_length.value) return;
        const bool anchored = literal_.find_first_of("^$") != std::string::npos;
        RE2::Options options(RE2::Quiet);
        options.set_case_sensitive(false);
        options.set_max_mem(limits::filter_memory.value);
        compiled_ = std::make_unique<RE2>(anchored ? literal_ : "^" + literal_ + "$", options);
    }

    bool matches(const std::string& value) const {
        if (!compiled_ || !compiled_->ok()) return strcasecmp(value.c_str(), literal_.c_str()) == 0;
        return RE2::PartialMatch(value, *compiled_);
    }

private:
    std::string literal_;
    std::unique_ptr<RE2> compiled_; // not ok where the value is no expression: it is compared as text
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
        if (filter.clauses_.size() > limits::filter_clauses.value)
            throw bad_request("Invalid filter: more than {} clauses", limits::filter_clauses.value);
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
