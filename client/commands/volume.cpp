// lxc storage volume: disks of the user's own, and those of instances and images.

#include "client/commands/volume.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/object.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

using schema::Json;

VolumeName volume_name(std::string_view word) {
    constexpr std::array<std::string_view, 4> types{"container", "custom", "image", "virtual-machine"};
    const auto [first, rest] = split_snapshot(word);
    if (is_snapshot(word) && std::find(types.begin(), types.end(), first) != types.end()) return {first, rest};
    return {"custom", std::string(word)};
}

VolumeName checked_volume_name(std::string_view word) {
    auto volume = volume_name(word);
    if (std::count(volume.name.begin(), volume.name.end(), '/') > 1) {
        throw schema::bad_request("Invalid snapshot name");
    }
    return volume;
}

std::string volumes_url(std::string_view pool, std::string_view type) {
    return fmt::format("/1.0/storage-pools/{}/volumes/{}", path_escape(pool), path_escape(type));
}

std::string volume_url(std::string_view pool, const VolumeName& volume) {
    const auto [name, snapshot] = split_snapshot(volume.name);
    auto url = fmt::format("{}/{}", volumes_url(pool, volume.type), path_escape(name));
    if (is_snapshot(volume.name)) url += "/snapshots/" + path_escape(snapshot);
    return url;
}

Resource named_pool(Session& session, const Call& call) {
    return session.named(call.arguments[0], kinds::pool.no_name);
}

Object volume_object(const Resource& pool, const VolumeName& volume) {
    return {pool.server, is_snapshot(volume.name) ? kinds::volume_snapshot : kinds::volume,
            volume_url(pool.name, volume)};
}

Json get_volume(const Resource& pool, const VolumeName& volume) {
    return pool.server.get(volume_url(pool.name, volume)).metadata;
}

