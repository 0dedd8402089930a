#pragma once
// What the instance room needs of a container engine. The liblxc form is in liblxc_runtime; api tests use a fake.
// All calls may block; one call at a time for one container is the caller's (lifecycle's) business.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "daemon/base/cancel.h"
#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "daemon/instance/lxc_item.h"
#include "schema/id_map.h"
#include "schema/mount_order.h"

namespace instance {

enum class RunState { stopped, starting, running, stopping, aborting, freezing, frozen, thawed, unknown };

/// A container that runs, as found on the host.
struct Running {
    RunState state = RunState::running;
    pid_t init_pid = 0;
    pid_t monitor_pid = 0;                 // liblxc's monitor; its end means that all clean-up is done
    std::vector<std::string> cgroups = {}; // folders
};

struct ExecRequest {
    std::vector<std::string> command;
    std::vector<std::pair<std::string, std::string>> environment; // complete: nothing is inherited
    uint32_t uid = 0;
    uint32_t gid = 0;
    std::string cwd;           // empty: "/" (or the user's home where the caller decided so)
    bool terminal = false;     // fds[0] is a pty's slave and becomes the controlling terminal
    int fds[3] = {-1, -1, -1}; // stdin, stdout, stderr of the command; stay the caller's
};

/// The root filesystem of a container that may be stopped.
struct StoppedRoot {
    std::string path;
    schema::IdMap id_map = {}; // that its files lie on disk with
};

/// A command that runs inside a container.
class ExecSession {
public:
    virtual ~ExecSession() = default;
    /// Blocks until the command can begin and lets it. Call it once, before the others. Throws schema::Error where the
    /// container could not be entered.
    virtual void go() = 0;
    /// To the command's process, not to the helper. Ignored when it has ended.
    virtual void signal(int number) = 0;
    /// Blocks. The exit code, or 128 + signal ("not found": 127 and "not executable": 126, as LXD has it).
    virtual int wait() = 0;
};

/// The console of a running container.
struct Console {
    base::Fd allocation; // nobody else gets the console until this is closed
    base::Fd terminal;   // the master's end
};

class Runtime {
public:
    virtual ~Runtime() = default;

    /// The engine's version: "5.0.2".
    virtual std::string version() const = 0;
    /// {feature -> "true"/"false"} for the environment block.
    virtual std::map<std::string, std::string> features() const = 0;
    /// Throws bad_request that names the first item the engine does not take.
    virtual void check(const std::vector<LxcItem>& items) = 0;

    /// What runs under this name, if anything.
    virtual std::optional<Running> find(const std::string& name) = 0;
    /// The configuration that start() writes.
    virtual std::string start_text(const std::string& name, const std::vector<LxcItem>& items) const = 0;
    /// Writes the configuration (kept at LOGDIR/NAME/lxc.conf) and starts; returns once init runs. On failure throws
    /// schema::failure with the engine's own words and leaves nothing running.
    virtual Running start(const std::string& name, const std::vector<LxcItem>& items,
                          const base::CancelToken& cancel) = 0;
    /// What init asked for when the container last ended, "stop" or "reboot"; empty where nothing was recorded. Read it
    /// when the monitor is gone; reading clears it. The engine never reboots by itself.
    virtual std::string stop_target(const std::string& name) = 0;
    /// Removes what is left of the cgroups of a container whose monitor is gone: `cgroups` with all who are in them,
    /// and empty ones of its name.
    virtual void clear_cgroups(const std::string& name, const std::vector<std::string>& cgroups) = 0;
    /// Sends init's halt signal (lxc.signal.halt); does not wait.
    virtual void request_shutdown(const std::string& name) = 0;
    /// Sends init's reboot signal; does not wait.
    virtual void request_reboot(const std::string& name) = 0;
    /// Kills all processes; returns when init is gone.
    virtual void kill(const std::string& name) = 0;
    virtual void freeze(const std::string& name) = 0;
    virtual void unfreeze(const std::string& name) = 0;

    /// Sets one cgroup item ("memory.limit_in_bytes", "cpu.max") of a running container.
    virtual void set_cgroup(const std::string& name, const std::string& item, const std::string& value) = 0;
    virtual std::optional<std::string> get_cgroup(const std::string& name, const std::string& item) = 0;

    /// Begins to prepare a command, and returns: it enters the container while the caller does other things, and waits
    /// there for go().
    virtual std::unique_ptr<ExecSession> exec(const std::string& name, const ExecRequest& request) = 0;

    /// Throws failure where somebody else has the console.
    virtual Console open_console(const std::string& name) = 0;
    /// What was written to the console lately; empty where nothing was.
    virtual std::string console_log(const std::string& name) = 0;
    virtual void clear_console_log(const std::string& name) = 0;

    /// Runs the file helper: in the running container's namespaces, or confined to `root` when it is stopped. The
    /// helper talks the protocol of daemon/runner/files.h on the descriptors {3: request in, 4: reply out}.
    virtual base::Process spawn_files(const std::string& name, const StoppedRoot& root, base::Fd request,
                                      base::Fd reply) = 0;

    /// As spawn_files: an SFTP server on that socket, until the container stops or, below `root`, until it is ended.
    virtual base::Process spawn_sftp(const std::string& name, const StoppedRoot& root, base::Fd socket) = 0;

    /// A runner for one intercepted system call (daemon/runner/intercept.h): `call` is what the verb takes, `fds` are
    /// {ours, number in the runner}. Asks nothing of the container's monitor, which waits for the answer.
    virtual base::Process spawn_interception(std::vector<std::string> call, std::vector<std::pair<int, int>> fds) = 0;

    /// Adds a host interface to the running container under `inside` (moves it), or an error.
    virtual void attach_interface(const std::string& name, const std::string& host_interface,
                                  const std::string& inside) = 0;
    virtual void detach_interface(const std::string& name, const std::string& inside,
                                  const std::string& host_interface) = 0;
    /// Leaves a process that carries connections between the host and the container; see the runner's verb `proxy`.
    virtual void start_proxy(const std::string& name, const std::string& hold,
                             const std::vector<std::string>& words) = 0;
    /// Mounts a host path inside a running container (hotplug of a disk or a device node).
    virtual void attach_mount(const std::string& name, const schema::MountOrder& order) = 0;
    virtual void detach_mount(const std::string& name, const std::string& target) = 0;
    /// Lets the container's udev know of a device that came or went; `words` are the kernel's.
    virtual void send_uevent(const std::string& name, const std::vector<std::string>& words) = 0;
    /// Tries whether a mount of that path of the host can have ids of its own.
    virtual bool can_map_mount(const std::string& path) = 0;
};

} // namespace instance
