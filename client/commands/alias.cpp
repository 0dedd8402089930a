// lxc alias: commands of the user's own, kept in config.yml.

#include "client/commands/commands.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/shapes.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag list_flags[] = {format_flag};

void require_new(const Aliases& aliases, const std::string& name) {
    if (aliases.contains(name)) throw schema::bad_request("Alias {} already exists", name);
}

void require_known(const Aliases& aliases, const std::string& name) {
    if (!aliases.contains(name)) throw schema::not_found("Alias {} doesn't exist", name);
}

int run_add(Session& session, Call& call) {
    return session.change_configuration([&](Remotes& remotes) {
        require_new(remotes.aliases(), call.arguments[0]);
        remotes.aliases()[call.arguments[0]] = call.arguments[1];
    });
}

int run_list(Session& session, Call& call) {
    const auto& aliases = session.remotes().aliases();
    Listing listing{{"ALIAS", "TARGET"}, {}, schema::Json(aliases), &shapes::text_map};
    for (const auto& [name, target] : aliases) listing.rows.push_back({name, target});
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

int run_remove(Session& session, Call& call) {
    return session.change_configuration([&](Remotes& remotes) {
        require_known(remotes.aliases(), call.arguments[0]);
        remotes.aliases().erase(call.arguments[0]);
    });
}

int run_rename(Session& session, Call& call) {
    return session.change_configuration([&](Remotes& remotes) {
        auto& aliases = remotes.aliases();
        require_known(aliases, call.arguments[0]);
        require_new(aliases, call.arguments[1]);
        auto alias = aliases.extract(call.arguments[0]);
        alias.key() = call.arguments[1];
        aliases.insert(std::move(alias));
    });
}

constinit const Command add_command{
    .name = "add",
    .arguments = "<alias> <target>",
    .summary = "Name a command line",
    .details = "The target's words take the alias's place; what follows the alias on the command line comes after\n"
               "them, or where the target says @ARGS@. @ARG1@ stands for the first word that follows, and so on.\n"
               "A target that begins with a slash is a program of its own.",
    .examples = "lxc alias add list \"list -c ns46S\"\n"
                "    Let \"lxc list\" show these columns.\n\n"
                "lxc alias add login \"exec @ARGS@ -- login -f ubuntu\"\n"
                "    Log in with \"lxc login c1\".",
    .least = 2,
    .most = 2,
    .run = run_add,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .summary = "List your own commands",
    .examples = "lxc alias list --format csv\n    An alias and its target a line.",
    .flags = list_flags,
    .most = 0,
    .run = run_list,
};
constinit const Command remove_command{
    .name = "remove",
    .aliases = "rm",
    .arguments = "<alias>",
    .summary = "Forget one of your own commands",
    .examples = "lxc alias remove login\n    Forget the alias \"login\".",
    .least = 1,
    .most = 1,
    .run = run_remove,
};
constinit const Command rename_command{
    .name = "rename",
    .aliases = "mv",
    .arguments = "<old alias> <new alias>",
    .summary = "Rename one of your own commands",
    .examples = "lxc alias rename login enter\n    Call the alias \"enter\" from now on.",
    .least = 2,
    .most = 2,
    .run = run_rename,
};

constinit const Command* const children[] = {&add_command, &list_command, &remove_command, &rename_command};

} // namespace

constinit const Command commands::alias{
    .name = "alias",
    .summary = "Commands of your own",
    .children = children,
};

} // namespace client
