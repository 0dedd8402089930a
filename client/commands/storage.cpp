// lxc storage: the pools that hold instances and images.

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/object.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/sizes.h"
#include "client/target.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag format_flags[] = {format_flag};
constexpr Flag target_flags[] = {{"target", 0, FlagKind::text, "Cluster member name"}};
constexpr Flag info_flags[] = {
    {"bytes", 0, FlagKind::toggle, "Show amounts in bytes"},
    {"target", 0, FlagKind::text, "Cluster member name"},
};
constexpr Flag show_flags[] = {
    {"resources", 0, FlagKind::toggle, "Show the space that the pool has"},
    {"target", 0, FlagKind::text, "Cluster member name"},
};

std::string url(const std::string& name) {
    return kinds::pool.url(name);
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return ::toupper(c); });
    return text;
}

int run_create(Session& session, Call& call) {
    refuse_member(call);
    const auto resource = session.resource(call.arguments[0]);
    auto config = Json::empty_object();
    for (size_t i = 2; i < call.arguments.size(); ++i) {
        std::string key;
        std::string value;
        if (!split_pair(call.arguments[i], key, value)) {
            throw schema::bad_request("Bad key=value pair: [{}]", call.arguments[i]);
        }
        config.set(key, value);
    }
    auto pool = Json::empty_object();
    pool.set("config", std::move(config)).set("description", "").set("name", resource.name);
    pool.set("driver", call.arguments[1]);
    resource.server.post("/1.0/storage-pools", pool);
    say(session, fmt::format("Storage pool {} created\n", resource.name));
    return 0;
}

int run_delete(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], kinds::pool.no_name);
    resource.server.del(url(resource.name));
    say(session, fmt::format("Storage pool {} deleted\n", resource.name));
    return 0;
}

/// "/1.0/instances/c1?project=web" -> {"instances", "c1 (project \"web\")"}
std::pair<std::string, std::string> user_of(std::string_view used_by) {
    const auto question = used_by.find('?');
    const auto parts = split(used_by.substr(0, question), '/'); // "", "1.0", type, name ...
    if (parts.size() < 4) return {};
    std::string kind = parts[2];
    std::string name = unescape(parts[3]);
    if (kind == "storage-pools" && parts.size() > 6) {
        kind = "volumes";
        name = unescape(parts[6]);
    }
    std::vector<std::string> notes;
    if (question != std::string_view::npos) {
        for (const auto& option : split(used_by.substr(question + 1), '&')) {
            std::string key;
            std::string value;
            if (split_pair(option, key, value) && (key == "project" || key == "target")) {
                notes.push_back(fmt::format("{} \"{}\"", key, unescape(value)));
            }
        }
    }
    if (!notes.empty()) name += fmt::format(" ({})", join(notes, ", "));
    return {kind, name};
}

int run_info(Session& session, Call& call) {
    refuse_target(call);
    const auto resource = session.named(call.arguments[0], kinds::pool.no_name);
    const auto pool = resource.server.get(url(resource.name)).metadata;
    const auto space = resource.server.get(url(resource.name) + "/resources").metadata["space"];
    const auto amount = [&](const char* member) {
        const int64_t bytes = space[member].is_number() ? static_cast<int64_t>(space[member].as_number()) : 0;
        return call.flags.on("bytes") ? std::to_string(bytes) : binary_byte_size(bytes);
    };
    auto facts = Json::empty_object();
    facts.set("name", pool["name"]).set("driver", pool["driver"]).set("description", pool["description"]);
    facts.set("total space", amount("total")).set("space used", amount("used"));
    auto info = Json::empty_object();
    info.set("info", std::move(facts));

    auto users = Json::empty_object();
    if (pool["used_by"].is_array()) {
        for (const auto& used_by : pool["used_by"].as_array()) {
            const auto [kind, name] = user_of(used_by.as_string());
            if (kind.empty()) continue;
            auto names = users[kind].is_array() ? users[kind] : Json::empty_array();
            names.push_back(name);
            users.set(kind, std::move(names));
        }
    }
    auto used = Json::empty_object();
    used.set("used by", std::move(users));
    print(yaml(info) + yaml(used));
    return 0;
}

