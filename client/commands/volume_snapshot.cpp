// lxc storage volume snapshot and restore.

#include "client/commands/object.h"
#include "client/commands/volume.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag snapshot_flags[] = {
    {"no-expiry", 0, FlagKind::toggle, "Keep the snapshot, whatever snapshots.expiry says"},
    {"reuse", 0, FlagKind::toggle, "Take the place of a snapshot of that name"},
    member_flag,
};
constexpr Flag restore_flags[] = {member_flag};

int run_snapshot(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const auto volume = volume_name(call.arguments[1]);
    if (volume.type != "custom") throw schema::bad_request("Only \"custom\" volumes can be snapshotted");
    refuse_member(call);
    get_volume(pool, volume);
    const auto name = call.arguments.size() > 2 ? call.arguments[2] : std::string();
    if (call.flags.on("reuse") && !name.empty()) {
        const auto url = volume_url(pool.name, {volume.type, volume.name + "/" + name});
        if (get_if_exists(pool.server, url)) pool.server.wait(pool.server.del(url));
    }
    auto request = Json::empty_object();
    request.set("name", name);
    // The zero time says never; without one the server works out the date.
    request.set("expires_at", call.flags.on("no-expiry") ? Json("0001-01-01T00:00:00Z") : Json());
    pool.server.wait(pool.server.post(volume_url(pool.name, volume) + "/snapshots", request));
    return 0;
}

int run_restore(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    refuse_member(call);
    const VolumeName volume{"custom", call.arguments[1]};
    const auto url = volume_url(pool.name, volume);
    const auto etag = pool.server.get(url).etag;
    // To a snapshot's URL the request would be another: to change its description.
    if (is_snapshot(volume.name)) throw schema::bad_request("Volume cannot be snapshot");
    auto request = Json::empty_object();
    request.set("restore", call.arguments[2]);
    pool.server.wait(pool.server.put(url, request, etag));
    return 0;
}

} // namespace

constinit const Command commands::volume_snapshot{
    .name = "snapshot",
    .arguments = "[<remote>:]<pool> <volume> [<new-name>]",
    .summary = "Take a snapshot of a volume",
    .details = "Without a name, the server makes one of snapshots.pattern.",
    .examples = "lxc storage volume snapshot default data before-upgrade\n"
                "    Keep what the volume holds now as data/before-upgrade.",
    .flags = snapshot_flags,
    .least = 2,
    .most = 3,
    .run = run_snapshot,
};

constinit const Command commands::volume_restore{
    .name = "restore",
    .arguments = "[<remote>:]<pool> <volume> <snapshot>",
    .summary = "Make a volume what it was at a snapshot",
    .details = "What has changed since is lost. No running instance may use the volume meanwhile.",
    .examples = "lxc storage volume restore default data before-upgrade\n"
                "    Forget everything that was written since that snapshot.",
    .flags = restore_flags,
    .least = 3,
    .most = 3,
    .run = run_restore,
};

} // namespace client
