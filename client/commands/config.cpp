// lxc config: the configuration of instances and of the server.

#include <algorithm>

#include "client/commands/commands.h"
#include "client/commands/object.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag target_flags[] = {{"target", 0, FlagKind::text, "Cluster member name"}};
constexpr Flag expanded_flags[] = {
    {"expanded", 'e', FlagKind::toggle, "Use the configuration with that of the profiles"},
    {"target", 0, FlagKind::text, "Cluster member name"},
};

/// What a command is for: an instance (or a snapshot), or without a name the server.
Object instance_or_server(Session& session, const Call& call, const std::string& word) {
    const auto resource = session.resource(word);
    refuse_target(call, !resource.name.empty());
    return {resource.server, resource.name.empty() ? kinds::server : instance_kind(resource.name), resource.name};
}

/// Of what has keys to get and set one by one; no snapshot has, and the server refuses its name as an instance's.
Object with_keys(Session& session, const Call& call, const std::string& word) {
    auto object = instance_or_server(session, call, word);
    if (&object.kind() != &kinds::snapshot) return object;
    return {session.resource(word).server, kinds::instance, object.name()};
}

int run_edit(Session& session, Call& call) {
    instance_or_server(session, call, call.arguments.empty() ? "" : call.arguments[0]).edit();
    return 0;
}

int run_get(Session& session, Call& call) {
    auto object = with_keys(session, call, call.arguments.size() > 1 ? call.arguments[0] : "");
    const auto& key = call.arguments.back();
    if (!call.flags.on("expanded")) {
        print(shown_key(object, key));
        return 0;
    }
    if (object.name().empty()) throw schema::bad_request("--expanded cannot be used with a server");
    print(text_member(object.load()["expanded_config"], key) + "\n");
    return 0;
}

bool has_pair(const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(), [](const auto& w) { return w.find('=') != std::string::npos; });
}

bool all_pairs(const std::vector<std::string>& words) {
    return std::all_of(words.begin(), words.end(), [](const auto& w) { return w.find('=') != std::string::npos; });
}

/// Is the first word a key of the server's configuration, rather than an instance or a remote?
bool means_server(const std::vector<std::string>& words) {
    if (all_pairs(words)) return true;
    const auto colon = words[0].find(':');
    const auto name = colon == std::string::npos ? words[0] : words[0].substr(colon + 1);
    return name.find('.') != std::string::npos || (words.size() == 2 && !has_pair(words));
}

/// The object that the first word names, if it does; the word is taken away then.
Object named_object(Session& session, const Call& call, std::vector<std::string>& words) {
    const bool names_target = !means_server(words);
    const auto target = names_target ? words[0] : std::string();
    if (names_target) words.erase(words.begin());
    return with_keys(session, call, target);
}

int run_set(Session& session, Call& call) {
    auto words = call.arguments;
    auto object = named_object(session, call, words);
    set_keys(object, parse_settings(words));
    return 0;
}

int run_unset(Session& session, Call& call) {
    auto words = call.arguments;
    words.emplace_back();
    auto object = named_object(session, call, words);
    unset_key(object, words[0]);
    return 0;
}

int run_show(Session& session, Call& call) {
    auto object = instance_or_server(session, call, call.arguments.empty() ? "" : call.arguments[0]);
    const bool expanded = call.flags.on("expanded");
    if (object.name().empty() && expanded) throw schema::bad_request("--expanded cannot be used with a server");
    auto& value = object.load();
    if (expanded) value.set("config", value["expanded_config"]).set("devices", value["expanded_devices"]);
    const auto& shape = &object.kind() == &kinds::snapshot ? shapes::snapshot : *object.kind().writable;
    print(yaml(shaped(value, shape), &shape));
    return 0;
}

constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:][<instance>[/<snapshot>]]",
    .summary = "Change a whole configuration as YAML",
    .examples = "lxc config edit c1\n"
                "    Open c1's configuration in an editor.\n\n"
                "lxc config edit c1 < c1.yaml\n"
                "    Replace it by the content of a file.",
    .flags = target_flags,
    .most = 1,
    .run = run_edit,
};

constinit const Command get_command{
    .name = "get",
    .arguments = "[<remote>:][<instance>] <key>",
    .summary = "Print one configuration value of an instance or of the server",
    .examples = "lxc config get c1 limits.memory --expanded\n    The limit that applies to c1, its own or a profile's.",
    .flags = expanded_flags,
    .least = 1,
    .most = 2,
    .run = run_get,
};

constinit const Command set_command{
    .name = "set",
    .arguments = "[<remote>:][<instance>] <key>=<value>...",
    .summary = "Change the configuration of an instance or of the server",
    .details =
        "A single key may also be given as two words, <key> <value>. A value of \"-\" is read from standard input.",
    .examples = "lxc config set c1 limits.cpu=2 limits.memory=1GiB\n"
                "    Limit c1 to two processors and one gibibyte.\n\n"
                "lxc config set core.https_address=[::]:8443\n"
                "    Let the server listen on the network.",
    .flags = target_flags,
    .least = 1,
    .run = run_set,
};

constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:][<instance>[/<snapshot>]]",
    .summary = "Print the configuration of an instance or of the server",
    .examples = "lxc config show c1 --expanded\n    All that applies to c1, from its profiles too.",
    .flags = expanded_flags,
    .most = 1,
    .run = run_show,
};

constinit const Command unset_command{
    .name = "unset",
    .arguments = "[<remote>:][<instance>] <key>",
    .summary = "Give a configuration key its default back",
    .examples = "lxc config unset c1 limits.cpu\n    Let c1 use all processors again.",
    .flags = target_flags,
    .least = 1,
    .most = 2,
    .run = run_unset,
};

constinit const Command* const children[] = {
    &commands::config_device,  &edit_command, &get_command,  &commands::config_metadata,
    &commands::config_profile, &set_command,  &show_command, &unset_command,
    &commands::config_template};

} // namespace

constinit const Command commands::config{
    .name = "config",
    .summary = "Configure instances and the server",
    .children = children,
};

} // namespace client
