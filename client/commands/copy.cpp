// lxc copy: another instance like one that there is.

#include <algorithm>

#include "client/commands/commands.h"
#include "client/commands/copy.h"
#include "client/commands/copy_flags.h"
#include "client/commands/object.h"
#include "client/instances.h"
#include "client/overrides.h"
#include "client/progress.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

/// Keys that the server notes for itself are of no use to another instance, but for the image that it came from.
bool is_copied(std::string_view key) {
    return key == "volatile.base_image" || !key.starts_with("volatile.");
}

void override_config(Json& instance, const FlagValues& flags, bool keep_volatile) {
    auto& config = object_member(instance, "config");
    for (const auto& [key, value] : config_overrides(flags.texts("config"))) config.set(key, value);
    std::erase_if(config.object(), [&](const Json::Member& member) {
        return member.first == "volatile.last_state.power" || (!keep_volatile && !is_copied(member.first));
    });
}

void override_devices(Json& instance, const FlagValues& flags) {
    auto& devices = object_member(instance, "devices");
    for (const auto& [name, options] : device_overrides(flags.texts("device"))) {
        auto& device = object_member(devices, name);
        for (const auto& [key, value] : options) device.set(key, value);
    }
    const auto pool = flags.text("storage");
    if (pool.empty()) return;
    const auto* root = root_disk(devices);
    const std::string name = root == nullptr ? "root" : root->first;
    auto& device = object_member(devices, name);
    if (root == nullptr) device.set("type", "disk").set("path", "/");
    device.set("pool", pool);
}

void check_flags(const FlagValues& flags, const std::string& source) {
    check_mode(flags);
    const bool refresh = flags.on("refresh");
    if (refresh && flags.on("no-profiles")) throw schema::bad_request("--no-profiles cannot be used with --refresh");
    if (is_snapshot(source)) {
        if (flags.on("instance-only")) {
            throw schema::bad_request("--instance-only can't be passed when the source is a snapshot");
        }
        if (refresh) throw schema::bad_request("--refresh can only be used with instances");
    }
    if (const auto project = flags.text("target-project"); !project.empty() && project != "default") {
        throw schema::bad_request("The project \"{}\" cannot be used: \"default\" is the only one so far", project);
    }
}

/// A refreshed copy gets the source's configuration too, but for the ids that its files have on the disk.
void bring_configuration_up_to_date(Server& server, const std::string& name, const Json& source) {
    Object copy(server, kinds::instance, name);
    auto& value = copy.load();
    const auto ids = value["config"]["volatile.idmap.next"];
    for (const auto& field : shapes::instance_put.fields) value.set(field.name, source[field.name]);
    object_member(value, "config").set("volatile.idmap.next", ids);
    copy.store();
}

int run(Session& session, Call& call) {
    const auto& flags = call.flags;
    const auto& words = call.arguments;
    const auto source = session.named(words[0], "You must specify a source instance name");
    const bool is_named = words.size() > 1;
    auto target = session.remotes().resolve(is_named ? words[1] : "");
    if (target.name.empty() && !flags.text("target").empty()) {
        throw schema::bad_request("You must specify a destination instance name when using --target");
    }
    if (target.name.empty()) target.name = is_named ? source.name : source.name.substr(0, source.name.find('/'));
    check_flags(flags, source.name);
    refuse_target(call);
    if (is_named && target.remote != source.remote) {
        throw schema::bad_request("Instances cannot be copied from one server to another yet: \"{}\" and \"{}\" are "
                                  "different remotes",
                                  source.remote, target.remote);
    }

    const auto value = source.server.get(instance_kind(source.name).url(source.name)).metadata;
    const auto request = copy_request(value, source.name, target.name, flags, Purpose::copy);
    Progress progress("Transferring instance: ", session.quiet());
    const auto operation = source.server.wait(source.server.post("/1.0/instances", request), &progress);
    progress.done();
    if (flags.on("refresh")) bring_configuration_up_to_date(source.server, target.name, request);
    if (!is_named) print(fmt::format("Instance name is: {}\n", created_name(operation)));
    return 0;
}

} // namespace

Json copy_request(Json source, const std::string& source_name, const std::string& name, const FlagValues& flags,
                  Purpose purpose) {
    const bool stateful = !flags.on("stateless") && !flags.on("refresh");
    override_config(source, flags, flags.on("refresh") || purpose == Purpose::move);
    override_devices(source, flags);
    if (flags.has("profile")) {
        source.set("profiles", flags.texts("profile"));
    } else if (flags.on("no-profiles")) {
        source.set("profiles", Json::empty_array());
    }
    if (purpose == Purpose::copy) source.set("ephemeral", flags.on("ephemeral"));

    auto from = Json::empty_object();
    from.set("type", "copy").set("source", source_name);
    from.set("base-image", text_member(source["config"], "volatile.base_image"));
    if (is_snapshot(source_name)) {
        from.set("live", stateful && source["stateful"] == Json(true));
    } else {
        from.set("live", stateful && source["status_code"] == Json(103));
        from.set("instance_only", flags.on("instance-only")).set("container_only", flags.on("instance-only"));
        from.set("refresh", flags.on("refresh")).set("allow_inconsistent", flags.on("allow-inconsistent"));
    }
    auto request = shaped(source, shapes::instance_put);
    request.set("name", name).set("type", source["type"]).set("source", std::move(from));
    return request;
}

constinit const Command commands::copy{
    .name = "copy",
    .aliases = "cp",
    .arguments = "[<remote>:]<source>[/<snapshot>] [[<remote>:]<destination>]",
    .summary = "Make an instance like another one",
    .details = "The copy has the source's configuration, devices, profiles and snapshots. It is stopped. Without a\n"
               "name, the server chooses one.",
    .examples = "lxc copy c1 c2\n"
                "    Make c2 a copy of c1.\n\n"
                "lxc copy c1/before-upgrade old -c limits.memory=512MiB -s fast\n"
                "    Make an instance of a snapshot, with a limit on its memory, in the pool \"fast\".",
    .flags = copy_flags,
    .least = 1,
    .most = 2,
    .run = run,
};

} // namespace client
