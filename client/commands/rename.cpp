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
    const auto slash = source.name.find('/');
    const auto parent = source.name.substr(0, slash);
    const auto wanted_slash = wanted.find('/');
    if (wanted.substr(0, wanted_slash) != parent) {
        throw schema::bad_request("Invalid new snapshot name, parent must be the same as source");
    }
    if (wanted_slash == std::string::npos) throw schema::bad_request("Invalid new snapshot name");
    const auto url = instance_url(parent) + "/snapshots/" + path_escape(source.name.substr(slash + 1));
    source.server.wait(source.server.post(url, name_request(wanted.substr(wanted_slash + 1))));
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
    if (source.name.find('/') != std::string::npos) return rename_snapshot(source, wanted);
    source.server.wait(source.server.post(instance_url(source.name), name_request(wanted)));
}

constinit const Command commands::rename{
    .name = "rename",
    .arguments = "[<remote>:]<instance>[/<snapshot>] <instance>[/<snapshot>]",
    .summary = "Rename instances and snapshots",
    .examples = "lxc rename c1 web1\n    Call c1 web1 from now on. It must be stopped.",
    .least = 2,
    .most = 2,
    .run = run,
};

} // namespace client
