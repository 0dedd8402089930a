// lxc snapshot and lxc restore: an instance as it was at a moment.

#include "client/commands/commands.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag snapshot_flags[] = {
    {"no-expiry", 0, FlagKind::toggle, "Keep the snapshot, whatever snapshots.expiry says"},
    {"reuse", 0, FlagKind::toggle, "Take the place of a snapshot of that name"},
    {"stateful", 0, FlagKind::toggle, "Keep the state of the processes too"},
};
constexpr Flag restore_flags[] = {
    {"stateful", 0, FlagKind::toggle, "Bring the state of the processes back too"},
};

int run_snapshot(Session& session, Call& call) {
    auto resource = session.resource(call.arguments[0]);
    auto name = call.arguments.size() > 1 ? call.arguments[1] : std::string();
    if (is_snapshot(resource.name)) {
        if (!name.empty()) throw schema::bad_request("Invalid instance name: {}", resource.name);
        std::tie(resource.name, name) = split_snapshot(resource.name);
    }
    auto& server = resource.server;
    if (call.flags.on("reuse") && !name.empty()) {
        const auto url = instance_or_snapshot_url(resource.name + "/" + name);
        if (get_if_exists(server, url)) server.wait(server.del(url));
    }
    auto request = Json::empty_object();
    request.set("name", name).set("stateful", call.flags.on("stateful"));
    // The zero time says never; without one the server works out the date.
    request.set("expires_at", call.flags.on("no-expiry") ? Json("0001-01-01T00:00:00Z") : Json());
    server.wait(server.post(instance_url(resource.name) + "/snapshots", request));
    return 0;
}

int run_restore(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments[0]);
    const auto& word = call.arguments[1];
    auto request = Json::empty_object();
    request.set("restore", is_snapshot(word) ? word : resource.name + "/" + word);
    request.set("stateful", call.flags.on("stateful"));
    resource.server.wait(resource.server.put(instance_url(resource.name), request));
    return 0;
}

} // namespace

constinit const Command commands::snapshot{
    .name = "snapshot",
    .arguments = "[<remote>:]<instance> [<new-name>]",
    .summary = "Take a snapshot of an instance",
    .details =
        "The snapshot has the instance's files, configuration and devices. Without a name, the server makes one\n"
        "of snapshots.pattern.",
    .examples = "lxc snapshot c1 before-upgrade\n"
                "    Keep what c1 is now as c1/before-upgrade.\n\n"
                "lxc snapshot c1 nightly --reuse --no-expiry\n"
                "    Put a new snapshot in the place of the last nightly one, and keep it.",
    .flags = snapshot_flags,
    .least = 1,
    .most = 2,
    .run = run_snapshot,
};

constinit const Command commands::restore{
    .name = "restore",
    .arguments = "[<remote>:]<instance> <snapshot>",
    .summary = "Make an instance what it was at a snapshot",
    .details =
        "What has changed since is lost: files, configuration and devices. A running instance is stopped for it\n"
        "and started again.",
    .examples = "lxc restore c1 before-upgrade\n    Forget everything that happened to c1 since that snapshot.",
    .flags = restore_flags,
    .least = 2,
    .most = 2,
    .run = run_restore,
};

} // namespace client
