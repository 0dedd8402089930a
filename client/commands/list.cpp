// lxc list: instances with their state and addresses.

#include <algorithm>

#include "client/commands/commands.h"
#include "client/commands/list_columns.h"
#include "client/commands/list_filter.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/shapes.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr std::string_view default_columns = "ns46tSL";

constexpr Flag flags[] = {
    {"all-projects", 0, FlagKind::toggle, "Show the instances of all projects"},
    {"columns", 'c', FlagKind::text, "Columns to show", default_columns},
    {"fast", 0, FlagKind::toggle, "Only what is known without asking the instances (same as --columns=nsacPt)"},
    format_flag,
};

std::string chosen_columns(const FlagValues& chosen) {
    auto columns = chosen.text("columns");
    const bool is_default = columns == default_columns;
    if (chosen.on("fast")) {
        if (!is_default) throw schema::bad_request("Can't specify --fast with --columns");
        return chosen.on("all-projects") ? "ensacPt" : "nsacPt";
    }
    if (is_default) return chosen.on("all-projects") ? "ens46tS" : "ns46tS";
    if (columns.find('L') != std::string::npos) {
        throw schema::bad_request("Can't specify column L when not clustered");
    }
    return columns;
}

/// The remote and the filters of the command line. A first word with a colon names the remote.
std::pair<std::string, std::vector<std::string>> remote_and_filters(Session& session, std::vector<std::string> words) {
    const auto& remotes = session.remotes();
    if (words.empty() || words[0].find('=') != std::string::npos) return {remotes.default_name(), words};
    if (words[0].find(':') == std::string::npos) return {remotes.default_name(), words};
    auto target = remotes.resolve(words[0]);
    words.erase(words.begin());
    if (!target.name.empty()) words.push_back(target.name);
    return {target.remote, words};
}

int run(Session& session, Call& call) {
    if (!session.globals().project.empty() && call.flags.on("all-projects")) {
        throw schema::bad_request("Can't specify --project with --all-projects");
    }
    auto [remote, filters] = remote_and_filters(session, call.arguments);
    auto& server = session.server(remote);
    const auto columns = parse_columns(chosen_columns(call.flags));
    const bool needs_state = std::any_of(columns.begin(), columns.end(), [](const Column& c) { return c.needs_state; });

    std::vector<std::string> for_server;
    std::vector<std::string> for_client;
    divide_filters(filters, needs_state ? shapes::instance_full : shapes::instance, for_server, for_client);
    std::string target = needs_state ? "/1.0/instances?recursion=2" : "/1.0/instances?recursion=1";
    if (!for_server.empty()) target += "&filter=" + query_escape(server_filter(for_server));
    if (call.flags.on("all-projects")) target += "&all-projects=true";

    Listing listing{.header = {}, .rows = {}, .objects = Json::empty_array(), .shape = &shapes::instances_full};
    for (const auto& column : columns) listing.header.push_back(column.name);
    const auto whole = prints_objects(call.flags.text("format"));
    const auto answer = server.get(target).metadata;
    if (answer.is_array()) {
        for (const auto& instance : answer.as_array()) {
            if (!is_wanted(instance, for_client)) continue;
            Row row;
            for (const auto& column : columns) row.push_back(column.cell(instance));
            listing.rows.push_back(std::move(row));
            if (whole) listing.objects.push_back(shaped(instance, shapes::instance_full));
        }
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

} // namespace

constinit const Command commands::list{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:] [<filter>...]",
    .summary = "List instances",
    .details = R"(A filter is the beginning of a name, an expression for whole names (".*web.*01$"), or key=value:
with a configuration key, whose parts may be shortened ("u.blah=abc" for "user.blah=abc") and whose
value may be an expression, or with one of
  type, status, architecture, location: any of several values, separated by commas
  ipv4, ipv6: an address or a subnet
An instance is shown when it satisfies all filters.

Columns are letters, with or without commas between them, and configuration keys:
  4 - IPv4 addresses                  m - Memory used
  6 - IPv6 addresses                  M - Memory used, of the limit (%)
  a - Architecture                    n - Name
  b - Storage pool                    N - Number of processes
  c - Date of creation                p - PID of its init
  d - Description                     P - Profiles
  D - Disk space used                 s - State
  e - Project                         S - Number of snapshots
  f - Image it was made from          t - Type
  F - The same, in full               u - CPU time used, in seconds
  l - Date of last use                L - Cluster member
A key is [config:|devices:]key[:name][:width], where width cuts off longer values (0: at the name's width).
Without --columns the columns are ns46tS, with --fast nsacPt.)",
    .examples = R"(lxc list web status=running
    The running instances whose names begin with "web".

lxc list -c nFs46,volatile.eth0.hwaddr:MAC,devices:eth0.parent:BRIDGE
    Name, image, state, addresses, and two values from their configuration.)",
    .flags = flags,
    .run = run,
};

} // namespace client
