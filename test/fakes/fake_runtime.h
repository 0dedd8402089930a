#pragma once
// A container engine without containers, for API tests: a container is one sleeping process, its commands run on the
// host, its files are those of its root folder. What was asked of it can be looked at.

#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/base/process.h"
#include "daemon/instance/runtime.h"

namespace fakes {

class FakeRuntime final : public instance::Runtime {
public:
    std::string version() const override { return "5.0.2"; }
    std::map<std::string, std::string> features() const override { return {{"pidfd", "true"}}; }
    void check(const std::vector<instance::LxcItem>& items) override;

    std::optional<instance::Running> find(const std::string& name) override;
    std::string start_text(const std::string& name, const std::vector<instance::LxcItem>& items) const override;
    instance::Running start(const std::string& name, const std::vector<instance::LxcItem>& items,
                            const base::CancelToken& cancel) override;
    std::string stop_target(const std::string& name) override;
    void clear_cgroups(const std::string&, const std::vector<std::string>&) override {}
    void request_shutdown(const std::string& name) override;
    void request_reboot(const std::string& name) override;
    void kill(const std::string& name) override;
    void freeze(const std::string& name) override;
    void unfreeze(const std::string& name) override;

    void set_cgroup(const std::string& name, const std::string& item, const std::string& value) override;
    std::optional<std::string> get_cgroup(const std::string& name, const std::string& item) override;

    std::unique_ptr<instance::ExecSession> exec(const std::string& name, const instance::ExecRequest& request) override;
    instance::Console open_console(const std::string& name) override;
    std::string console_log(const std::string& name) override;
    void clear_console_log(const std::string& name) override;
    base::Process spawn_files(const std::string& name, const instance::StoppedRoot& root, base::Fd request,
                              base::Fd reply) override;
    base::Process spawn_sftp(const std::string& name, const instance::StoppedRoot& root, base::Fd socket) override;

    base::Process spawn_interception(std::vector<std::string>, std::vector<std::pair<int, int>>) override {
        throw std::logic_error("no container of this runtime makes a system call");
    }

    void attach_interface(const std::string&, const std::string&, const std::string&) override {}
    void detach_interface(const std::string&, const std::string&, const std::string&) override {}
    void start_proxy(const std::string&, const std::string&, const std::vector<std::string>&) override {}
    void attach_mount(const std::string& name, const schema::MountOrder& order) override;
    void detach_mount(const std::string& name, const std::string& target) override;
    void send_uevent(const std::string&, const std::vector<std::string>&) override {}
    bool can_map_mount(const std::string&) override { return true; }

    /// Called at the beginning of the next start, which lasts the longer.
    void before_next_start(std::function<void()> callback);
    /// Makes the next start fail with this text.
    void fail_next_start(std::string text);
    /// The cgroups of containers have every file but this one.
    void lack_cgroup_file(std::string file);
    /// Whether containers heed request_shutdown; they do unless told otherwise.
    void ignore_shutdown(bool ignore);
    std::map<std::string, std::string> cgroup_of(const std::string& name);
    std::map<std::string, std::string> mounts_of(const std::string& name);
    std::vector<instance::LxcItem> items_of(const std::string& name);
    void write_console(const std::string& name, const std::string& text);

private:
    struct Container {
        base::Process process;
        std::vector<instance::LxcItem> items;
        std::map<std::string, std::string> cgroup;
        std::map<std::string, std::string> mounts; // target -> source
        std::string console_log{};
    };
    Container& running(const std::string& name);
    void end(const std::string& name, const std::string& target);

    std::mutex mutex_;
    std::map<std::string, Container> containers_;
    std::map<std::string, std::string> targets_;
    std::string next_failure_;
    std::string lacking_;
    std::function<void()> before_next_start_;
    bool ignore_shutdown_ = false;
};

} // namespace fakes