namespace {

constexpr Flag target_flags[] = {member_flag};
constexpr Flag create_flags[] = {
    member_flag,
    {"type", 0, FlagKind::text, "What it holds (block|filesystem)", "filesystem"},
};

int run_create(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = volume_name(call.arguments[1]);
    auto config = Json::empty_object();
    for (size_t i = 2; i < call.arguments.size(); ++i) {
        std::string key;
        std::string value;
        if (!split_pair(call.arguments[i], key, value)) {
            throw schema::bad_request("Bad key=value pair: [{}]", call.arguments[i]);
        }
        config.set(key, value);
    }
    refuse_member(call);
    auto request = Json::empty_object();
    request.set("config", std::move(config)).set("description", "").set("name", volume.name).set("type", volume.type);
    request.set("content_type", call.flags.text("type"));
    pool.server.post(volumes_url(pool.name, volume.type), request);
    say(session, fmt::format("Storage volume {} created\n", call.arguments[1]));
    return 0;
}

int run_delete(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    refuse_member(call);
    pool.server.wait(pool.server.del(volume_url(pool.name, volume_name(call.arguments[1]))));
    say(session, fmt::format("Storage volume {} deleted\n", call.arguments[1]));
    return 0;
}

int run_edit(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = checked_volume_name(call.arguments[1]);
    refuse_member(call);
    volume_object(pool, volume).edit();
    return 0;
}

int run_get(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = checked_volume_name(call.arguments[1]);
    refuse_member(call);
    auto object = volume_object(pool, volume);
    print(shown_key(object, call.arguments[2]));
    return 0;
}

/// A volume whose configuration can be changed.
Object changeable(Session& session, const Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = checked_volume_name(call.arguments[1]);
    if (is_snapshot(volume.name)) {
        throw schema::bad_request("Snapshots are read-only and can't have their configuration changed");
    }
    refuse_member(call);
    return volume_object(pool, volume);
}

int run_set(Session& session, Call& call) {
    const auto settings = parse_settings({call.arguments.begin() + 2, call.arguments.end()});
    auto volume = changeable(session, call);
    set_keys(volume, settings);
    return 0;
}

int run_unset(Session& session, Call& call) {
    auto volume = changeable(session, call);
    unset_key(volume, call.arguments[2]);
    return 0;
}

int run_rename(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = checked_volume_name(call.arguments[1]);
    auto wanted = call.arguments[2];
    if (is_snapshot(volume.name)) {
        const auto [parent, name] = split_snapshot(wanted);
        if (parent != split_snapshot(volume.name).first) {
            throw schema::bad_request("Invalid new snapshot name, parent volume must be the same as source");
        }
        if (!is_snapshot(wanted)) throw schema::bad_request("Invalid new snapshot name");
        wanted = name;
    }
    refuse_member(call);
    auto request = Json::empty_object();
    request.set("name", wanted);
    pool.server.wait(pool.server.post(volume_url(pool.name, volume), request));
    say(session, fmt::format("Renamed storage volume from \"{}\" to \"{}\"\n", volume.name, wanted));
    return 0;
}

int run_show(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = checked_volume_name(call.arguments[1]);
    refuse_member(call);
    auto object = volume_object(pool, volume);
    auto value = shaped(object.load(), *object.kind().shown);
    sort_users(value);
    print(yaml(value, object.kind().shown));
    return 0;
}

constinit const Command create_command{
    .name = "create",
    .arguments = "[<remote>:]<pool> <new-volume> [key=value...]",
    .summary = "Create storage volumes",
    .examples =
        "lxc storage volume create default data size=10GiB\n"
        "    Make a volume \"data\" that holds up to 10 GiB. \"lxc storage volume attach\" gives it to instances.",
    .flags = create_flags,
    .least = 2,
    .run = run_create,
};
constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<pool> <volume>[/<snapshot>]",
    .summary = "Delete storage volumes and their snapshots",
    .examples = "lxc storage volume delete default data\n"
                "    Remove a volume that nothing uses, with its snapshots.\n\n"
                "lxc storage volume delete default data/first\n"
                "    Remove one snapshot of it.",
    .flags = target_flags,
    .least = 2,
    .most = 2,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<pool> <volume>[/<snapshot>]",
    .summary = "Change a whole volume's configuration as YAML",
    .details = "Of a snapshot the description and the date of expiry can be changed.",
    .examples = "lxc storage volume edit default data < data.yaml\n"
                "    Replace the volume's configuration by the content of a file.",
    .flags = target_flags,
    .least = 2,
    .most = 2,
    .run = run_edit,
};
constinit const Command get_command{
    .name = "get",
    .arguments = "[<remote>:]<pool> <volume>[/<snapshot>] <key>",
    .summary = "Print one configuration value of a volume",
    .examples = "lxc storage volume get default data size\n    How much it may hold.",
    .flags = target_flags,
    .least = 3,
    .most = 3,
    .run = run_get,
};
constinit const Command rename_command{
    .name = "rename",
    .arguments = "[<remote>:]<pool> <volume>[/<snapshot>] <new name>[/<new snapshot name>]",
    .summary = "Rename storage volumes and their snapshots",
    .examples = "lxc storage volume rename default data archive\n"
                "    Call it \"archive\" from now on.\n\n"
                "lxc storage volume rename default data/first data/before-upgrade\n"
                "    Give a snapshot another name.",
    .flags = target_flags,
    .least = 3,
    .most = 3,
    .run = run_rename,
};
constinit const Command set_command{
    .name = "set",
    .arguments = "[<remote>:]<pool> <volume> <key>=<value>...",
    .summary = "Change the configuration of a volume",
    .details = "A single key may also be given as two words, <key> <value>.",
    .examples = "lxc storage volume set default data size=20GiB\n    Let it hold up to 20 GiB.",
    .flags = target_flags,
    .least = 3,
    .run = run_set,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<pool> <volume>[/<snapshot>]",
    .summary = "Print a volume's configuration",
    .examples = "lxc storage volume show default data\n"
                "    What it is, and what uses it.\n\n"
                "lxc storage volume show default container/c1\n"
                "    The same of the root file system of c1.",
    .flags = target_flags,
    .least = 2,
    .most = 2,
    .run = run_show,
};
constinit const Command unset_command{
    .name = "unset",
    .arguments = "[<remote>:]<pool> <volume> <key>",
    .summary = "Give a volume's key its default back",
    .examples = "lxc storage volume unset default data size\n    Let it hold what the pool has.",
    .flags = target_flags,
    .least = 3,
    .most = 3,
    .run = run_unset,
};

constinit const Command* const children[] = {&commands::volume_attach,
                                             &commands::volume_attach_profile,
                                             &commands::volume_copy,
                                             &create_command,
                                             &delete_command,
                                             &commands::volume_detach,
                                             &commands::volume_detach_profile,
                                             &edit_command,
                                             &commands::volume_export,
                                             &get_command,
                                             &commands::volume_import,
                                             &commands::volume_info,
                                             &commands::volume_list,
                                             &commands::volume_move,
                                             &rename_command,
                                             &commands::volume_restore,
                                             &set_command,
                                             &show_command,
                                             &commands::volume_snapshot,
                                             &unset_command};

} // namespace

constinit const Command commands::storage_volume{
    .name = "volume",
    .summary = "Volumes in storage pools",
    .details =
        "Volumes are those that you make (\"custom\" ones) and those of instances and images, which are named with\n"
        "their type: container/c1, image/FINGERPRINT.",
    .children = children,
};

} // namespace client
