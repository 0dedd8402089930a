// lxc storage volume copy and move.

#include <fmt/format.h>

#include "client/commands/copy_flags.h"
#include "client/commands/object.h"
#include "client/commands/volume.h"
#include "client/progress.h"
#include "client/shapes.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag volume_copy_flags[] = {
    {"refresh", 0, FlagKind::toggle, "Bring an existing copy up to date"},
    {"volume-only", 0, FlagKind::toggle, "Leave the snapshots out"},
    {"destination-target", 0, FlagKind::text, "Cluster member name of the destination"},
    {"mode", 0, FlagKind::text, "How it gets to another server (pull, push or relay)", "pull"},
    member_flag,
    {"target-project", 0, FlagKind::text, "Project of the destination"},
};
constexpr size_t flags_of_copy_alone = 2;

/// "pool/volume[/snapshot]"
struct Place {
    Server& server;
    std::string pool;
    VolumeName volume;

    std::string url() const { return volume_url(pool, volume); }
};

Place place_of(const Resource& resource, std::string_view complaint) {
    if (!is_snapshot(resource.name)) throw schema::bad_request("{}", complaint);
    const auto [pool, name] = split_snapshot(resource.name);
    return {resource.server, pool, {"custom", name}};
}

struct Places {
    Place source;
    Place destination;
};

Places places(Session& session, const Call& call) {
    const auto source = session.named(call.arguments[0], "Missing source volume name");
    const auto destination = session.resource(call.arguments[1]);
    Places found{place_of(source, "No storage pool for source volume specified"),
                 place_of(destination, "No storage pool for target volume specified")};
    check_mode(call.flags);
    if (source.remote != destination.remote) {
        throw schema::bad_request("Volumes cannot be brought from one server to another yet: \"{}\" and \"{}\" are "
                                  "different remotes",
                                  source.remote, destination.remote);
    }
    if (const auto project = call.flags.text("target-project"); !project.empty() && project != "default") {
        throw schema::bad_request("The project \"{}\" cannot be used: \"default\" is the only one so far", project);
    }
    refuse_member(call);
    return found;
}

/// A snapshot brings its own configuration.
Json described(const Place& source) {
    const auto [name, snapshot] = split_snapshot(source.volume.name);
    auto volume = source.server.get(volume_url(source.pool, {"custom", name})).metadata;
    if (snapshot.empty()) return volume;
    const auto as_it_was = source.server.get(source.url()).metadata;
    return volume.set("config", as_it_was["config"]).set("description", as_it_was["description"]);
}

void refuse_destination_member(const Call& call) {
    if (!call.flags.text("destination-target").empty()) throw schema::not_found("Cluster member not found");
}

void copy(const Place& source, const Place& destination, const Json& volume, const Call& call, Progress& progress) {
    auto request = shaped(volume, shapes::volume_put);
    request.set("content_type", volume["content_type"]);
    auto from = Json::empty_object();
    from.set("name", source.volume.name).set("type", "copy").set("pool", source.pool);
    from.set("volume_only", call.flags.on("volume-only")).set("refresh", call.flags.on("refresh"));
    request.set("name", destination.volume.name).set("type", "custom").set("source", std::move(from));
    destination.server.wait(destination.server.post(volumes_url(destination.pool, "custom"), request), &progress);
}

int run_copy(Session& session, Call& call) {
    const auto [source, destination] = places(session, call);
    const auto volume = described(source);
    refuse_destination_member(call);
    Progress progress("Copying the storage volume: ", session.quiet());
    copy(source, destination, volume, call, progress);
    progress.done();
    say(session, "Storage volume copied successfully!\n");
    return 0;
}

/// The server moves volumes; of a snapshot it only knows another name.
void move_snapshot(const Place& source, const Place& destination, const Json& volume, const Call& call,
                   Progress& progress) {
    copy(source, destination, volume, call, progress);
    try {
        source.server.wait(source.server.del(source.url()));
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed deleting source volume after copy: {}", error.what()));
    }
}

void move_volume(const Place& source, const Place& destination, Progress& progress) {
    auto request = Json::empty_object();
    request.set("name", destination.volume.name).set("pool", destination.pool).set("migration", false);
    source.server.wait(source.server.post(source.url(), request), &progress);
}

int run_move(Session& session, Call& call) {
    const auto [source, destination] = places(session, call);
    const auto volume = described(source);
    refuse_destination_member(call);
    Progress progress("Moving the storage volume: ", session.quiet());
    if (is_snapshot(source.volume.name)) {
        move_snapshot(source, destination, volume, call, progress);
    } else {
        move_volume(source, destination, progress);
    }
    progress.done();
    say(session, "Storage volume moved successfully!\n");
    return 0;
}

} // namespace

constinit const Command commands::volume_copy{
    .name = "copy",
    .aliases = "cp",
    .arguments = "[<remote>:]<pool>/<volume>[/<snapshot>] [<remote>:]<pool>/<volume>",
    .summary = "Copy storage volumes",
    .examples = "lxc storage volume copy default/data fast/data\n"
                "    Make a copy of a volume, with its snapshots, in the pool \"fast\".\n\n"
                "lxc storage volume copy default/data fast/data --refresh\n"
                "    Bring the copy up to date.",
    .flags = volume_copy_flags,
    .least = 2,
    .most = 2,
    .run = run_copy,
};

constinit const Command commands::volume_move{
    .name = "move",
    .aliases = "mv",
    .arguments = "[<remote>:]<pool>/<volume> [<remote>:]<pool>/<volume>",
    .summary = "Move storage volumes between pools",
    .examples = "lxc storage volume move default/data fast/data\n"
                "    Bring a volume that nothing uses into the pool \"fast\".",
    .flags = View<Flag>(volume_copy_flags).without_first(flags_of_copy_alone),
    .least = 2,
    .most = 2,
    .run = run_move,
};

} // namespace client
