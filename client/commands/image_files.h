#pragma once
// lxc image import and export: images as files on this machine.

#include "client/command.h"

namespace client::commands {

extern const Command image_import;
extern const Command image_export;

} // namespace client::commands
