// lxc profile: configuration and devices that instances share.

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/editor.h"
#include "client/render/sort.h"
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

constexpr Flag format_flags[] = {{"format", 'f', FlagKind::text, "Format (csv|json|table|yaml|compact)", "table"}};
constexpr Flag copy_flags[] = {{"target-project", 0, FlagKind::text, "Project to copy to"}};

constexpr std::string_view edit_heading =
    R"(### This is the profile as YAML. Lines that begin with '#' are ignored.
###
### It has this form:
### name: onenic
### config:
###   limits.memory: 1GiB
### devices:
###   eth0:
###     nictype: bridged
###     parent: br0
###     type: nic
###
### The name is shown but cannot be changed.)";

constexpr std::string_view no_profile = "Missing profile name";
constexpr std::string_view no_instance = "Missing instance name";

std::string url(const std::string& name) {
    return "/1.0/profiles/" + path_escape(name);
}

void say(const Session& session, std::string_view text) {
    if (!session.quiet()) print(text);
}

std::vector<std::string> profiles_of(const Json& instance) {
    std::vector<std::string> names;
    if (!instance["profiles"].is_array()) return names;
    for (const auto& name : instance["profiles"].as_array()) names.push_back(name.as_string());
    return names;
}

int run_add(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_instance);
    Holder holder(resource.server, Holder::Kind::instance, resource.name);
    auto& instance = holder.load();
    auto names = profiles_of(instance);
    names.push_back(call.arguments[1]);
    instance.set("profiles", names);
    holder.store();
    say(session, fmt::format("Profile {} added to {}\n", call.arguments[1], resource.name));
    return 0;
}

int run_assign(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_instance);
    Holder holder(resource.server, Holder::Kind::instance, resource.name);
    const auto& wanted = call.arguments[1];
    holder.load().set("profiles", wanted.empty() ? Json() : Json(split(wanted, ',')));
    holder.store();
    say(session, fmt::format("Profiles {} applied to {}\n", wanted.empty() ? "(none)" : wanted, resource.name));
    return 0;
}

int run_copy(Session& session, Call& call) {
    const auto source = session.named(call.arguments[0], "Missing source profile name");
    auto destination = session.resource(call.arguments[1]);
    if (destination.name.empty()) destination.name = source.name;
    if (const auto project = call.flags.text("target-project"); !project.empty() && project != "default") {
        throw schema::bad_request("The project \"{}\" cannot be used: \"default\" is the only one so far", project);
    }
    auto profile = shaped(source.server.get(url(source.name)).metadata, shapes::profile_put);
    profile.set("name", destination.name);
    destination.server.post("/1.0/profiles", profile);
    return 0;
}

int run_create(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_profile);
    auto profile = shaped(Json(), shapes::profile_put);
    profile.set("name", resource.name);
    resource.server.post("/1.0/profiles", profile);
    say(session, fmt::format("Profile {} created\n", resource.name));
    return 0;
}

int run_delete(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_profile);
    resource.server.del(url(resource.name));
    say(session, fmt::format("Profile {} deleted\n", resource.name));
    return 0;
}

int run_edit(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_profile);
    std::string etag;
    edit({.heading = std::string(edit_heading),
          .current =
              [&] {
                  const auto reply = resource.server.get(url(resource.name));
                  etag = reply.etag;
                  return yaml(shaped(reply.metadata, shapes::profile), &shapes::profile);
              },
          .store =
              [&](const std::string& content) {
                  const auto profile = shaped(parse_yaml(content, shapes::profile_put), shapes::profile_put);
                  resource.server.wait(resource.server.put(url(resource.name), profile, etag));
              }});
    return 0;
}

int run_get(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_profile);
    const auto profile = resource.server.get(url(resource.name)).metadata;
    print(text_member(profile["config"], call.arguments[1]) + "\n");
    return 0;
}

int run_list(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    const auto profiles = shaped(resource.server.get("/1.0/profiles?recursion=1").metadata, shapes::profiles);
    Listing listing{{"NAME", "DESCRIPTION", "USED BY"}, {}, profiles, &shapes::profiles};
    if (profiles.is_array()) {
        for (const auto& profile : profiles.as_array()) {
            const auto& used_by = profile["used_by"];
            listing.rows.push_back({text_member(profile, "name"), text_member(profile, "description"),
                                    std::to_string(used_by.is_array() ? used_by.as_array().size() : 0)});
        }
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

int run_remove(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_instance);
    Holder holder(resource.server, Holder::Kind::instance, resource.name);
    auto& instance = holder.load();
    auto names = profiles_of(instance);
    if (std::erase(names, call.arguments[1]) == 0) {
        throw schema::bad_request("Profile {} isn't currently applied to {}", call.arguments[1], resource.name);
    }
    instance.set("profiles", names);
    holder.store();
    say(session, fmt::format("Profile {} removed from {}\n", call.arguments[1], resource.name));
    return 0;
}

int run_rename(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_profile);
    auto request = Json::empty_object();
    request.set("name", call.arguments[1]);
    resource.server.post(url(resource.name), request);
    say(session, fmt::format("Profile {} renamed to {}\n", resource.name, call.arguments[1]));
    return 0;
}

