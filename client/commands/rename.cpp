// lxc rename: gives an instance (or a snapshot) another name.

#include "client/commands/rename.h"

#include "client/commands/commands.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

Json name_request(const std::string& name) {
    auto request = Json::empty_object();
    return request.set("name", name);
}

void rename_snapshot(const Resource& source, const std::string& wanted) {
    const auto [parent, name] = split_snapshot(wanted);
    if (parent != split_snapshot(source.name).first) {
        throw schema::bad_request("Invalid new snapshot name, parent must be the same as source");
    }
    if (!is_snapshot(wanted)) throw schema::bad_request("Invalid new snapshot name");
    source.server.wait(source.server.post(instance_or_snapshot_url(source.name), name_request(name)));
}

int run(Session& session, Call& call) {
    const auto source = session.resource(call.arguments[0]);
    const auto wanted = session.remotes().resolve(call.arguments[1]);
    if (wanted.remote != source.remote && call.arguments[1].find(':') != std::string::npos) {
        throw schema::bad_request("Can't specify a different remote for rename");
    }
    rename_instance(source, wanted.name);
    return 0;
}

} // namespace

void rename_instance(const Resource& source, const std::string& wanted) {
    if (is_snapshot(source.name)) return rename_snapshot(source, wanted);
    source.server.wait(source.server.post(instance_url(source.name), name_request(wanted)));
}

constinit const Command commands::rename{
    .name = "rename",
    .arguments = "[<remote>:]<instance>[/<snapshot>] <instance>[/<snapshot>]",
    .summary = "Rename instances and snapshots",
    .examples = "lxc rename c1 web1\n"
                "    Call c1 web1 from now on. It must be stopped.\n\n"
                "lxc rename c1/first c1/before-upgrade\n"
                "    Give a snapshot another name.",
    .least = 2,
    .most = 2,
    .run = run,
};

} // namespace client
