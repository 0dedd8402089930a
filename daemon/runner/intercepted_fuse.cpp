#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/runner/cgroup_tree.h"
#include "daemon/runner/intercepted_calls.h"
#include "daemon/runner/mount_options.h"

namespace runner {

namespace {

constexpr std::array environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                    static_cast<const char*>(nullptr)};

/// What runs in the container counts as the container's, and ends with it.
void enter_cgroups(const Caller& caller) {
    for (const auto& cgroup : cgroups_of("/proc/" + std::to_string(caller.thread_group)))
        base::write_file(cgroup.mount + cgroup.path + "/cgroup.procs", "0");
}

/// The caller's AppArmor profile, for the program to come; nothing where it has none.
void take_profile(const Caller& caller) {
    auto label = base::read_file_if_exists("/proc/" + std::to_string(caller.thread_group) + "/attr/apparmor/current")
                     .value_or("");
    label = label.substr(0, std::min(label.find(" ("), label.find('\n')));
    if (!label.empty() && label != "unconfined") base::write_file("/proc/self/attr/apparmor/exec", "exec " + label);
}

[[noreturn]] void run_program(const std::vector<std::string>& command) {
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::setsid();
    ::signal(SIGPIPE, SIG_DFL);
    ::execvpe(words[0], words.data(), const_cast<char**>(environment.data()));
    ::_exit(127);
}

int exit_code(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

} // namespace

int64_t intercepted_mount_fuse(const Caller& caller, const Arguments& arguments) {
    std::vector<std::string> command = {"mount.fuse", arguments.at(0) + "#" + arguments.at(1), arguments.at(2)};
    const auto options = option_text(static_cast<uint64_t>(number_of(arguments.at(3))), arguments.at(4));
    if (!options.empty()) command.insert(command.end(), {"-o", options});

    Opened ignored;
    in_child(
        [&](Opened&) {
            enter_cgroups(caller);
            take_profile(caller);
            for (const auto* ns : {&caller.pid_ns, &caller.net_ns})
                if (::setns(ns->get(), 0) < 0) return errno;
            become(caller);
            const auto program = ::fork(); // whose child is in the pid namespace
            if (program < 0) return errno;
            if (program == 0) run_program(command);
            return exit_code(program) == 0 ? 0 : EPERM;
        },
        ignored);
    return 0;
}

} // namespace runner
