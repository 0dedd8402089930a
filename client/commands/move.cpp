// lxc move: gives an instance another name or another storage pool.

#include "client/commands/commands.h"
#include "client/commands/copy.h"
#include "client/commands/copy_flags.h"
#include "client/commands/rename.h"
#include "client/extensions.h"
#include "client/instances.h"
#include "client/progress.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr size_t flags_of_copy_alone = 2;

/// The server itself moves an instance to another pool.
void move_to_pool(const Resource& source, std::string name, const FlagValues& flags) {
    if (name.empty()) name = source.name;
    auto request = Json::empty_object();
    request.set("name", name).set("migration", true).set("pool", flags.text("storage"));
    request.set("instance_only", flags.on("instance-only")).set("live", !flags.on("stateless"));
    Reply reply;
    try {
        reply = source.server.post(instance_url(source.name), request);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Migration API failure: {}", error.what()));
    }
    try {
        source.server.wait(reply);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Migration operation failure: {}", error.what()));
    }
}

/// Where the server moves nothing to other pools itself: a copy takes the instance's place.
void move_by_copy(const Resource& source, const std::string& name, const FlagValues& flags, bool quiet) {
    const auto url = instance_url(source.name);
    const auto instance = source.server.get(url).metadata;
    if (instance["status_code"] != Json(102)) {
        throw schema::bad_request("Instance must be stopped to move between pools statelessly");
    }
    const auto request = copy_request(instance, source.name, name.empty() ? source.name : name, flags, Purpose::move);
    Progress progress("Transferring instance: ", quiet);
    source.server.wait(source.server.post("/1.0/instances", request), &progress);
    progress.done();
    try {
        source.server.wait(source.server.del(url));
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(),
                            fmt::format("Failed to delete original instance after copying it: {}", error.what()));
    }
}

bool overrides_configuration(const FlagValues& flags) {
    return flags.has("config") || flags.has("device") || flags.has("profile") || flags.on("no-profiles");
}

/// No server is a cluster's yet; what cannot go with --target at all is complained about first.
void refuse_member(const FlagValues& flags) {
    if (flags.text("target").empty()) return;
    const auto refuse = [](std::string_view flag) {
        throw schema::bad_request("The --{} flag can't be used with --target", flag);
    };
    if (flags.on("instance-only")) refuse("instance-only");
    for (const auto* flag : {"storage", "target-project"}) {
        if (!flags.text(flag).empty()) refuse(flag);
    }
    if (flags.text("mode") != "pull") refuse("mode");
    throw schema::bad_request("The source LXD server is not clustered");
}

int run(Session& session, Call& call) {
    const auto& flags = call.flags;
    const bool to_pool = !flags.text("storage").empty();
    if (call.arguments.size() < 2 && !to_pool && flags.text("target").empty() && flags.text("target-project").empty()) {
        throw WrongNumberOfArguments{};
    }
    const auto source = session.resource(call.arguments[0]);
    const auto target =
        call.arguments.size() > 1 ? session.remotes().resolve(call.arguments[1]) : Target{source.remote, std::string()};
    if (target.remote != source.remote) {
        throw schema::bad_request("Instances cannot be moved from one server to another yet: \"{}\" and \"{}\" are "
                                  "different remotes",
                                  source.remote, target.remote);
    }
    check_mode(flags);
    refuse_member(flags);
    if (const auto project = flags.text("target-project"); !project.empty() && project != "default") {
        throw schema::bad_request("The project \"{}\" cannot be used: \"default\" is the only one so far", project);
    }
    if (to_pool) {
        if (source.name.empty()) throw schema::bad_request("You must specify a source instance name");
        if (flags.text("mode") != "pull") throw schema::bad_request("The --mode flag can't be used with --storage");
        if (!has_extension(source.server, "instance_pool_move")) {
            move_by_copy(source, target.name, flags, session.quiet());
            return 0;
        }
        if (overrides_configuration(flags)) {
            throw schema::bad_request("Can't override configuration or profiles while moving to another pool");
        }
        move_to_pool(source, target.name, flags);
    } else if (overrides_configuration(flags)) {
        throw schema::bad_request("Can't override configuration or profiles in local rename");
    } else {
        rename_instance(source, call.arguments.size() < 2 ? source.name : target.name);
    }
    return 0;
}

} // namespace

constinit const Command commands::move{
    .name = "move",
    .aliases = "mv",
    .arguments = "[<remote>:]<instance>[/<snapshot>] [<remote>:][<instance>[/<snapshot>]]",
    .summary = "Give an instance another name or storage pool",
    .examples = "lxc move c1 web1\n"
                "    Call c1 web1 from now on. It must be stopped.\n\n"
                "lxc move c1/first c1/before-upgrade\n"
                "    Give a snapshot another name.\n\n"
                "lxc move c1 --storage fast\n"
                "    Move c1 to the storage pool \"fast\".",
    .flags = View<Flag>(copy_flags).without_first(flags_of_copy_alone),
    .least = 1,
    .most = 2,
    .run = run,
};

} // namespace client
