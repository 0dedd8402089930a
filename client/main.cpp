// lxc: the command line client.

#include <fcntl.h>
#include <unistd.h>

#include "client/dispatch.h"

namespace {

/// Whoever starts us may have closed standard streams; files opened later must not take their place.
void fill_standard_streams() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        const int opened = ::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
        if (opened < 0) ::_exit(1);
    }
}

} // namespace

int main(int argc, char** argv) {
    fill_standard_streams();
    return client::dispatch(client::root_command, {argv + 1, argv + argc});
}
