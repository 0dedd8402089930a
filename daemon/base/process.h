#pragma once
// Programs run by the daemon: posix_spawn with everything but the named descriptors closed, reaped by pid or pidfd,
// never through a shell. Callers: storage, images, instance.

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "daemon/base/cancel.h"
#include "daemon/base/fd.h"

namespace base {

struct Command {
    std::vector<std::string> argv;          // argv[0] is looked up in PATH unless it has a slash
    std::vector<std::string> environment{}; // "KEY=VALUE"; empty: the daemon's own
    std::vector<std::pair<int, int>> fds{}; // {ours, number in the child}; 0, 1, 2 default to /dev/null
    std::string directory{};                // empty: "/"
    bool new_session = false;               // setsid in the child (it leads its own process group anyway)
};

/// How a process ended: its code, or 128 + the signal that killed it.
struct Exit {
    int code = 0;

    bool ok() const noexcept { return code == 0; }
};

/// A child process. Destroying it while it runs kills its process group with SIGKILL and reaps it.
class Process {
public:
    /// Throws std::system_error when the program cannot be started.
    static Process spawn(const Command& command);
    /// One that another process made our child, to lead a process group of its own.
    static Process adopted(pid_t pid, Fd pidfd);
    Process(Process&&) noexcept;
    Process& operator=(Process&&) noexcept;
    ~Process();

    pid_t pid() const noexcept { return pid_; }
    /// Readable when the process has ended.
    int pidfd() const noexcept { return pidfd_.get(); }
    /// Signals the process alone; nothing happens once it has been reaped.
    void kill(int signal) const noexcept;
    /// Signals it and what it started that stayed in its group.
    void kill_group(int signal) const noexcept;
    /// Blocks; a second call returns the same. One thread waits; others may signal meanwhile.
    Exit wait();
    /// Leaves it to itself: who adopts our children when we end reaps it. For one that the kernel keeps from ending.
    void abandon() noexcept { pid_ = -1; }

private:
    Process() = default;

    pid_t pid_ = -1;
    Fd pidfd_;
    std::optional<Exit> exit_;
    std::unique_ptr<std::mutex> reaping_ = std::make_unique<std::mutex>();
};

struct Output {
    Exit exit;
    std::string out; // standard output; more than 16 MiB is an error
    std::string err; // standard error, its last 64 KiB
};

/// Runs a program to its end and collects what it prints (not what daemons that it left behind print later).
/// Cancelling kills its process group and throws bad_request. `spawn` may start it in another way than usual.
Output run(Command command, const CancelToken& cancel = {},
           const std::function<Process(const Command&)>& spawn = Process::spawn);
/// As run, but a failure throws schema::failure with the program's name and the last lines of its standard error.
std::string run_or_throw(const Command& command, const CancelToken& cancel = {});
/// The full path of a program in PATH, or an empty text.
std::string find_program(std::string_view name);

} // namespace base
