#include "lxcwrap/attach.h"

#include <cerrno>
#include <csignal>

#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>
#include <unistd.h>

#include "lxcwrap/container.h"
#include "lxcwrap/error.h"

namespace lxcwrap {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

void restore_signals() {
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

int exit_code_of(int exec_errno) {
    switch (exec_errno) {
    case ENOENT:
    case ENOTDIR:
        return 127;
    case EACCES:
    case ENOEXEC:
    case EPERM:
        return 126;
    default:
        return 255;
    }
}

struct Execution {
    char* const* argv;
    int gate;
};

/// Waits where the container's root can already reach into this process: nothing of ours stays open.
bool may_begin(int gate) {
    if (gate < 0) return true;
    const auto number = static_cast<unsigned>(gate);
    if (number > 3) ::close_range(3, number - 1, 0);
    ::close_range(number + 1, ~0U, 0);
    char byte = 0;
    ssize_t count = 0;
    do count = ::read(gate, &byte, 1);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

/// Runs in the attached process, as the wanted user.
int execute(void* data) {
    const auto& [argv, gate] = *static_cast<const Execution*>(data);
    restore_signals();
    if (!may_begin(gate)) return 255;
    // Leads a session, so that job control and getpgrp() make sense inside; a terminal has made it one already.
    ::setsid();
    ::execvp(argv[0], argv);
    return exit_code_of(errno);
}

} // namespace

pid_t attach(Container& container, const AttachedCommand& command) {
    auto argv = pointers(command.argv);
    auto environment = pointers(command.environment);

    lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
    if (!command.move) options.attach_flags &= ~LXC_ATTACH_MOVE_TO_CGROUP;
    options.env_policy = LXC_ATTACH_CLEAR_ENV;
    options.extra_env_vars = environment.data();
    options.initial_cwd = const_cast<char*>(command.cwd.empty() ? "/" : command.cwd.c_str());
    options.uid = command.uid;
    options.gid = command.gid;
    options.stdin_fd = command.fds[0];
    options.stdout_fd = command.fds[1];
    options.stderr_fd = command.fds[2];

    Execution execution{argv.data(), command.gate};
    pid_t pid = -1;
    if (container.get()->attach(container.get(), execute, &execution, &options, &pid) != 0 || pid <= 0)
        throw error("Failed to attach to container \"{}\"", container.get()->name);
    return pid;
}

} // namespace lxcwrap
