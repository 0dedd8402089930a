#pragma once
// What a command is: one entry of the tree that dispatch walks, help prints and each file of commands/ fills in.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "client/flags.h"
#include "client/view.h"

namespace client {

class Session;

/// One call of a command: its flags and what remained of the command line.
struct Call {
    FlagValues flags;
    std::vector<std::string> arguments;
};

struct Command {
    std::string_view name;
    std::string_view aliases = {};   // separated by commas
    std::string_view arguments = {}; // "[<remote>:]<instance> <key>", as help shows them
    std::string_view summary = {};   // one line
    std::string_view details = {};   // further paragraphs of the help text
    std::string_view examples = {};
    View<Flag> flags = {};
    View<const Command* const> children = {};
    int least = 0; // number of arguments; with fewer, the help is shown
    int most = -1; // -1: no limit
    /// Returns the exit code; errors are thrown.
    int (*run)(Session&, Call&) = nullptr;
    bool hidden = false; // not in the list of commands unless --all is given
    /// What to use in place of this group, which old scripts may still call.
    std::string_view successor = {};
};

/// Thrown by a command that wants its usage shown instead: nothing was asked of it.
struct UsageWanted {};

/// Thrown by a command whose flags make it want fewer or more arguments than its table says.
struct WrongNumberOfArguments {};

/// A failure with an exit code of its own (that of a program in a container).
struct ExitWithError : std::runtime_error {
    ExitWithError(const std::string& text, int exit_code) : std::runtime_error(text), code(exit_code) {}
    int code;
};

/// A failure whose cure is not to be found in its text.
struct ErrorWithCure : std::runtime_error {
    ErrorWithCure(const std::string& text, std::string what_helps)
        : std::runtime_error(text), cure(std::move(what_helps)) {}
    std::string cure;
};

bool answers_to(const Command& command, std::string_view name);

} // namespace client
