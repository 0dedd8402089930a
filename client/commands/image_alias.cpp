// lxc image alias: names for images.

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/image_aliases.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag format_flags[] = {format_flag};

constexpr std::string_view no_alias = "Alias name missing";
constexpr size_t short_fingerprint = 12;

std::string url(const std::string& name) {
    return "/1.0/images/aliases/" + path_escape(name);
}

void create(Server& server, const std::string& name, const std::string& target) {
    auto alias = Json::empty_object();
    alias.set("description", "").set("target", target).set("name", name).set("type", "");
    server.post("/1.0/images/aliases", alias);
}

int run_create(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_alias);
    create(resource.server, resource.name, call.arguments[1]);
    return 0;
}

int run_delete(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_alias);
    resource.server.del(url(resource.name));
    return 0;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return ::toupper(c); });
    return text;
}

bool is_wanted(const Json& alias, const std::vector<std::string>& filters) {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
               return text_member(alias, "name").find(filter) != std::string::npos ||
                      text_member(alias, "target").find(filter) != std::string::npos;
           });
}

int run_list(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    std::vector<std::string> filters;
    if (!resource.name.empty()) filters.push_back(resource.name);
    if (call.arguments.size() > 1) filters.insert(filters.end(), call.arguments.begin() + 1, call.arguments.end());

    const auto aliases = shaped(resource.server.get("/1.0/images/aliases?recursion=1").metadata, shapes::aliases);
    Listing listing{{"ALIAS", "FINGERPRINT", "TYPE", "DESCRIPTION"}, {}, aliases, &shapes::aliases};
    if (aliases.is_array()) {
        for (const auto& alias : aliases.as_array()) {
            if (!is_wanted(alias, filters)) continue;
            const auto type = text_member(alias, "type");
            listing.rows.push_back({text_member(alias, "name"),
                                    text_member(alias, "target").substr(0, short_fingerprint),
                                    upper(type.empty() ? "container" : type), text_member(alias, "description")});
        }
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

int run_rename(Session& session, Call& call) {
    const auto resource = session.named(call.arguments[0], no_alias);
    auto request = Json::empty_object();
    request.set("name", call.arguments[1]);
    resource.server.post(url(resource.name), request);
    return 0;
}

constinit const Command create_command{
    .name = "create",
    .arguments = "[<remote>:]<alias> <fingerprint>",
    .summary = "Give an image a name",
    .examples =
        "lxc image alias create stable debian\n    Let \"stable\" stand for the image that \"debian\" stands for.",
    .least = 2,
    .most = 2,
    .run = run_create,
};
constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<alias>",
    .summary = "Remove a name from an image",
    .examples = "lxc image alias delete stable\n    Forget the name; the image stays.",
    .least = 1,
    .most = 1,
    .run = run_delete,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:] [<filters>...]",
    .summary = "List the names of images",
    .details = "A filter is a part of an alias or of a fingerprint; what fits any of them is shown.",
    .examples = "lxc image alias list deb\n    The names that have \"deb\" in them.",
    .flags = format_flags,
    .run = run_list,
};
constinit const Command rename_command{
    .name = "rename",
    .aliases = "mv",
    .arguments = "[<remote>:]<alias> <new-name>",
    .summary = "Change an image's name",
    .examples = "lxc image alias rename stable debian-12\n    Call the image \"debian-12\" from now on.",
    .least = 2,
    .most = 2,
    .run = run_rename,
};

constinit const Command* const children[] = {&create_command, &delete_command, &list_command, &rename_command};

} // namespace

void ensure_aliases(Server& server, const std::vector<std::string>& names, const std::string& fingerprint) {
    if (names.empty()) return;
    for (const auto& name : names) {
        if (!get_if_exists(server, url(name))) continue;
        try {
            server.del(url(name));
        } catch (const schema::Error& error) {
            throw schema::failure("Failed to remove alias {}: {}", name, error.what());
        }
    }
    for (const auto& name : names) {
        try {
            create(server, name, fingerprint);
        } catch (const schema::Error& error) {
            throw schema::failure("Failed to create alias {}: {}", name, error.what());
        }
    }
}

constinit const Command commands::image_alias{
    .name = "alias",
    .summary = "Names of images",
    .children = children,
};

} // namespace client
