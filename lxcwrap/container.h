#pragma once
// A liblxc container handle: owned, typed and throwing. Callers: the runtime's liblxc form and the runner.
//
// A handle is cheap (no file is read) and is made for one piece of work; liblxc's handles may be used by several
// threads at once only one per thread, so none is kept. Calls marked "forks" must stay out of multi-threaded programs.

#include <optional>
#include <string>

#include <sys/types.h>

struct lxc_container;

namespace lxcwrap {

enum class State { stopped, starting, running, stopping, aborting, freezing, frozen, thawed };

class Container {
public:
    /// Throws lxcwrap::Error when memory or the lock folder cannot be had. `lxcpath` names the command socket together
    /// with `name`; nothing needs to exist there.
    Container(const std::string& name, const std::string& lxcpath);
    Container(Container&& other) noexcept;
    Container& operator=(Container&& other) noexcept;
    ~Container();

    /// Reads a whole configuration file. Throws Error naming the file; liblxc does not say which line it refused.
    void load_config(const std::string& path);
    /// False when liblxc does not know the key or does not take the value.
    bool set_item(const std::string& key, const std::string& value);
    /// A value of the loaded configuration; nothing when it was not set.
    std::optional<std::string> item(const std::string& key) const;
    /// A value of the configuration that the running monitor holds; nothing when there is none or nothing runs.
    std::optional<std::string> running_item(const std::string& key) const;

    /// What the monitor answers over its command socket; stopped when there is no monitor.
    State state() const;
    /// In the caller's pid namespace; nothing when the container does not run.
    std::optional<pid_t> init_pid() const;
    /// A new descriptor that the caller closes; nothing when the container does not run.
    std::optional<int> init_pidfd() const;

    /// Starts /sbin/init, or lxc.init.cmd, with a monitor of its own that closes every inherited descriptor. Forks.
    /// False on failure: the reason is in lxc.log.file.
    bool start();
    /// Sends lxc.signal.halt of the loaded configuration; without one liblxc looks which signal init waits for.
    bool shutdown();
    /// Sends lxc.signal.reboot of the loaded configuration, or SIGINT.
    bool reboot();
    /// On cgroup v1 liblxc looks once a second whether it is done.
    bool freeze();
    bool unfreeze();

    /// One file of the container's cgroup ("memory.max"); false when it is not there or refuses the value.
    bool set_cgroup(const std::string& item, const std::string& value);
    std::optional<std::string> cgroup(const std::string& item) const;

    /// Moves a network interface of the caller's namespace into the container. Forks.
    bool attach_interface(const std::string& host_name, const std::string& inside);
    /// Moves an interface of the container into the caller's namespace. Forks.
    bool detach_interface(const std::string& inside, const std::string& host_name);

    lxc_container* get() const noexcept { return container_; }

private:
    /// Some calls do nothing on a handle that never had a configuration, even an empty one.
    void ensure_config();

    lxc_container* container_;
};

} // namespace lxcwrap
