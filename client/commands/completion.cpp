// lxc completion: scripts for shells, and what those ask for while a line is being typed.

#include "client/commands/completion.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "client/commands/commands.h"
#include "client/commands/completion_scripts.h"
#include "client/completion.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/target.h"
#include "schema/error.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/server.h"

namespace client {

namespace {

using schema::Json;
using Names = std::vector<std::string>;

// --- names ------------------------------------------------------------------------------------------------------

/// The last segments of the URLs that a list is without recursion.
Names names_in(const Json& urls) {
    Names names;
    if (!urls.is_array()) return names;
    for (const auto& url : urls.as_array()) names.push_back(unescape(base_name(url.as_string())));
    return names;
}

Names names_at(Server& server, const std::string& target) {
    return names_in(server.get(target).metadata);
}

Names with_end(Names names, std::string_view end) {
    for (auto& name : names) name += end;
    return names;
}

Names instances(Server& server, const Completion&) {
    return names_at(server, "/1.0/instances");
}

Names instance_paths(Server& server, const Completion&) {
    return with_end(names_at(server, "/1.0/instances"), "/");
}

Names image_aliases(Server& server, const Completion&) {
    Names names;
    // An alias may have slashes in it: its URL says less than its entry.
    const auto aliases = server.get("/1.0/images/aliases?recursion=1").metadata;
    if (!aliases.is_array()) return names;
    for (const auto& alias : aliases.as_array()) names.push_back(text_member(alias, "name"));
    return names;
}

Names images(Server& server, const Completion& wanted) {
    constexpr size_t short_fingerprint = 12;
    auto names = image_aliases(server, wanted);
    // Fingerprints are no words that one remembers: they are offered to who has begun to type one.
    if (split_target(wanted.typed).name.empty()) return names;
    for (const auto& fingerprint : names_at(server, "/1.0/images"))
        names.push_back(fingerprint.substr(0, short_fingerprint));
    return names;
}

Names profiles(Server& server, const Completion&) {
    return names_at(server, "/1.0/profiles");
}

Names pools(Server& server, const Completion&) {
    return names_at(server, "/1.0/storage-pools");
}

Names operations(Server& server, const Completion&) {
    Names names;
    const auto answer = server.get("/1.0/operations").metadata; // by status
    if (!answer.is_object()) return names;
    for (const auto& [status, urls] : answer.as_object()) {
        const auto found = names_in(urls);
        names.insert(names.end(), found.begin(), found.end());
    }
    return names;
}

/// The devices of what the first argument names.
Names devices(Server& server, const Completion& wanted) {
    const bool of_profile = wanted.path.size() > 1 && wanted.path[1]->name == "profile";
    const auto name = path_escape(split_target("local:" + wanted.arguments.at(0)).name);
    const auto object = server.get((of_profile ? "/1.0/profiles/" : "/1.0/instances/") + name).metadata;
    Names names;
    const auto& found = object[of_profile ? "devices" : "expanded_devices"];
    if (!found.is_object()) return names;
    for (const auto& [device, options] : found.as_object()) names.push_back(device);
    return names;
}

Names templates(Server& server, const Completion& wanted) {
    Names names;
    const auto list = server.get(instance_url(wanted.arguments.at(0)) + "/metadata/templates").metadata;
    if (!list.is_array()) return names;
    for (const auto& name : list.as_array()) names.push_back(name.as_string());
    return names;
}

bool is_for_devices(const CommandPath& path) {
    return std::any_of(path.begin(), path.end(), [](const Command* command) { return command->name == "device"; });
}

/// Keys of the configuration that the command is for; the part before a "*" where any name may follow.
Names keys(const Completion& wanted) {
    std::set<std::string> found;
    const auto add = [&](std::string_view name) { found.emplace(name.substr(0, name.find('*'))); };
    if (is_for_devices(wanted.path)) {
        for (const auto& type : schema::device_types()) {
            for (const auto& option : type.options) add(option.name);
        }
    } else {
        for (const auto& key : schema::instance_keys()) add(key.name);
        const bool of_server = wanted.path.size() > 1 && wanted.path[1]->name == "config" && wanted.arguments.empty();
        for (const auto& key : schema::server_keys()) {
            if (of_server) add(key.name);
        }
    }
    return {found.begin(), found.end()};
}

Names device_types() {
    std::set<std::string> types;
    for (const auto& type : schema::device_types()) types.emplace(type.type);
    return {types.begin(), types.end()};
}

// --- candidates -------------------------------------------------------------------------------------------------

/// What a shell is told of the words besides themselves, on the last line.
enum class Directive { done, no_space, files };
constexpr std::array<std::string_view, 3> directive_lines{":done", ":nospace", ":files"};

struct Answer {
    std::vector<Candidate> candidates;
    Directive directive = Directive::done;
};

using FromServer = Names (*)(Server&, const Completion&);
struct Source {
    Subject subject;
    FromServer names;
};
constexpr std::array<Source, 9> sources{{
    {Subject::device, devices},
    {Subject::image, images},
    {Subject::image_alias, image_aliases},
    {Subject::instance, instances},
    {Subject::instance_path, instance_paths},
    {Subject::operation, operations},
    {Subject::pool, pools},
    {Subject::profile, profiles},
    {Subject::template_file, templates},
}};

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
    offer(answer, wanted, profiles(server, wanted));
    answer.directive = Directive::no_space;
}

void offer_from_server(Answer& answer, const Completion& wanted, Session& session) {
    const auto source =
        std::find_if(sources.begin(), sources.end(), [&](const Source& s) { return s.subject == wanted.subject; });
    if (source == sources.end()) return;
    const bool names_remote = wanted.typed.find(':') != std::string::npos;
    const auto remote = session.remotes().resolve(names_remote ? wanted.typed : "").remote;
    offer(answer, wanted, source->names(session.server(remote), wanted), names_remote ? remote + ":" : "");
    if (wanted.subject == Subject::instance_path) answer.directive = Directive::no_space;
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
        offer(answer, wanted, {"btrfs", "dir", "lvm", "zfs"});
        return answer;
    case Subject::shell:
        offer(answer, wanted, {"bash", "fish", "zsh"});
        return answer;
    case Subject::key:
        offer(answer, wanted, keys(wanted));
        return answer;
    case Subject::setting:
        offer(answer, wanted, with_end(keys(wanted), "="));
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
        if (wanted.subject != Subject::device && wanted.subject != Subject::template_file) {
            offer_remotes(answer, wanted, session.remotes());
        }
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
