#include "client/aliases.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include <unistd.h>

#include "client/remotes.h"
#include "client/target.h"
#include "daemon/base/files.h"
#include "schema/error.h"

namespace client {

namespace {

using Words = std::vector<std::string>;

const Aliases built_in{{"shell", "exec @ARGS@ -- su -l"}};

/// A name of several words ("image ls-mine") and what it stands for.
struct Match {
    Words name;
    Words target;
};

std::optional<Match> longest_match(const Aliases& aliases, const Words& words) {
    std::optional<Match> best;
    for (const auto& [key, target] : aliases) {
        auto name = split(key, ' ');
        const bool fits = name.size() <= words.size() && std::equal(name.begin(), name.end(), words.begin());
        if (fits && (!best || name.size() > best->name.size())) best = Match{std::move(name), split(target, ' ')};
    }
    return best;
}

/// Calls `use(begin, end, number)` for each "@ARG<number>@" in a text.
template <class Use> void for_each_argument(const std::string& text, Use use) {
    constexpr std::string_view mark = "@ARG";
    for (auto begin = text.find(mark); begin != std::string::npos; begin = text.find(mark, begin + 1)) {
        const auto digits = begin + mark.size();
        const auto end = text.find_first_not_of("0123456789", digits);
        if (end == std::string::npos || end == digits || text[end] != '@') continue;
        constexpr size_t most_digits = 6;
        if (end - digits > most_digits) throw schema::bad_request("Invalid argument \"{}\"", text);
        use(begin, end + 1, std::stoul(text.substr(digits, end - digits)));
    }
}

std::string with_arguments(const std::string& text, const Words& arguments) {
    std::string out;
    size_t done = 0;
    for_each_argument(text, [&](size_t begin, size_t end, size_t number) {
        out += text.substr(done, begin - done) + arguments[number - 1];
        done = end;
    });
    return out + text.substr(done);
}

[[noreturn]] void become(const Words& words) {
    ::setenv("LXC_ALIASES", "1", 1);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    throw schema::failure("Processing aliases failed: {}: {}", words[0], std::strerror(errno));
}

Aliases users_aliases() {
    try {
        const auto path = join_path(config_folder(), "config.yml");
        return base::exists(path) ? Remotes::load(path).aliases() : Aliases{};
    } catch (const std::exception&) { // Whoever needs the configuration says what is wrong with it.
        return {};
    }
}

} // namespace

std::optional<Words> expanded_alias(const Aliases& aliases, const Words& words) {
    const auto first =
        std::find_if(words.begin(), words.end(), [](const auto& word) { return !word.starts_with('-'); });
    Words expanded(words.begin(), first);
    const Words line(first, words.end());
    auto match = longest_match(aliases, line);
    if (!match) match = longest_match(built_in, line);
    if (!match) return std::nullopt;

    const Words arguments(line.begin() + static_cast<ptrdiff_t>(match->name.size()), line.end());
    std::set<size_t> used;
    for (const auto& word : match->target) {
        for_each_argument(word, [&](size_t, size_t, size_t number) {
            if (number == 0 || number > arguments.size()) {
                throw schema::bad_request("Found alias \"{}\" references an argument outside the given number",
                                          join(match->name, " "));
            }
            used.insert(number);
        });
    }
    Words rest;
    for (size_t i = 0; i < arguments.size(); ++i) {
        if (!used.contains(i + 1)) rest.push_back(arguments[i]);
    }

    bool placed = false;
    for (const auto& word : match->target) {
        if (word == "@ARGS@") {
            expanded.insert(expanded.end(), rest.begin(), rest.end());
            placed = true;
        } else {
            expanded.push_back(with_arguments(word, arguments));
        }
    }
    if (!placed) expanded.insert(expanded.end(), rest.begin(), rest.end());
    return expanded;
}

Words with_aliases_expanded(Words words) {
    const char* mark = std::getenv("LXC_ALIASES");
    if (words.empty() || (mark != nullptr && std::string_view(mark) == "1")) return words;
    auto expanded = expanded_alias(users_aliases(), words);
    if (!expanded) return words;
    const auto program =
        std::find_if(expanded->begin(), expanded->end(), [](const auto& word) { return !word.starts_with('-'); });
    if (program != expanded->end() && program->starts_with('/')) become({program, expanded->end()});
    return *expanded;
}

} // namespace client
