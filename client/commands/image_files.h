#pragma once
// The commands of `lxc image` that move images: to and from files on this machine, and between servers.

#include "client/command.h"

namespace client::commands {

extern const Command image_copy;
extern const Command image_refresh;
extern const Command image_import;
extern const Command image_export;

} // namespace client::commands
