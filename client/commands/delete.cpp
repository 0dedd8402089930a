// lxc delete: removes instances (and snapshots).

#include <cstdio>

#include "client/commands/commands.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"force", 'f', FlagKind::toggle, "Stop running instances first"},
    {"interactive", 'i', FlagKind::toggle, "Ask before each removal"},
};

void check_exists(const Resource& resource) {
    try {
        resource.server.get(instance_or_snapshot_url(resource.name));
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed checking instance {}exists \"{}:{}\": {}",
                                                      is_snapshot(resource.name) ? "snapshot " : "", resource.remote,
                                                      resource.name, error.what()));
    }
}

void confirm(const std::string& name) {
    print(fmt::format("Remove {} (yes/no): ", name));
    std::fflush(stdout);
    std::string answer;
    for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) answer += static_cast<char>(::tolower(c));
    if (answer != "yes") throw schema::bad_request("User aborted delete operation");
}

/// False when the instance was ephemeral: stopping it has removed it already.
bool stop_if_running(const Resource& resource, bool force) {
    const auto instance = resource.server.get(instance_url(resource.name)).metadata;
    const auto& code = instance["status_code"];
    if (!code.is_integer() || code == Json(0) || code == Json(102)) return true;
    if (!force) throw schema::bad_request("The instance is currently running, stop it first or pass --force");
    auto request = Json::empty_object();
    request.set("action", "stop").set("timeout", -1).set("force", true).set("stateful", false);
    try {
        resource.server.wait(resource.server.put(instance_url(resource.name) + "/state", request));
    } catch (const schema::Error& error) {
        throw schema::failure("Stopping the instance failed: {}", error.what());
    }
    return instance["ephemeral"] != Json(true);
}

int run(Session& session, Call& call) {
    std::vector<Resource> resources;
    resources.reserve(call.arguments.size());
    for (const auto& word : call.arguments) resources.push_back(session.resource(word));
    for (const auto& resource : resources) check_exists(resource);
    for (const auto& resource : resources) {
        if (call.flags.on("interactive")) confirm(resource.name);
        if (!is_snapshot(resource.name) && !stop_if_running(resource, call.flags.on("force"))) continue;
        resource.server.wait(resource.server.del(instance_or_snapshot_url(resource.name)));
    }
    return 0;
}

} // namespace

constinit const Command commands::delete_instances{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<instance>[/<snapshot>] [[<remote>:]<instance>[/<snapshot>]...]",
    .summary = "Delete instances and snapshots",
    .examples = "lxc delete -f c1 c2\n"
                "    Stop two instances, if they run, and remove them.\n\n"
                "lxc delete c1/first\n"
                "    Remove a snapshot of c1.",
    .flags = flags,
    .least = 1,
    .run = run,
};

} // namespace client
