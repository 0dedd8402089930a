#include "client/flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "schema/error.h"

namespace client {

namespace {

/// "-f, --force" or "--timeout", as complaints name a flag.
std::string display_name(const Flag& flag) {
    return flag.letter != 0 ? fmt::format("-{}, --{}", flag.letter, flag.name) : fmt::format("--{}", flag.name);
}

[[noreturn]] void reject(const Flag& flag, std::string_view value, std::string_view parser, std::string_view cause) {
    throw schema::bad_request("invalid argument \"{}\" for \"{}\" flag: strconv.{}: parsing \"{}\": {}", value,
                              display_name(flag), parser, value, cause);
}

template <class T> void check_number(const Flag& flag, std::string_view value, std::string_view parser) {
    T number{};
    auto digits = value;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc::result_out_of_range) reject(flag, value, parser, "value out of range");
    if (error != std::errc{} || end != digits.data() + digits.size()) reject(flag, value, parser, "invalid syntax");
}

void check(const Flag& flag, std::string_view value) {
    switch (flag.kind) {
    case FlagKind::toggle:
        try {
            parse_bool(value);
        } catch (const schema::Error&) {
            reject(flag, value, "ParseBool", "invalid syntax");
        }
        return;
    case FlagKind::number:
        return check_number<int>(flag, value, "ParseInt");
    case FlagKind::id:
        return check_number<uint32_t>(flag, value, "ParseUint");
    case FlagKind::text:
    case FlagKind::texts:
        return;
    }
}

/// Walks the words once; holds what parse_flags returns.
class Parser {
public:
    Parser(const std::vector<std::string>& words, View<Flag> own, View<Flag> global) : words_(words) {
        for (const auto& flag : own) result_.flags.declare(flag);
        for (const auto& flag : global) result_.flags.declare(flag);
    }

    ParsedFlags run() {
        while (next_ < words_.size()) {
            const std::string_view word = words_[next_++];
            if (word == "--") {
                result_.arguments.insert(result_.arguments.end(), words_.begin() + static_cast<ptrdiff_t>(next_),
                                         words_.end());
                break;
            }
            if (word.size() < 2 || word[0] != '-') {
                result_.arguments.emplace_back(word);
            } else if (word[1] == '-') {
                long_flag(word);
            } else {
                letters(word.substr(1));
            }
        }
        return std::move(result_);
    }

private:
    void long_flag(std::string_view word) {
        const auto body = word.substr(2);
        if (body[0] == '-' || body[0] == '=') throw schema::bad_request("bad flag syntax: {}", word);
        const auto equals = body.find('=');
        const auto name = body.substr(0, equals);
        const auto* flag = result_.flags.find(name);
        if (flag == nullptr) throw schema::bad_request("unknown flag: --{}", name);
        if (equals != std::string_view::npos) return set(*flag, body.substr(equals + 1));
        if (takes_no_value(*flag)) return set(*flag, bare_value(*flag));
        if (next_ == words_.size()) throw schema::bad_request("flag needs an argument: {}", word);
        set(*flag, words_[next_++]);
    }

    void letters(std::string_view cluster) {
        const auto whole = cluster;
        while (!cluster.empty()) {
            const char letter = cluster[0];
            const auto* flag = result_.flags.find(letter);
            if (flag == nullptr) throw schema::bad_request("unknown shorthand flag: '{}' in -{}", letter, whole);
            cluster.remove_prefix(1);
            if (cluster.size() > 1 && cluster[0] == '=') return set(*flag, cluster.substr(1));
            if (takes_no_value(*flag)) {
                set(*flag, bare_value(*flag));
            } else if (!cluster.empty()) {
                return set(*flag, cluster);
            } else if (next_ < words_.size()) {
                return set(*flag, words_[next_++]);
            } else {
                throw schema::bad_request("flag needs an argument: '{}' in -{}", letter, whole);
            }
        }
    }

    static bool takes_no_value(const Flag& flag) { return flag.kind == FlagKind::toggle || !flag.bare.empty(); }
    static std::string_view bare_value(const Flag& flag) {
        return flag.kind == FlagKind::toggle ? std::string_view("true") : flag.bare;
    }
    void set(const Flag& flag, std::string_view value) {
        check(flag, value);
        result_.flags.add(flag, std::string(value));
    }

    const std::vector<std::string>& words_;
    size_t next_ = 0;
    ParsedFlags result_;
};

} // namespace

bool parse_bool(std::string_view text) {
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "TRUE", "true", "True"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "FALSE", "false", "False"};
    if (std::find(yes.begin(), yes.end(), text) != yes.end()) return true;
    if (std::find(no.begin(), no.end(), text) != no.end()) return false;
    throw schema::bad_request("invalid boolean \"{}\"", text);
}

bool FlagValues::on(std::string_view name) const {
    const auto value = text(name);
    return !value.empty() && parse_bool(value);
}

std::string FlagValues::text(std::string_view name) const {
    if (const auto given = values_.find(name); given != values_.end()) return given->second.back();
    const auto* flag = find(name);
    return flag == nullptr ? std::string() : std::string(flag->initial);
}

std::vector<std::string> FlagValues::texts(std::string_view name) const {
    const auto given = values_.find(name);
    return given == values_.end() ? std::vector<std::string>{} : given->second;
}

int FlagValues::number(std::string_view name) const {
    const auto value = text(name);
    return value.empty() ? 0 : static_cast<int>(std::stoll(value));
}

void FlagValues::add(const Flag& flag, std::string value) {
    values_[std::string(flag.name)].push_back(std::move(value));
}

const Flag* FlagValues::find(std::string_view name) const {
    const auto found = flags_.find(name);
    return found == flags_.end() ? nullptr : found->second;
}

const Flag* FlagValues::find(char letter) const {
    for (const auto& [name, flag] : flags_) {
        if (flag->letter == letter) return flag;
    }
    return nullptr;
}

ParsedFlags parse_flags(const std::vector<std::string>& words, View<Flag> own, View<Flag> global) {
    return Parser(words, own, global).run();
}

} // namespace client
