// lxc operation: the server's background work.

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "client/times.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag format_flags[] = {format_flag};

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return ::toupper(c); });
    return text;
}

std::string url(const std::string& id) {
    return "/1.0/operations/" + path_escape(id);
}

int run_delete(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments[0]);
    resource.server.del(url(resource.name));
    if (!session.quiet()) print(fmt::format("Operation {} deleted\n", resource.name));
    return 0;
}

Row row_of(const Json& operation) {
    return {text_member(operation, "id"),
            upper(text_member(operation, "class")),
            text_member(operation, "description"),
            upper(text_member(operation, "status")),
            operation["may_cancel"] == Json(true) ? "YES" : "NO",
            utc_minutes(text_member(operation, "created_at"))};
}

int run_list(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    if (!resource.name.empty()) throw schema::bad_request("Filtering isn't supported yet");
    // The answer is an object of lists, one for each status.
    const auto answer = resource.server.get("/1.0/operations?recursion=1").metadata;
    Listing listing{
        {"ID", "TYPE", "DESCRIPTION", "STATUS", "CANCELABLE", "CREATED"}, {}, Json::empty_array(), &shapes::operations};
    if (answer.is_object()) {
        for (const auto& [status, operations] : answer.as_object()) {
            for (const auto& operation : operations.as_array()) {
                listing.rows.push_back(row_of(operation));
                listing.objects.push_back(shaped(operation, shapes::operation));
            }
        }
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

int run_show(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments[0]);
    const auto operation = resource.server.get(url(resource.name)).metadata;
    print(yaml(shaped(operation, shapes::operation), &shapes::operation));
    return 0;
}

constinit const Command delete_command{
    .name = "delete",
    .aliases = "cancel,rm",
    .arguments = "[<remote>:]<operation>",
    .summary = "Cancel background work",
    .examples = "lxc operation delete 344a79e4-d88a-45bf-9c39-c72c26f6ab8a\n    Stop a download that takes too long.",
    .least = 1,
    .most = 1,
    .run = run_delete,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:]",
    .summary = "List the server's background work",
    .examples = "lxc operation list\n    What the server is doing at the moment.",
    .flags = format_flags,
    .most = 1,
    .run = run_list,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<operation>",
    .summary = "Print all about one piece of work",
    .examples = "lxc operation show 344a79e4-d88a-45bf-9c39-c72c26f6ab8a\n    What this operation is doing.",
    .least = 1,
    .most = 1,
    .run = run_show,
};

constinit const Command* const children[] = {&delete_command, &list_command, &show_command};

} // namespace

constinit const Command commands::operation{
    .name = "operation",
    .summary = "The server's background work",
    .children = children,
};

} // namespace client
