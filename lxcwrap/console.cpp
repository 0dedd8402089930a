#include "lxcwrap/console.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <lxc/lxccontainer.h>

#include "lxcwrap/container.h"
#include "lxcwrap/error.h"

namespace lxcwrap {

namespace {

void set_close_on_exec(int fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// liblxc gives a negative errno; ENODATA stands for an empty buffer.
bool ask(Container& container, lxc_console_log& request, const char* attempt) {
    const auto result = container.get()->console_log(container.get(), &request);
    if (result >= 0) return true;
    if (result == -ENODATA) return false;
    throw error("Failed {} the console log of container \"{}\": {}", attempt, container.get()->name,
                std::strerror(-result)); // NOLINT(concurrency-mt-unsafe): glibc's is
}

} // namespace

Console open_console(Container& container) {
    Console console;
    int number = 0; // the console itself, no tty
    console.allocation = container.get()->console_getfd(container.get(), &number, &console.terminal);
    if (console.allocation < 0) throw error("The console of container \"{}\" is in use", container.get()->name);
    set_close_on_exec(console.allocation);
    set_close_on_exec(console.terminal);
    return console;
}

std::string console_log(Container& container) {
    lxc_console_log request{};
    uint64_t size = 0; // everything
    request.read = true;
    request.read_max = &size;
    if (!ask(container, request, "reading") || request.data == nullptr) return {};
    std::string text(request.data, size);
    std::free(request.data);
    return text;
}

void clear_console_log(Container& container) {
    lxc_console_log request{};
    uint64_t size = 0;
    request.clear = true;
    request.read_max = &size;
    ask(container, request, "clearing");
}

} // namespace lxcwrap
