// lxc config: the configuration of instances and of the server.

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/editor.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "client/yaml_in.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag target_flags[] = {{"target", 0, FlagKind::text, "Cluster member name"}};
constexpr Flag expanded_flags[] = {
    {"expanded", 'e', FlagKind::toggle, "Use the configuration with that of the profiles"},
    {"target", 0, FlagKind::text, "Cluster member name"},
};

constexpr std::string_view edit_heading =
    R"(### This is the configuration as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### name: instance1
### profiles:
### - default
### config:
###   limits.memory: 1GiB
### devices:
###   homedir:
###     path: /extra
###     source: /home/user
###     type: disk
### ephemeral: false
###
### The name is shown but cannot be changed.)";

void check_target(const Call& call, bool is_instance) {
    if (!call.flags.has("target") || call.flags.text("target").empty()) return;
    throw schema::bad_request("{}", is_instance ? "--target cannot be used with instances"
                                                : "To use --target, the destination remote must be a cluster");
}

// --- edit -------------------------------------------------------------------------------------------------------

/// Snapshots have a URL of their own, and only their date of expiry can be changed.
struct Edited {
    std::string url;
    const Shape* shown;
    const Shape* writable;
};

constexpr Field snapshot_put_fields[] = {{"expires_at", &shapes::text}};
constinit const Shape snapshot_put{Shape::Kind::object, nullptr, snapshot_put_fields};

Edited edited_object(const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return {instance_url(name), &shapes::instance, &shapes::instance_put};
    return {instance_url(name.substr(0, slash)) + "/snapshots/" + path_escape(name.substr(slash + 1)),
            &shapes::snapshot, &snapshot_put};
}

void edit_instance(Server& server, const std::string& name) {
    const auto object = edited_object(name);
    std::string etag;
    edit({.heading = std::string(edit_heading),
          .current =
              [&] {
                  auto reply = server.get(object.url);
                  etag = reply.etag;
                  remove_member(reply.metadata, "expanded_config");
                  remove_member(reply.metadata, "expanded_devices");
                  return yaml(shaped(reply.metadata, *object.shown), object.shown);
              },
          .store =
              [&](const std::string& content) {
                  const auto wanted = shaped(parse_yaml(content, *object.writable), *object.writable);
                  server.wait(server.put(object.url, wanted, etag));
              }});
}

void edit_server(Server& server) {
    std::string etag;
    edit({.heading = {},
          .current =
              [&] {
                  const auto reply = server.get("/1.0");
                  etag = reply.etag;
                  return yaml(shaped(reply.metadata, shapes::server_put), &shapes::server_put);
              },
          .store =
              [&](const std::string& content) {
                  server.put("/1.0", shaped(parse_yaml(content, shapes::server_put), shapes::server_put), etag);
              }});
}

int run_edit(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    check_target(call, !resource.name.empty());
    if (resource.name.empty()) {
        edit_server(resource.server);
    } else {
        edit_instance(resource.server, resource.name);
    }
    return 0;
}

// --- get, set, unset, show --------------------------------------------------------------------------------------

std::string server_value(const Json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? value.as_string() : value.dump();
}

int run_get(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.size() > 1 ? call.arguments[0] : "");
    const auto& key = call.arguments.back();
    check_target(call, !resource.name.empty());
    if (resource.name.empty()) {
        if (call.flags.on("expanded")) throw schema::bad_request("--expanded cannot be used with a server");
        print(server_value(resource.server.get("/1.0").metadata["config"][key]) + "\n");
        return 0;
    }
    const auto instance = resource.server.get(instance_url(resource.name)).metadata;
    print(text_member(instance[call.flags.on("expanded") ? "expanded_config" : "config"], key) + "\n");
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

