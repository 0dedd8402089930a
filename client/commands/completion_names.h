#pragma once
// The names that could complete a word: those that a server knows, and those in the tables of keys. Used by the
// completion command.

#include <string>
#include <vector>

#include "client/completion.h"
#include "client/server.h"

namespace client {

/// What there is of the subject; some of it depends on the words before, and on how the typed one begins.
std::vector<std::string> names_on_server(Server& server, const Completion& wanted);

/// Keys of the configuration that the command is for; the part before a "*" where any name may follow.
std::vector<std::string> keys_for(const Completion& wanted);
std::vector<std::string> device_types();

} // namespace client
