#pragma once
// From a command line to an exit code: finds the command in the tree, parses its flags, shows help or runs it, prints
// errors. Called by main; tests hand in trees of their own.

#include <string>
#include <vector>

#include "client/command.h"
#include "client/help.h"

namespace client {

extern const Command root_command;
/// The flags that every command has.
extern const View<Flag> global_flags;

/// Which command a line means, and its words without the names of commands.
struct Found {
    CommandPath path;
    std::vector<std::string> rest;
};
/// Throws bad_request with suggestions for an unknown command.
Found find_command(const Command& root, const std::vector<std::string>& words);

/// Runs a whole command line (without the program's name).
int dispatch(const Command& root, std::vector<std::string> words);

} // namespace client