int run_list(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    const auto pools = shaped(resource.server.get("/1.0/storage-pools?recursion=1").metadata, shapes::pools);
    Listing listing{{"NAME", "DRIVER", "SOURCE", "DESCRIPTION", "USED BY", "STATE"}, {}, pools, &shapes::pools};
    if (pools.is_array()) {
        for (const auto& pool : pools.as_array()) {
            const auto& used_by = pool["used_by"];
            listing.rows.push_back({text_member(pool, "name"), text_member(pool, "driver"),
                                    text_member(pool["config"], "source"), text_member(pool, "description"),
                                    std::to_string(used_by.is_array() ? used_by.as_array().size() : 0),
                                    upper(text_member(pool, "status"))});
        }
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

int run_show(Session& session, Call& call) {
    refuse_member(call);
    const auto resource = session.named(call.arguments[0], kinds::pool.no_name);
    if (call.flags.on("resources")) {
        const auto resources = resource.server.get(url(resource.name) + "/resources").metadata;
        print(yaml(shaped(resources, shapes::pool_resources), &shapes::pool_resources));
        return 0;
    }
    auto pool = shaped(resource.server.get(url(resource.name)).metadata, shapes::pool);
    sort_users(pool);
    print(yaml(pool, &shapes::pool));
    return 0;
}

constinit const Command create_command{
    .name = "create",
    .arguments = "[<remote>:]<pool> <driver> [key=value...]",
    .summary = "Create storage pools",
    .examples = "lxc storage create fast dir source=/mnt/ssd/lxd\n    A pool of plain folders on another disk.",
    .flags = target_flags,
    .least = 2,
    .run = run_create,
};
constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<pool>",
    .summary = "Delete storage pools",
    .examples = "lxc storage delete fast\n    Remove a pool that nothing uses.",
    .least = 1,
    .most = 1,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<pool>",
    .summary = "Change a whole pool's configuration as YAML",
    .examples = "lxc storage edit default < pool.yaml\n    Replace the pool's configuration by the content of a file.",
    .least = 1,
    .most = 1,
    .run = on<run_object_edit, kinds::pool>,
};
constinit const Command get_command{
    .name = "get",
    .arguments = "[<remote>:]<pool> <key>",
    .summary = "Print one configuration value of a pool",
    .examples = "lxc storage get default source\n    Where the pool is.",
    .flags = target_flags,
    .least = 2,
    .most = 2,
    .run = on<run_object_get, kinds::pool>,
};
constinit const Command info_command{
    .name = "info",
    .arguments = "[<remote>:]<pool>",
    .summary = "Say how full a pool is and what uses it",
    .examples = "lxc storage info default --bytes\n    Space in bytes, and the instances and images in it.",
    .flags = info_flags,
    .least = 1,
    .most = 1,
    .run = run_info,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:]",
    .summary = "List storage pools",
    .examples = "lxc storage list\n    The pools, their drivers and where they are.",
    .flags = format_flags,
    .most = 1,
    .run = run_list,
};
constinit const Command set_command{
    .name = "set",
    .arguments = "[<remote>:]<pool> <key>=<value>...",
    .summary = "Change the configuration of a pool",
    .details = "A single key may also be given as two words, <key> <value>.",
    .examples =
        "lxc storage set default volume.size=10GiB\n    Let new volumes hold that much, unless they say it themselves.",
    .flags = target_flags,
    .least = 2,
    .run = on<run_object_set, kinds::pool>,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<pool>",
    .summary = "Print a pool's configuration",
    .examples = "lxc storage show default --resources\n    How much room the pool has.",
    .flags = show_flags,
    .least = 1,
    .most = 1,
    .run = run_show,
};
constinit const Command unset_command{
    .name = "unset",
    .arguments = "[<remote>:]<pool> <key>",
    .summary = "Give a pool's key its default back",
    .examples = "lxc storage unset default volume.size\n    Let new volumes hold what the pool has.",
    .flags = target_flags,
    .least = 2,
    .most = 2,
    .run = on<run_object_unset, kinds::pool>,
};

constinit const Command* const children[] = {
    &create_command, &delete_command, &edit_command, &get_command,   &info_command,
    &list_command,   &set_command,    &show_command, &unset_command, &commands::storage_volume};

} // namespace

constinit const Command commands::storage{
    .name = "storage",
    .summary = "Storage pools, and the volumes in them",
    .children = children,
};

} // namespace client
