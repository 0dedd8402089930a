#pragma once
// The Runtime over liblxc: calls that fork go through lxd-runner, the others (state, signals, cgroup items, checks)
// stay in the process. Built by daemon.cpp; everybody else sees Runtime. Thread-safe: of containers it
// holds nothing, and asks the monitor's command socket anew each time.

#include "daemon/instance/kept_runner.h"
#include "daemon/instance/runtime.h"
#include "daemon/state/paths.h"

namespace instance {

class LiblxcRuntime : public Runtime {
public:
    explicit LiblxcRuntime(const state::Paths& paths);

    std::string version() const override;
    std::map<std::string, std::string> features() const override;
    void check(const std::vector<LxcItem>& items) override;

    std::optional<Running> find(const std::string& name) override;
    /// A cancel is heeded when liblxc has returned, by killing what it started.
    std::string start_text(const std::string& name, const std::vector<LxcItem>& items) const override;
    Running start(const std::string& name, const std::vector<LxcItem>& items, const base::CancelToken& cancel) override;
    std::string stop_target(const std::string& name) override;
    void clear_cgroups(const std::string& name, const std::vector<std::string>& cgroups) override;
    void request_shutdown(const std::string& name) override;
    void request_reboot(const std::string& name) override;
    void kill(const std::string& name) override;
    void freeze(const std::string& name) override;
    void unfreeze(const std::string& name) override;

    void set_cgroup(const std::string& name, const std::string& item, const std::string& value) override;
    std::optional<std::string> get_cgroup(const std::string& name, const std::string& item) override;

    std::unique_ptr<ExecSession> exec(const std::string& name, const ExecRequest& request) override;
    Console open_console(const std::string& name) override;
    std::string console_log(const std::string& name) override;
    void clear_console_log(const std::string& name) override;
    base::Process spawn_files(const std::string& name, const StoppedRoot& root, base::Fd request,
                              base::Fd reply) override;
    base::Process spawn_sftp(const std::string& name, const StoppedRoot& root, base::Fd socket) override;
    base::Process spawn_interception(std::vector<std::string> call, std::vector<std::pair<int, int>> fds) override;

    void attach_interface(const std::string& name, const std::string& host_interface,
                          const std::string& inside) override;
    void detach_interface(const std::string& name, const std::string& inside,
                          const std::string& host_interface) override;
    void start_proxy(const std::string& name, const std::string& hold, const std::vector<std::string>& words) override;
    void attach_mount(const std::string& name, const schema::MountOrder& order) override;
    void detach_mount(const std::string& name, const std::string& target) override;
    void send_uevent(const std::string& name, const std::vector<std::string>& words) override;
    bool can_map_mount(const std::string& path) override;

private:
    std::string stop_target_file(const std::string& name) const;
    std::string start_lock(const std::string& name) const;
    void await_start(const std::string& name) const;
    /// The given items with those that the engine itself needs, as a file's text.
    /// A runner's command line with an environment of its own; nothing of the daemon's reaches a container.
    base::Command runner(std::vector<std::string> arguments) const;
    void run_verb(const std::string& name, std::string_view attempt, std::vector<std::string> arguments);
    /// Throws bad_request when the container does not run.
    base::Fd init_pidfd(const std::string& name) const;

    state::Paths paths_;
    KeptRunner kept_runner_;
};

} // namespace instance
