#pragma once
// What is sent over the control sockets of exec and console sessions.

#include <string>

#include "client/terminal.h"

namespace client {

std::string resize_message(const TerminalSize& size);
std::string signal_message(int signal);

} // namespace client
