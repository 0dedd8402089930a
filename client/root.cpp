// The tree of commands.

#include "client/commands/commands.h"
#include "client/dispatch.h"

namespace client {

namespace {

constexpr Flag root_flags[] = {{"all", 0, FlagKind::toggle, "Show less common commands"}};

constinit const Command help{
    .name = "help",
    .arguments = "[command]",
    .summary = "Explain a command",
    .examples = "lxc help config device add\n    The same as \"lxc config device add --help\".",
    .flags = root_flags,
};

constinit const Command* const children[] = {
    &commands::alias,    &commands::completion,
    &commands::config,   &commands::console,
    &commands::copy,     &commands::delete_instances,
    &commands::exec,     &commands::export_instance,
    &commands::file,     &commands::finger,
    &commands::image,    &commands::import_instance,
    &commands::info,     &commands::init,
    &commands::launch,   &commands::list,
    &commands::manpage,  &commands::monitor,
    &commands::move,     &commands::operation,
    &commands::pause,    &commands::profile,
    &commands::publish,  &commands::query,
    &commands::remote,   &commands::rename,
    &commands::restart,  &commands::restore,
    &commands::snapshot, &commands::start,
    &commands::stop,     &commands::storage,
    &commands::version,  &help,
};

} // namespace

constinit const Command root_command{
    .name = "lxc",
    .summary = "The command line of LXD",
    .details =
        "Creates, runs and manages containers and everything around them: images, profiles, devices and storage.\n"
        "Each command explains itself with --help.",
    .flags = root_flags,
    .children = children,
};

} // namespace client
