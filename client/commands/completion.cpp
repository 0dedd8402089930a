// lxc completion: scripts for shells, and what those ask for while a line is being typed.

#include "client/commands/completion.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "client/commands/commands.h"
#include "client/commands/completion_names.h"
#include "client/commands/completion_scripts.h"
#include "client/completion.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using Names = std::vector<std::string>;

/// What a shell is told of the words besides themselves, on the last line.
enum class Directive { done, no_space, files };
constexpr std::array<std::string_view, 3> directive_lines{":done", ":nospace", ":files"};

struct Answer {
    std::vector<Candidate> candidates;
    Directive directive = Directive::done;
};

void offer(Answer& answer, const Completion& wanted, const Names& names, std::string_view front = {}) {
    for (const auto& name : names) {
        const auto word = std::string(front) + name;
        if (word.starts_with(wanted.typed)) answer.candidates.push_back({wanted.before + word, ""});
    }
}

/// "local:" and its like, for who has begun to type one or nothing else fits.
void offer_remotes(Answer& answer, const Completion& wanted, const Remotes& remotes) {
    if (wanted.typed.find(':') != std::string::npos) return;
    Names names;
    for (const auto& [name, remote] : remotes.all()) {
        if (remote.address.starts_with("unix:") || !wanted.typed.empty()) names.push_back(name + ":");
    }
    const auto before = answer.candidates.size();
    offer(answer, wanted, names);
    if (answer.candidates.size() > before && before == 0) answer.directive = Directive::no_space;
}

/// "default,we": the last of several is being typed.
void offer_profiles(Answer& answer, Completion wanted, Server& server) {
    const auto comma = wanted.typed.rfind(',');
    if (comma != std::string::npos) {
        wanted.before += wanted.typed.substr(0, comma + 1);
        wanted.typed = wanted.typed.substr(comma + 1);
    }
    offer(answer, wanted, names_on_server(server, wanted));
    answer.directive = Directive::no_space;
}

void offer_from_server(Answer& answer, const Completion& wanted, Session& session) {
    const bool names_remote = wanted.typed.find(':') != std::string::npos;
    const auto remote = session.remotes().resolve(names_remote ? wanted.typed : "").remote;
    offer(answer, wanted, names_on_server(session.server(remote), wanted), names_remote ? remote + ":" : "");
    const bool goes_on = wanted.subject == Subject::instance_path ||
                         (wanted.subject == Subject::pool_volume && !is_snapshot(wanted.typed));
    if (goes_on) answer.directive = Directive::no_space;
}

/// Or something in what was named before, with which its server was named too.
bool names_what_is_on_a_server(Subject subject) {
    constexpr std::array inside{Subject::device, Subject::snapshot, Subject::template_file, Subject::volume,
                                Subject::volume_or_snapshot};
    return std::find(inside.begin(), inside.end(), subject) == inside.end();
}

Answer answer_for(const Completion& wanted, Session& session) {
    Answer answer{wanted.candidates};
    const auto end_open = [&] { answer.directive = Directive::no_space; };
    switch (wanted.subject) {
    case Subject::nothing:
        return answer;
    case Subject::file:
        answer.directive = Directive::files;
        return answer;
    case Subject::alias:
        for (const auto& [name, target] : session.remotes().aliases()) offer(answer, wanted, {name});
        return answer;
    case Subject::device_type:
        offer(answer, wanted, device_types());
        return answer;
    case Subject::driver:
        offer(answer, wanted, {"btrfs", "dir", "lvm", "overlay", "zfs"});
        return answer;
    case Subject::shell:
        offer(answer, wanted, {"bash", "fish", "zsh"});
        return answer;
    case Subject::key:
        offer(answer, wanted, keys_for(wanted));
        return answer;
    case Subject::setting:
        for (const auto& key : keys_for(wanted)) offer(answer, wanted, {key + "="});
        end_open();
        return answer;
    case Subject::remote:
        offer_remotes(answer, wanted, session.remotes());
        answer.directive = Directive::done;
        return answer;
    case Subject::profiles:
        offer_profiles(answer, wanted, session.server(session.remotes().default_name()));
        return answer;
    default:
        offer_from_server(answer, wanted, session);
        if (names_what_is_on_a_server(wanted.subject)) offer_remotes(answer, wanted, session.remotes());
        return answer;
    }
}

int run(Session&, Call& call) {
    print(completion_script(call.arguments[0]));
    return 0;
}

/// "lxc shell c": an alias's arguments are completed as those of what it stands for, up to where they go.
std::vector<std::string> meant(const Aliases& aliases, const std::vector<std::string>& words) {
    if (words.size() < 2) return words;
    const std::vector<std::string> before(words.begin(), words.end() - 1);
    std::optional<std::vector<std::string>> expanded;
    constexpr std::string_view mark = "\n"; // no word of a command line
    auto marked = before;
    marked.emplace_back(mark);
    try {
        expanded = expanded_alias(aliases, marked);
    } catch (const schema::Error&) { // An argument that it refers to is not typed yet.
    }
    if (!expanded) return words;
    const auto place = std::find(expanded->begin(), expanded->end(), mark);
    expanded->erase(place, expanded->end());
    expanded->push_back(words.back());
    return *expanded;
}

} // namespace

int print_completion(const Command& root, View<Flag> global_flags, const std::vector<std::string>& words) {
    Answer answer;
    try {
        Session session({.quiet = true}, Session::Greeting::none);
        const auto wanted = completion(root, global_flags, meant(session.remotes().aliases(), words));
        answer.candidates = wanted.candidates; // They hold also where no server answers.
        answer = answer_for(wanted, session);
    } catch (const std::exception&) { // A half-typed line is no place for complaints.
    }
    for (const auto& [word, description] : answer.candidates) {
        print(description.empty() ? word + "\n" : fmt::format("{}\t{}\n", word, description));
    }
    print(fmt::format("{}\n", directive_lines.at(static_cast<size_t>(answer.directive))));
    return 0;
}

constinit const Command commands::completion{
    .name = "completion",
    .arguments = "<shell>",
    .summary = "Print a completion script for a shell",
    .details = "The shells are bash, fish and zsh. Packages install these scripts; this is for who has none.",
    .examples = "source <(lxc completion bash)\n"
                "    Complete lxc's commands in this shell.\n\n"
                "lxc completion fish > ~/.config/fish/completions/lxc.fish\n"
                "    Complete them in every fish from now on.",
    .least = 1,
    .most = 1,
    .run = run,
    .hidden = true,
};

} // namespace client
