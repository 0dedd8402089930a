// lxc config template: the files of an instance that are made from templates at its creation, copy or start.

#include <unistd.h>

#include "client/commands/commands.h"
#include "client/commands/object.h"
#include "client/editor.h"
#include "client/instances.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/target.h"
#include "client/terminal.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag list_flags[] = {format_flag};

/// The templates of one instance.
class Templates {
public:
    Templates(Session& session, const std::string& word) : resource_(session.named(word, kinds::instance.no_name)) {}

    Json names() { return resource_.server.get(url()).metadata; }
    std::string content(const std::string& name) {
        const HttpRequest request{.target = url(name)};
        const auto response = resource_.server.connection().send(request);
        if (response.status != 200) throw_error(request, response);
        return response.body;
    }
    void write(const std::string& name, BodyPart content) {
        HttpRequest request{.method = "POST", .target = url(name)};
        request.headers["Content-Type"] = "application/octet-stream";
        request.body.push_back(std::move(content));
        resource_.server.send(request);
    }
    void remove(const std::string& name) { resource_.server.del(url(name)); }

private:
    std::string url() const { return instance_url(resource_.name) + "/metadata/templates"; }
    std::string url(const std::string& name) const { return url() + "?path=" + query_escape(name); }

    Resource resource_;
};

int run_create(Session& session, Call& call) {
    Templates(session, call.arguments[0]).write(call.arguments[1], {});
    return 0;
}

int run_delete(Session& session, Call& call) {
    Templates(session, call.arguments[0]).remove(call.arguments[1]);
    return 0;
}

int run_edit(Session& session, Call& call) {
    Templates templates(session, call.arguments[0]);
    const auto& name = call.arguments[1];
    if (!is_terminal(STDIN_FILENO)) {
        templates.write(name, {.fd = STDIN_FILENO});
        return 0;
    }
    edit({.heading = {},
          .current = [&] { return templates.content(name); },
          .store = [&](const std::string& content) { templates.write(name, {.text = content}); },
          .complaint = "Error updating template file"});
    return 0;
}

int run_list(Session& session, Call& call) {
    const auto names = Templates(session, call.arguments[0]).names();
    Listing listing{{"FILENAME"}, {}, names, &shapes::text_list};
    if (names.is_array()) {
        for (const auto& name : names.as_array()) listing.rows.push_back({name.as_string()});
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

int run_show(Session& session, Call& call) {
    print(Templates(session, call.arguments[0]).content(call.arguments[1]));
    return 0;
}

constinit const Command create_command{
    .name = "create",
    .arguments = "[<remote>:]<instance> <template>",
    .summary = "Add an empty template to an instance",
    .details = "The template is empty; \"lxc config template edit\" fills it, and \"lxc config metadata edit\" says\n"
               "which file it makes and when.",
    .examples = "lxc config template create c1 hostname.tpl\n    Add an empty template to c1.",
    .least = 2,
    .most = 2,
    .run = run_create,
};
constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<instance> <template>",
    .summary = "Remove a template from an instance",
    .examples = "lxc config template delete c1 hostname.tpl\n    Remove a template from c1.",
    .least = 2,
    .most = 2,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<instance> <template>",
    .summary = "Change the content of a template",
    .examples = "lxc config template edit c1 hostname.tpl\n"
                "    Open a template in an editor.\n\n"
                "echo '{{ container.name }}' | lxc config template edit c1 hostname.tpl\n"
                "    Replace its content.",
    .least = 2,
    .most = 2,
    .run = run_edit,
};
constinit const Command list_command{
    .name = "list",
    .arguments = "[<remote>:]<instance>",
    .summary = "List an instance's templates",
    .examples = "lxc config template list c1 --format csv\n    The names of c1's templates, one a line.",
    .flags = list_flags,
    .least = 1,
    .most = 1,
    .run = run_list,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<instance> <template>",
    .summary = "Print a template",
    .examples = "lxc config template show c1 hostname.tpl\n    Print a template.",
    .least = 2,
    .most = 2,
    .run = run_show,
};

constinit const Command* const children[] = {&create_command, &delete_command, &edit_command, &list_command,
                                             &show_command};

} // namespace

constinit const Command commands::config_template{
    .name = "template",
    .summary = "Files that instances make for themselves",
    .children = children,
};

} // namespace client
