#include "daemon/runner/attach.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <optional>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/parent.h"
#include "daemon/runner/cgroup_tree.h"
#include "daemon/runner/listener.h"

namespace runner {

namespace {

/// What a child needs to be in a container's cgroups.
struct Entry {
    base::Fd unified;               // a folder of cgroup v2 to be born in; -1: there is none
    std::vector<std::string> tasks; // files of cgroup v1
};

/// Nothing where liblxc has to find, or make, the way.
std::optional<Entry> entry_of(const lxcwrap::Container& container, const std::string& name) {
    const auto init = container.init_pid();
    if (!init) return std::nullopt;
    Entry entry;
    for (const auto& cgroup : cgroups_of("/proc/" + std::to_string(*init))) {
        const auto payload = payload_of(cgroup.path, name);
        if (payload.empty()) return std::nullopt;
        const auto folder = cgroup.mount + payload;
        if (!cgroup.unified) {
            entry.tasks.push_back(folder + "/tasks");
            continue;
        }
        entry.unified.reset(::open((folder + cgroup_of_commands).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!entry.unified) return std::nullopt;
    }
    return entry;
}

/// 0 in the child; less than 0 on failure.
pid_t fork_into(const base::Fd& unified) {
    clone_args wanted{};
    wanted.exit_signal = SIGCHLD;
    if (unified) {
        wanted.flags = CLONE_INTO_CGROUP;
        wanted.cgroup = static_cast<uint64_t>(unified.get());
    }
    return static_cast<pid_t>(::syscall(SYS_clone3, &wanted, sizeof wanted));
}

/// A failure before liblxc was asked.
struct NotEntered : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// In the child: the command's pid, or why there is none, into the pipe. Its parent adopts the command when it ends.
[[noreturn]] void attach_and_tell(lxcwrap::Container& container, lxcwrap::AttachedCommand command, const Entry& entry,
                                  int pipe) {
    std::string told;
    try {
        try {
            for (const auto& file : entry.tasks) base::write_file(file, "0");
        } catch (const std::exception&) {
            told = "n";
            throw;
        }
        command.move = false;
        told = "p" + std::to_string(lxcwrap::attach(container, command));
    } catch (const std::exception& error) {
        if (told.empty()) told = std::string("e") + error.what();
    }
    (void)!::write(pipe, told.data(), std::min<size_t>(told.size(), PIPE_BUF));
    ::_exit(0);
}

/// A command that liblxc lost: it waits for its word to begin, which the next one is to get.
void end_children() {
    std::istringstream pids(base::read_file("/proc/thread-self/children"));
    for (pid_t pid = 0; pids >> pid;) {
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

bool listens(const lxcwrap::Container& container) {
    return !container.item("lxc.seccomp.notify.proxy").value_or("").empty();
}

/// The command's own calls are then the kernel's to refuse.
void do_without_lost_listener(const lxcwrap::Container& container) {
    const auto init = container.init_pid();
    const auto policy = container.item("lxc.seccomp.profile");
    if (init && policy && !has_connection(base::parent_of(*init))) hide_listener(*policy);
}

/// Where the container's policy has a listener and the host no security module, liblxc 5 is sometimes overtaken by the
/// command's process: it takes the listener for its number.
template <class Attempt> Attached with_patience(const lxcwrap::Container& container, Attempt attempt) {
    constexpr int most_attempts = 8;
    const bool can_be_overtaken = listens(container);
    for (int count = 1;; ++count) {
        try {
            return attempt();
        } catch (const NotEntered&) {
            throw;
        } catch (const std::exception&) {
            if (!can_be_overtaken || count == most_attempts) throw;
            end_children();
        }
    }
}

Attached attach_from(const Entry& entry, lxcwrap::Container& container, const lxcwrap::AttachedCommand& command) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto pipe = base::make_pipe();
    const auto child = fork_into(entry.unified);
    if (child < 0) throw NotEntered("clone3");
    if (child == 0) attach_and_tell(container, command, entry, pipe.write_end.get());
    pipe.write_end.reset();
    // One piece; the command has the other end too until it begins.
    std::string told(PIPE_BUF, '\0');
    ssize_t size = 0;
    do size = ::read(pipe.read_end.get(), told.data(), told.size());
    while (size < 0 && errno == EINTR);
    told.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (told.starts_with('p')) return {std::stoi(told.substr(1)), child};
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (told == "n") throw NotEntered("cgroup");
    throw std::runtime_error(told.empty() ? "The process that was to attach ended" : told.substr(1));
}

} // namespace

Attached attach(lxcwrap::Container& container, const std::string& name, const lxcwrap::AttachedCommand& command) {
    if (listens(container)) do_without_lost_listener(container);
    if (const auto entry = entry_of(container, name)) {
        try {
            return with_patience(container, [&] { return attach_from(*entry, container, command); });
        } catch (const NotEntered&) { // The usual way then.
        }
    }
    return with_patience(container, [&] { return Attached{lxcwrap::attach(container, command)}; });
}

} // namespace runner
