#include "client/terminal.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include <sys/ioctl.h>
#include <unistd.h>

namespace client {

bool is_terminal(int fd) {
    return ::isatty(fd) != 0;
}

bool wants_colour() {
    const char* forbidden = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return (forbidden == nullptr || *forbidden == '\0') && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::optional<TerminalSize> terminal_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
    return TerminalSize{size.ws_col, size.ws_row};
}

RawMode::RawMode(int fd) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) throw std::system_error(errno, std::generic_category(), "tcgetattr");
    termios raw = before_;
    ::cfmakeraw(&raw);
    if (::tcsetattr(fd, TCSANOW, &raw) != 0) throw std::system_error(errno, std::generic_category(), "tcsetattr");
}

RawMode::~RawMode() {
    ::tcsetattr(fd_, TCSANOW, &before_);
}

} // namespace client
