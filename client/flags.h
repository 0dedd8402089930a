#pragma once
// Command-line flags as tables, and their parser. It keeps the habits that LXD's users and scripts have from its own
// client: flags anywhere, `--name value` and `--name=value`, `-c value`, `-cvalue` and `-c=value`, clusters of
// letters, `--` before arguments that look like flags, and the same complaints. Used by dispatch alone; commands read
// FlagValues.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/view.h"

namespace client {

enum class FlagKind {
    toggle, // true or false; given bare it is true
    text,
    texts, // may be repeated; every occurrence counts
    number,
    id, // 0 to 2^32-1
};

struct Flag {
    std::string_view name;
    char letter = 0;
    FlagKind kind = FlagKind::toggle;
    std::string_view help;
    std::string_view initial = {}; // what it is when not given
    std::string_view bare = {};    // what `--name` alone means; empty: a value must follow
};

class FlagValues {
public:
    /// Was it given at all?
    bool has(std::string_view name) const { return values_.contains(name); }
    bool on(std::string_view name) const;
    /// The last value given, or the table's initial one.
    std::string text(std::string_view name) const;
    std::vector<std::string> texts(std::string_view name) const;
    int number(std::string_view name) const;

    void declare(const Flag& flag) { flags_.emplace(flag.name, &flag); }
    void add(const Flag& flag, std::string value);
    const Flag* find(std::string_view name) const;
    const Flag* find(char letter) const;

private:
    std::map<std::string_view, const Flag*> flags_;
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct ParsedFlags {
    FlagValues flags;
    std::vector<std::string> arguments; // what is not a flag, in order
};

/// Throws bad_request with the complaint that LXD's client prints.
ParsedFlags parse_flags(const std::vector<std::string>& words, View<Flag> own, View<Flag> global);

/// "1", "t", "TRUE" ... and their opposites; throws bad_request on anything else.
bool parse_bool(std::string_view text);

} // namespace client
