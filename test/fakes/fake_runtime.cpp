#include "test/fakes/fake_runtime.h"

#include <csignal>
#include <cstdlib>

#include "schema/error.h"

namespace fakes {

using instance::LxcItem;
using instance::Running;

namespace {

class HostCommand final : public instance::ExecSession {
public:
    explicit HostCommand(base::Process process) : process_(std::move(process)) {}
    void go() override {}
    void signal(int number) override { process_.kill(number); }
    int wait() override { return process_.wait().code; }

private:
    base::Process process_;
};

} // namespace

void FakeRuntime::check(const std::vector<LxcItem>& items) {
    for (const auto& item : items)
        if (!item.key.starts_with("lxc.")) throw schema::bad_request("Invalid item {:?}", item.key);
}

FakeRuntime::Container& FakeRuntime::running(const std::string& name) {
    const auto found = containers_.find(name);
    if (found == containers_.end()) throw schema::bad_request("{:?} does not run", name);
    return found->second;
}

std::optional<Running> FakeRuntime::find(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto found = containers_.find(name);
    if (found == containers_.end()) return {};
    const auto pid = found->second.process.pid();
    return Running{instance::RunState::running, pid, pid};
}

std::string FakeRuntime::start_text(const std::string&, const std::vector<LxcItem>& items) const {
    return schema::to_text(items);
}

Running FakeRuntime::start(const std::string& name, const std::vector<LxcItem>& items, const base::CancelToken&) {
    std::function<void()> before;
    {
        const std::scoped_lock lock(mutex_);
        before = std::exchange(before_next_start_, nullptr);
    }
    if (before) before();
    const std::scoped_lock lock(mutex_);
    if (!next_failure_.empty())
        throw schema::failure("Failed starting {:?}: {}", name, std::exchange(next_failure_, ""));
    auto process = base::Process::spawn({.argv = {"sleep", "infinity"}});
    const auto pid = process.pid();
    containers_.insert_or_assign(name, Container{std::move(process), items, {}, {}, {}});
    return {instance::RunState::running, pid, pid};
}

void FakeRuntime::end(const std::string& name, const std::string& target) {
    targets_[name] = target;
    auto& process = running(name).process;
    process.kill(SIGKILL);
    containers_.erase(name); // reaps it
}

std::string FakeRuntime::stop_target(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    auto node = targets_.extract(name);
    return node.empty() ? "" : node.mapped();
}

void FakeRuntime::request_shutdown(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (!ignore_shutdown_) end(name, "stop");
}

void FakeRuntime::request_reboot(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    end(name, "reboot");
}

void FakeRuntime::kill(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    end(name, "stop");
}

void FakeRuntime::freeze(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    running(name);
}

void FakeRuntime::unfreeze(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    running(name);
}

void FakeRuntime::set_cgroup(const std::string& name, const std::string& item, const std::string& value) {
    const std::scoped_lock lock(mutex_);
    if (item == lacking_) throw schema::failure("no file {}", item);
    running(name).cgroup[item] = value;
}

std::optional<std::string> FakeRuntime::get_cgroup(const std::string& name, const std::string& item) {
    const std::scoped_lock lock(mutex_);
    const auto& cgroup = running(name).cgroup;
    const auto found = cgroup.find(item);
    return found == cgroup.end() ? std::nullopt : std::optional(found->second);
}

std::unique_ptr<instance::ExecSession> FakeRuntime::exec(const std::string& name,
                                                         const instance::ExecRequest& request) {
    const std::scoped_lock lock(mutex_);
    running(name);
    base::Command command;
    command.argv = request.command;
    for (const auto& [key, value] : request.environment) command.environment.push_back(key + "=" + value);
    for (int number = 0; number < 3; ++number) command.fds.emplace_back(request.fds[number], number);
    return std::make_unique<HostCommand>(base::Process::spawn(command));
}

instance::Console FakeRuntime::open_console(const std::string& name) {
    throw schema::failure("The console of container {:?} is in use", name);
}

std::string FakeRuntime::console_log(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return running(name).console_log;
}

void FakeRuntime::clear_console_log(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    running(name).console_log.clear();
}

base::Process FakeRuntime::spawn_files(const std::string&, const instance::StoppedRoot& root, base::Fd request,
                                       base::Fd reply) {
    base::Command command;
    command.argv = {std::getenv("LXD_RUNNER"), "files", root.path}; // NOLINT(concurrency-mt-unsafe): set by the harness
    command.fds = {{request.get(), 3}, {reply.get(), 4}};
    return base::Process::spawn(command);
}

base::Process FakeRuntime::spawn_sftp(const std::string&, const instance::StoppedRoot& root, base::Fd socket) {
    base::Command command;
    command.argv = {std::getenv("LXD_RUNNER"), "sftp", root.path}; // NOLINT(concurrency-mt-unsafe): set by the harness
    command.fds = {{socket.get(), 3}};
    return base::Process::spawn(command);
}

void FakeRuntime::attach_mount(const std::string& name, const schema::MountOrder& order) {
    const std::scoped_lock lock(mutex_);
    running(name).mounts[order.target] = order.source;
}

void FakeRuntime::detach_mount(const std::string& name, const std::string& target) {
    const std::scoped_lock lock(mutex_);
    running(name).mounts.erase(target);
}

void FakeRuntime::before_next_start(std::function<void()> callback) {
    const std::scoped_lock lock(mutex_);
    before_next_start_ = std::move(callback);
}

void FakeRuntime::fail_next_start(std::string text) {
    const std::scoped_lock lock(mutex_);
    next_failure_ = std::move(text);
}

void FakeRuntime::lack_cgroup_file(std::string file) {
    const std::scoped_lock lock(mutex_);
    lacking_ = std::move(file);
}

void FakeRuntime::ignore_shutdown(bool ignore) {
    const std::scoped_lock lock(mutex_);
    ignore_shutdown_ = ignore;
}

std::map<std::string, std::string> FakeRuntime::cgroup_of(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return running(name).cgroup;
}

std::map<std::string, std::string> FakeRuntime::mounts_of(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return running(name).mounts;
}

void FakeRuntime::write_console(const std::string& name, const std::string& text) {
    const std::scoped_lock lock(mutex_);
    running(name).console_log += text;
}

std::vector<LxcItem> FakeRuntime::items_of(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return running(name).items;
}

} // namespace fakes
