#pragma once
// An instance's console on this terminal: used by `lxc console` and by the flag --console of other commands.

#include <string>
#include <string_view>

#include "client/server.h"

namespace client {

/// Looks for the keys that leave a console, ctrl+a and then q, in what is typed.
class ConsoleEscape {
public:
    /// What is to be sent of it: ctrl+a is held back (twice sends one), and nothing follows the keys that leave.
    std::string pass(std::string_view typed);
    bool has_left() const { return left_; }

private:
    bool armed_ = false; // ctrl+a came last
    bool left_ = false;
};

/// Throws bad_request unless `type` is one that a console has; `called` is what the command calls it.
void check_console_type(const std::string& type, std::string_view called = "console");
/// Serves the console until the user leaves it or the instance ends it. Standard input must be a terminal.
void run_console(Server& server, const std::string& instance, const std::string& type);

} // namespace client
