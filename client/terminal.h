#pragma once
// The user's terminal: its size, raw mode for interactive sessions.

#include <optional>

#include <termios.h>

namespace client {

struct TerminalSize {
    int columns;
    int rows;
};

bool is_terminal(int fd);
/// Do the environment's TERM and NO_COLOR let a terminal be written to in colour?
bool wants_colour();
/// Nothing where `fd` is no terminal.
std::optional<TerminalSize> terminal_size(int fd);

/// Puts a terminal into raw mode (every key reaches the other side) until destruction.
class RawMode {
public:
    explicit RawMode(int fd);
    ~RawMode();
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;

private:
    int fd_;
    termios before_{};
};

} // namespace client
