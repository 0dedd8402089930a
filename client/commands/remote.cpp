// lxc remote: which servers there are.

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/shapes.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag format_flags[] = {format_flag};

std::string how_trusted(const Remote& remote) {
    if (!remote.auth_type.empty()) return remote.auth_type;
    if (remote.address.starts_with("unix:")) return "file access";
    return remote.protocol == "simplestreams" ? "none" : "tls";
}

const char* yes_or_no(bool value) {
    return value ? "YES" : "NO";
}

/// As config.yml has it; JSON has the members of LXD's own structure, which are named otherwise.
Json object_of(const Remote& remote, bool as_json) {
    auto object = Json::empty_object();
    if (as_json) {
        object.set("Addr", remote.address).set("AuthType", remote.auth_type).set("Domain", "");
        object.set("Project", remote.project).set("Protocol", remote.protocol).set("Public", remote.is_public);
        return object.set("Global", remote.is_global).set("Static", remote.is_static);
    }
    object.set("addr", remote.address).set("auth_type", remote.auth_type).set("project", remote.project);
    return object.set("protocol", remote.protocol).set("public", remote.is_public);
}

int run_list(Session& session, Call& call) {
    const auto format = call.flags.text("format");
    Listing listing{{"NAME", "URL", "PROTOCOL", "AUTH TYPE", "PUBLIC", "STATIC", "GLOBAL"},
                    {},
                    Json::empty_object(),
                    &shapes::remotes};
    for (const auto& [name, remote] : session.remotes().all()) {
        const bool is_default = name == session.remotes().default_name();
        listing.rows.push_back({is_default ? name + " (current)" : name, remote.address,
                                remote.protocol.empty() ? "lxd" : remote.protocol, how_trusted(remote),
                                yes_or_no(remote.is_public), yes_or_no(remote.is_static), yes_or_no(remote.is_global)});
        listing.objects.set(name, object_of(remote, format == "json"));
    }
    if (format == "yaml") listing.objects = shaped(listing.objects, shapes::remotes);
    sort_rows(listing.rows);
    print(render(listing, format));
    return 0;
}

int run_get_default(Session& session, Call&) {
    print(session.remotes().default_name() + "\n");
    return 0;
}

constinit const Command get_default_command{
    .name = "get-default",
    .summary = "Print which server is meant where none is named",
    .examples = "lxc remote get-default\n    \"local\", unless it was changed.",
    .most = 0,
    .run = run_get_default,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .summary = "List the servers that are known",
    .examples = "lxc remote list --format csv\n    Names and addresses, a server a line.",
    .flags = format_flags,
    .most = 0,
    .run = run_list,
};

constinit const Command* const children[] = {&get_default_command, &list_command};

} // namespace

constinit const Command commands::remote{
    .name = "remote",
    .summary = "The servers that this client knows",
    .children = children,
};

} // namespace client
