#pragma once
// Help texts, printed from the tables of commands and flags.

#include <string>

#include "client/command.h"

namespace client {

/// "lxc config device add", the names from the root down.
using CommandPath = std::vector<const Command*>;

std::string full_name(const CommandPath& path);
/// What --help prints: description, usage, examples, commands and flags.
std::string help_text(const CommandPath& path, View<Flag> global_flags, bool with_hidden, bool with_nested);
/// The same without the description.
std::string usage_text(const CommandPath& path, View<Flag> global_flags, bool with_hidden, bool with_nested);

} // namespace client