int change(Session& session, const Call& call, const std::vector<std::string>& words) {
    const auto resource = session.named(call.arguments[0], no_profile);
    Holder holder(resource.server, Holder::Kind::profile, resource.name);
    auto& config = object_member(holder.load(), "config");
    for (const auto& [key, value] : parse_settings(words)) config.set(key, value);
    holder.store();
    return 0;
}

int run_set(Session& session, Call& call) {
    return change(session, call, {call.arguments.begin() + 1, call.arguments.end()});
}

int run_unset(Session& session, Call& call) {
    return change(session, call, {call.arguments[1], ""}); // An empty value removes the key.
}

int run_show(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_profile);
    print(yaml(shaped(resource.server.get(url(resource.name)).metadata, shapes::profile), &shapes::profile));
    return 0;
}

constinit const Command add_command{
    .name = "add",
    .arguments = "[<remote>:]<instance> <profile>",
    .summary = "Add profiles to instances",
    .least = 2,
    .most = 2,
    .run = run_add,
};
constinit const Command assign_command{
    .name = "assign",
    .aliases = "apply",
    .arguments = "[<remote>:]<instance> <profiles>",
    .summary = "Assign sets of profiles to instances",
    .examples = "lxc profile assign c1 default,web\n"
                "    Let c1 have these two profiles, in this order.\n\n"
                "lxc profile assign c1 ''\n"
                "    Take all profiles from c1.",
    .least = 2,
    .most = 2,
    .run = run_assign,
};
constinit const Command copy_command{
    .name = "copy",
    .aliases = "cp",
    .arguments = "[<remote>:]<profile> [<remote>:]<profile>",
    .summary = "Copy profiles",
    .flags = copy_flags,
    .least = 2,
    .most = 2,
    .run = run_copy,
};
constinit const Command create_command{
    .name = "create",
    .arguments = "[<remote>:]<profile>",
    .summary = "Create profiles",
    .least = 1,
    .most = 1,
    .run = run_create,
};
constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<profile>",
    .summary = "Delete profiles",
    .least = 1,
    .most = 1,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<profile>",
    .summary = "Edit profile configurations as YAML",
    .examples = "lxc profile edit web < web.yaml\n    Replace the profile by the content of a file.",
    .least = 1,
    .most = 1,
    .run = run_edit,
};
constinit const Command get_command{
    .name = "get",
    .arguments = "[<remote>:]<profile> <key>",
    .summary = "Get values for profile configuration keys",
    .least = 2,
    .most = 2,
    .run = run_get,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:]",
    .summary = "List profiles",
    .flags = format_flags,
    .most = 1,
    .run = run_list,
};
constinit const Command remove_command{
    .name = "remove",
    .arguments = "[<remote>:]<instance> <profile>",
    .summary = "Remove profiles from instances",
    .least = 2,
    .most = 2,
    .run = run_remove,
};
constinit const Command rename_command{
    .name = "rename",
    .aliases = "mv",
    .arguments = "[<remote>:]<profile> <new-name>",
    .summary = "Rename profiles",
    .least = 2,
    .most = 2,
    .run = run_rename,
};
constinit const Command set_command{
    .name = "set",
    .arguments = "[<remote>:]<profile> <key>=<value>...",
    .summary = "Set profile configuration keys",
    .details = "A single key may also be given as two words, <key> <value>.",
    .least = 2,
    .run = run_set,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<profile>",
    .summary = "Show profile configurations",
    .least = 1,
    .most = 1,
    .run = run_show,
};
constinit const Command unset_command{
    .name = "unset",
    .arguments = "[<remote>:]<profile> <key>",
    .summary = "Unset profile configuration keys",
    .least = 2,
    .most = 2,
    .run = run_unset,
};

constinit const Command* const children[] = {
    &add_command,  &assign_command, &copy_command, &create_command, &delete_command, &commands::profile_device,
    &edit_command, &get_command,    &list_command, &remove_command, &rename_command, &set_command,
    &show_command, &unset_command};

} // namespace

constinit const Command commands::profile{
    .name = "profile",
    .summary = "Manage profiles",
    .children = children,
};

} // namespace client
