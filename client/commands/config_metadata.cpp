// lxc config metadata: what an instance's image says of itself, kept with the instance.

#include "client/commands/commands.h"
#include "client/commands/object.h"

namespace client {

namespace {

constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<instance>",
    .summary = "Change an instance's metadata as YAML",
    .examples = "lxc config metadata edit c1\n"
                "    Open c1's metadata in an editor, to say for instance when a template is used.\n\n"
                "lxc config metadata edit c1 < metadata.yaml\n"
                "    Replace it by the content of a file.",
    .least = 1,
    .most = 1,
    .run = on<run_object_edit, kinds::metadata>,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<instance>",
    .summary = "Print an instance's metadata",
    .examples = "lxc config metadata show c1\n    The properties and templates that came with c1's image.",
    .least = 1,
    .most = 1,
    .run = on<run_object_show, kinds::metadata>,
};

constinit const Command* const children[] = {&edit_command, &show_command};

} // namespace

constinit const Command commands::config_metadata{
    .name = "metadata",
    .summary = "What instances keep of their images",
    .children = children,
};

} // namespace client