void change_instance(const Resource& resource, const std::vector<std::string>& words, bool unset) {
    const auto settings = parse_settings(words);
    Holder holder(resource.server, Holder::Kind::instance, resource.name);
    auto& config = object_member(holder.load(), "config");
    for (const auto& [key, value] : settings) {
        if (!unset) {
            config.set(key, value);
        } else if (config.find(key) == nullptr) {
            throw schema::bad_request("Can't unset key '{}', it's not currently set", key);
        } else {
            remove_member(config, key);
        }
    }
    holder.store();
}

void change_server(Server& server, const std::vector<std::string>& words) {
    auto reply = server.get("/1.0");
    auto& config = object_member(reply.metadata, "config");
    for (const auto& [key, value] : parse_settings(words)) config.set(key, value);
    server.put("/1.0", shaped(reply.metadata, shapes::server_put), reply.etag);
}

int change(Session& session, const Call& call, std::vector<std::string> words, bool unset) {
    const bool names_target = !means_server(words);
    const auto resource = session.resource(names_target ? words[0] : "");
    if (names_target) words.erase(words.begin());
    check_target(call, !resource.name.empty());
    if (resource.name.empty()) {
        change_server(resource.server, words);
    } else {
        change_instance(resource, words, unset);
    }
    return 0;
}

int run_set(Session& session, Call& call) {
    return change(session, call, call.arguments, false);
}

int run_unset(Session& session, Call& call) {
    auto words = call.arguments;
    words.emplace_back();
    return change(session, call, words, true);
}

std::string shown_instance(const Json& instance, bool expanded) {
    auto chosen = instance;
    if (expanded) chosen.set("config", instance["expanded_config"]).set("devices", instance["expanded_devices"]);
    return yaml(writable_instance(chosen), &shapes::instance_put);
}

std::string shown_snapshot(const Json& snapshot, bool expanded) {
    auto chosen = snapshot;
    if (expanded) chosen.set("config", snapshot["expanded_config"]).set("devices", snapshot["expanded_devices"]);
    return yaml(shaped(chosen, shapes::snapshot), &shapes::snapshot);
}

int run_show(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    const bool expanded = call.flags.on("expanded");
    if (resource.name.empty() && expanded) throw schema::bad_request("--expanded cannot be used with a server");
    check_target(call, !resource.name.empty());
    if (resource.name.empty()) {
        const auto server = resource.server.get("/1.0").metadata;
        print(yaml(shaped(server, shapes::server_put), &shapes::server_put));
    } else if (resource.name.find('/') != std::string::npos) {
        print(shown_snapshot(resource.server.get(edited_object(resource.name).url).metadata, expanded));
    } else {
        print(shown_instance(resource.server.get(instance_url(resource.name)).metadata, expanded));
    }
    return 0;
}

constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:][<instance>[/<snapshot>]]",
    .summary = "Edit instance or server configurations as YAML",
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
    .summary = "Get values for instance or server configuration keys",
    .examples = "lxc config get c1 limits.memory --expanded\n    The limit that applies to c1, its own or a profile's.",
    .flags = expanded_flags,
    .least = 1,
    .most = 2,
    .run = run_get,
};

constinit const Command set_command{
    .name = "set",
    .arguments = "[<remote>:][<instance>] <key>=<value>...",
    .summary = "Set instance or server configuration keys",
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
    .summary = "Show instance or server configurations",
    .examples = "lxc config show c1 --expanded\n    All that applies to c1, from its profiles too.",
    .flags = expanded_flags,
    .most = 1,
    .run = run_show,
};

constinit const Command unset_command{
    .name = "unset",
    .arguments = "[<remote>:][<instance>] <key>",
    .summary = "Unset instance or server configuration keys",
    .examples = "lxc config unset c1 limits.cpu\n    Let c1 use all processors again.",
    .flags = target_flags,
    .least = 1,
    .most = 2,
    .run = run_unset,
};

constinit const Command* const children[] = {
    &commands::config_device, &edit_command, &get_command, &set_command, &show_command, &unset_command};

} // namespace

constinit const Command commands::config{
    .name = "config",
    .summary = "Manage instance and server configuration options",
    .children = children,
};

} // namespace client
