// lxc profile: configuration and devices that instances share.

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/object.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag format_flags[] = {format_flag};
constexpr Flag copy_flags[] = {{"target-project", 0, FlagKind::text, "Project to copy to"}};

std::string url(const std::string& name) {
    return kinds::profile.url(name);
}

std::vector<std::string> profiles_of(const Json& instance) {
    std::vector<std::string> names;
    if (!instance["profiles"].is_array()) return names;
    for (const auto& name : instance["profiles"].as_array()) names.push_back(name.as_string());
    return names;
}

int run_add(Session& session, Call& call) {
    auto instance = object_named(session, call.arguments[0], kinds::instance);
    auto& value = instance.load();
    auto names = profiles_of(value);
    names.push_back(call.arguments[1]);
    value.set("profiles", names);
    instance.store();
    say(session, fmt::format("Profile {} added to {}\n", call.arguments[1], instance.name()));
    return 0;
}

int run_assign(Session& session, Call& call) {
    auto instance = object_named(session, call.arguments[0], kinds::instance);
    const auto& wanted = call.arguments[1];
    instance.load().set("profiles", wanted.empty() ? Json() : Json(split(wanted, ',')));
    instance.store();
    say(session, fmt::format("Profiles {} applied to {}\n", wanted.empty() ? "(none)" : wanted, instance.name()));
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
    const auto resource = session.named(call.arguments[0], kinds::profile.no_name);
    auto profile = shaped(Json(), shapes::profile_put);
    profile.set("name", resource.name);
    resource.server.post("/1.0/profiles", profile);
    say(session, fmt::format("Profile {} created\n", resource.name));
    return 0;
}

int run_delete(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], kinds::profile.no_name);
    resource.server.del(url(resource.name));
    say(session, fmt::format("Profile {} deleted\n", resource.name));
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
    auto instance = object_named(session, call.arguments[0], kinds::instance);
    auto& value = instance.load();
    auto names = profiles_of(value);
    if (std::erase(names, call.arguments[1]) == 0) {
        throw schema::bad_request("Profile {} isn't currently applied to {}", call.arguments[1], instance.name());
    }
    value.set("profiles", names);
    instance.store();
    say(session, fmt::format("Profile {} removed from {}\n", call.arguments[1], instance.name()));
    return 0;
}

int run_rename(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], kinds::profile.no_name);
    auto request = Json::empty_object();
    request.set("name", call.arguments[1]);
    resource.server.post(url(resource.name), request);
    say(session, fmt::format("Profile {} renamed to {}\n", resource.name, call.arguments[1]));
    return 0;
}

constinit const Command add_command{
    .name = "add",
    .arguments = "[<remote>:]<instance> <profile>",
    .summary = "Give an instance one more profile",
    .examples = "lxc profile add c1 web\n    Put the profile \"web\" on top of those that c1 has.",
    .least = 2,
    .most = 2,
    .run = run_add,
};
constinit const Command assign_command{
    .name = "assign",
    .aliases = "apply",
    .arguments = "[<remote>:]<instance> <profiles>",
    .summary = "Say which profiles an instance has",
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
    .summary = "Make a profile like another one",
    .examples = "lxc profile copy default web\n    Begin a new profile with all that the default one has.",
    .flags = copy_flags,
    .least = 2,
    .most = 2,
    .run = run_copy,
};
constinit const Command create_command{
    .name = "create",
    .arguments = "[<remote>:]<profile>",
    .summary = "Create profiles",
    .examples = "lxc profile create web\n    Make an empty profile.",
    .least = 1,
    .most = 1,
    .run = run_create,
};
constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<profile>",
    .summary = "Delete profiles",
    .examples = "lxc profile delete web\n    Remove a profile that no instance has.",
    .least = 1,
    .most = 1,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<profile>",
    .summary = "Change a whole profile as YAML",
    .examples = "lxc profile edit web < web.yaml\n    Replace the profile by the content of a file.",
    .least = 1,
    .most = 1,
    .run = on<run_object_edit, kinds::profile>,
};
constinit const Command get_command{
    .name = "get",
    .arguments = "[<remote>:]<profile> <key>",
    .summary = "Print one configuration value of a profile",
    .examples = "lxc profile get web limits.memory\n    The limit that the profile sets.",
    .least = 2,
    .most = 2,
    .run = on<run_object_get, kinds::profile>,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:]",
    .summary = "List profiles",
    .examples = "lxc profile list --format yaml\n    All profiles with everything in them.",
    .flags = format_flags,
    .most = 1,
    .run = run_list,
};
constinit const Command remove_command{
    .name = "remove",
    .arguments = "[<remote>:]<instance> <profile>",
    .summary = "Take a profile from an instance",
    .examples = "lxc profile remove c1 web\n    Let c1 be without the profile \"web\".",
    .least = 2,
    .most = 2,
    .run = run_remove,
};
constinit const Command rename_command{
    .name = "rename",
    .aliases = "mv",
    .arguments = "[<remote>:]<profile> <new-name>",
    .summary = "Rename profiles",
    .examples = "lxc profile rename web frontend\n    Instances that have it keep it under the new name.",
    .least = 2,
    .most = 2,
    .run = run_rename,
};
constinit const Command set_command{
    .name = "set",
    .arguments = "[<remote>:]<profile> <key>=<value>...",
    .summary = "Change the configuration of a profile",
    .details = "A single key may also be given as two words, <key> <value>.",
    .examples = "lxc profile set web limits.cpu=2 limits.memory=1GiB\n    Limit all instances that have the profile.",
    .least = 2,
    .run = on<run_object_set, kinds::profile>,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<profile>",
    .summary = "Print a profile",
    .examples = "lxc profile show default\n    Configuration, devices, and who uses it.",
    .least = 1,
    .most = 1,
    .run = on<run_object_show, kinds::profile>,
};
constinit const Command unset_command{
    .name = "unset",
    .arguments = "[<remote>:]<profile> <key>",
    .summary = "Remove a key from a profile",
    .examples = "lxc profile unset web limits.memory\n    Lift the limit.",
    .least = 2,
    .most = 2,
    .run = on<run_object_unset, kinds::profile>,
};

constinit const Command* const children[] = {
    &add_command,  &assign_command, &copy_command, &create_command, &delete_command, &commands::profile_device,
    &edit_command, &get_command,    &list_command, &remove_command, &rename_command, &set_command,
    &show_command, &unset_command};

} // namespace

constinit const Command commands::profile{
    .name = "profile",
    .summary = "Configuration that instances share",
    .children = children,
};

constinit const Command commands::config_profile{
    .name = "profile",
    .summary = "Configuration that instances share",
    .children = children,
    .hidden = true,
    .successor = "lxc profile",
};

} // namespace client
