#include "client/dispatch.h"

#include <algorithm>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>

#include "client/aliases.h"
#include "client/commands/completion.h"
#include "client/cures.h"
#include "client/session.h"
#include "client/suggestions.h"
#include "client/target.h"
#include "client/version.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag global_flag_table[] = {
    {"debug", 0, FlagKind::toggle, "Print every call of the server's API, with what is sent and what comes back"},
    {"force-local", 0, FlagKind::toggle, "Ignore the configuration and talk to the local server"},
    {"help", 'h', FlagKind::toggle, "Print this help"},
    {"project", 0, FlagKind::text, "Project to work in"},
    {"quiet", 'q', FlagKind::toggle, "Print no progress and no confirmations"},
    {"sub-commands", 0, FlagKind::toggle, "With help: list nested commands too"},
    {"verbose", 'v', FlagKind::toggle, "Print every call of the server's API"},
    {"version", 0, FlagKind::toggle, "Print the version"},
};

constexpr size_t furthest_suggestion = 2;

std::string suggestions(const Command& root, std::string_view typed) {
    std::vector<std::string_view> close;
    for (const auto* child : root.children) {
        if (child->hidden) continue;
        if (edit_distance(typed, child->name) <= furthest_suggestion || begins_with(child->name, typed)) {
            close.push_back(child->name);
        }
    }
    if (close.empty()) return "";
    std::sort(close.begin(), close.end());
    std::string text = "\n\nDid you mean this?\n";
    for (const auto name : close) text += fmt::format("\t{}\n", name);
    return text;
}

/// Does a flag take the word after it? Only the global flags are known while the command is still being looked for;
/// any other is taken to have a value, as LXD's client does.
bool takes_next_word(std::string_view word) {
    if (word.find('=') != std::string_view::npos) return false;
    const auto name = word.starts_with("--") ? word.substr(2) : std::string_view();
    for (const auto& flag : global_flags) {
        const bool matches = name.empty() ? word.size() == 2 && word[1] == flag.letter : name == flag.name;
        if (matches) return flag.kind != FlagKind::toggle;
    }
    if (name == "all") return false;
    return !name.empty() || word.size() == 2;
}

bool is_help(const CommandPath& path) {
    return path.size() == 2 && path.back()->name == "help";
}

Globals globals_from(const FlagValues& flags) {
    return {.force_local = flags.on("force-local"),
            .debug = flags.on("debug"),
            .verbose = flags.on("verbose"),
            .quiet = flags.on("quiet"),
            .project = flags.text("project")};
}

int show_help_topic(const Command& root, const Call& call) {
    CommandPath path{&root};
    for (const auto& word : call.arguments) {
        const auto& children = path.back()->children;
        const auto child =
            std::find_if(children.begin(), children.end(), [&](const Command* c) { return answers_to(*c, word); });
        if (child == children.end()) {
            fmt::print(stderr, "Unknown help topic [`{}`]\n", join(call.arguments, "` `"));
            fmt::print(stderr, "{}", usage_text({&root}, global_flags, call.flags.on("all"), false));
            return 0;
        }
        path.push_back(*child);
    }
    print(help_text(path, global_flags, call.flags.on("all"), call.flags.on("sub-commands")));
    return 0;
}

ParsedFlags flags_for(const Found& found) {
    try {
        return parse_flags(found.rest, found.path.back()->flags, global_flags);
    } catch (const schema::Error& error) {
        throw ErrorWithCure(error.what(), fmt::format("\"{} --help\" shows its flags.", full_name(found.path)));
    }
}

int run(const Command& root, const std::vector<std::string>& words) {
    auto found = find_command(root, words);
    const auto& command = *found.path.back();
    auto parsed = flags_for(found);
    Call call{std::move(parsed.flags), std::move(parsed.arguments)};
    const auto help = [&] {
        return help_text(found.path, global_flags, call.flags.on("all"), call.flags.on("sub-commands"));
    };
    if (is_help(found.path) && !call.flags.on("help")) return show_help_topic(root, call);
    if (call.flags.on("help")) {
        print(help());
        return 0;
    }
    if (found.path.size() == 1 && call.flags.on("version")) {
        print(fmt::format("{}\n", version));
        return 0;
    }
    if (command.run == nullptr) { // A group: all it can do is to say what is in it.
        if (!command.successor.empty()) {
            fmt::print(stderr, "Command \"{}\" is deprecated, please use `{}`\n", command.name, command.successor);
        }
        if (!call.arguments.empty()) {
            throw schema::bad_request("unknown command \"{}\" for \"{}\"", call.arguments[0], full_name(found.path));
        }
        if (found.path.size() == 1) {
            print(help());
        } else {
            fmt::print(stderr, "{}", usage_text(found.path, global_flags, false, call.flags.on("sub-commands")));
        }
        return 0;
    }

    Session session(globals_from(call.flags), command.name);
    const auto count = static_cast<int>(call.arguments.size());
    try {
        if (count < command.least || (command.most >= 0 && count > command.most)) throw WrongNumberOfArguments{};
        return command.run(session, call);
    } catch (const WrongNumberOfArguments&) {
        print(help());
        if (count == 0) return 0;
        throw schema::bad_request("Invalid number of arguments");
    } catch (const UsageWanted&) {
        fmt::print(stderr, "{}", usage_text(found.path, global_flags, false, false));
        return 0;
    }
}

} // namespace

constinit const View<Flag> global_flags{global_flag_table};

Found find_command(const Command& root, const std::vector<std::string>& words) {
    Found found{{&root}, {}};
    bool looking = true;
    for (size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!looking) {
            found.rest.push_back(word);
        } else if (word == "--") {
            looking = false;
            found.rest.push_back(word);
        } else if (word.size() > 1 && word[0] == '-') {
            found.rest.push_back(word);
            if (takes_next_word(word) && i + 1 < words.size()) found.rest.push_back(words[++i]);
        } else {
            const auto& command = *found.path.back();
            const auto child = std::find_if(command.children.begin(), command.children.end(),
                                            [&](const Command* c) { return answers_to(*c, word); });
            if (child != command.children.end()) {
                found.path.push_back(*child);
                looking = !(*child)->children.empty();
            } else if (!command.children.empty() && found.path.size() == 1) {
                throw schema::bad_request("unknown command \"{}\" for \"{}\"{}", word, root.name,
                                          suggestions(root, word));
            } else {
                looking = false;
                found.rest.push_back(word);
            }
        }
    }
    return found;
}

int dispatch(const Command& root, std::vector<std::string> words) {
    int code = 0;
    try {
        if (!words.empty() && words[0] == completion_word) {
            return print_completion(root, global_flags, {words.begin() + 1, words.end()});
        }
        code = run(root, with_aliases_expanded(std::move(words)));
    } catch (const ExitWithError& error) {
        print_error(error.what());
        code = error.code;
    } catch (const ErrorWithCure& error) {
        print_error(error.what(), error.cure);
        code = 1;
    } catch (const std::exception& error) {
        print_error(error.what());
        code = 1;
    }
    std::fflush(stdout);
    return code;
}

} // namespace client
