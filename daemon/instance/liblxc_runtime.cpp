#include "daemon/instance/liblxc_runtime.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/parent.h"
#include "daemon/instance/liblxc_cgroups.h"
#include "daemon/instance/liblxc_exec.h"
#include "daemon/runner/files.h"
#include "lxcwrap/console.h"
#include "lxcwrap/container.h"
#include "lxcwrap/features.h"
#include "lxcwrap/version.h"
#include "schema/error.h"

namespace instance {

namespace {

using namespace std::chrono_literals;

/// A start takes some tens of milliseconds; one that hangs must not keep the daemon from coming up.
constexpr int start_timeout_ms = 10'000;
constexpr const char* search_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// liblxc hands hooks to a shell, and takes quotes around a whole value away.
std::string shell_word(std::string_view text) {
    std::string word;
    for (const char character : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(character)) != 0 ||
                           std::string_view("/._-").find(character) != std::string_view::npos;
        if (!plain) word += '\\';
        word += character;
    }
    return word;
}

/// What the runner recorded, where that is still this container's monitor.
pid_t recorded_monitor(const std::string& start_lock, const std::string& name) {
    const auto text = base::read_file_if_exists(start_lock).value_or("");
    pid_t monitor = 0;
    std::from_chars(text.data(), text.data() + text.size(), monitor);
    const auto title = base::read_file_if_exists(fmt::format("/proc/{}/cmdline", monitor)).value_or("");
    return title.starts_with("[lxc monitor]") && title.find(" " + name) != title.npos ? monitor : 0;
}

bool wait_for_end(int pidfd, std::chrono::milliseconds limit) {
    pollfd watched{pidfd, POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&watched, 1, static_cast<int>(limit.count()));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/// Thaws by cgroup, whoever froze it.
void thaw(lxcwrap::Container& container) {
    if (!container.set_cgroup("freezer.state", "THAWED")) container.set_cgroup("cgroup.freeze", "0");
}

/// Freezes by cgroup v1, which announces nothing: its state can only be read again. Usually two or three readings do; a
/// process that could not be frozen just then is tried again by writing again (the kernel's freezer-subsystem
/// document).
void freeze_by_cgroup_v1(lxcwrap::Container& container, const std::string& name) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    for (int reading = 1;; ++reading) {
        const auto state = container.cgroup("freezer.state").value_or("unknown");
        if (state == "FROZEN") return;
        if (std::chrono::steady_clock::now() > end) {
            thaw(container);
            throw schema::failure("Failed freezing instance \"{}\": its processes are still {}", name, state);
        }
        std::this_thread::sleep_for(1ms);
        if (reading % 50 == 0) container.set_cgroup("freezer.state", "FROZEN");
    }
}

std::string joined_lines(std::string_view text) {
    std::string result;
    for (const char character : base::trimmed(text))
        result += character == '\n' ? std::string("; ") : std::string(1, character);
    return result;
}

} // namespace

LiblxcRuntime::LiblxcRuntime(const state::Paths& paths) : paths_(paths), kept_runner_(runner({"serve"})) {}

std::string LiblxcRuntime::version() const {
    return lxcwrap::version();
}

std::map<std::string, std::string> LiblxcRuntime::features() const {
    std::map<std::string, std::string> result;
    for (const auto& [name, there] : lxcwrap::features()) result.emplace(name, there ? "true" : "false");
    return result;
}

void LiblxcRuntime::check(const std::vector<LxcItem>& items) {
    lxcwrap::Container scratch("lxd-check", paths_.containers());
    for (const auto& [key, value, origin] : items) {
        if (value.find('\n') != std::string::npos || !scratch.set_item(key, value))
            throw schema::bad_request("liblxc does not take the item \"{} = {}\"{}", key, value,
                                      origin.empty() ? "" : " (" + origin + ")");
    }
}

/// Waits while a start goes on that a daemon before this one ordered: until then liblxc does not know the container.
void LiblxcRuntime::await_start(const std::string& name) const {
    const base::Fd file(::open(start_lock(name).c_str(), O_RDWR | O_CLOEXEC));
    struct flock lock{};
    lock.l_type = F_WRLCK;
    if (!file || ::fcntl(file.get(), F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) return;
    const base::Fd starter(static_cast<int>(::syscall(SYS_pidfd_open, lock.l_pid, 0)));
    pollfd end{starter.get(), POLLIN, 0};
    if (starter) ::poll(&end, 1, start_timeout_ms);
}

std::optional<Running> LiblxcRuntime::find(const std::string& name) {
    await_start(name);
    const lxcwrap::Container container(name, paths_.containers());
    const auto state = container.state();
    Running running;
    running.state = static_cast<RunState>(state);
    running.init_pid = container.init_pid().value_or(0);
    if (running.init_pid > 0) {
        running.monitor_pid = base::parent_of(running.init_pid);
        running.cgroups = cgroup_folders(name, running.init_pid);
    }
    // While it cleans up, the monitor says that the container has stopped, or nothing any more.
    if (running.monitor_pid == 0) running.monitor_pid = recorded_monitor(start_lock(name), name);
    if (state == lxcwrap::State::stopped && running.monitor_pid == 0) return std::nullopt;
    return running;
}

std::string LiblxcRuntime::start_lock(const std::string& name) const {
    return paths_.logs(name) + "/start.lock";
}

std::string LiblxcRuntime::stop_target_file(const std::string& name) const {
    return paths_.logs(name) + "/stop-target";
}

std::string LiblxcRuntime::start_text(const std::string& name, const std::vector<LxcItem>& items) const {
    for (const auto& item : items)
        if ((item.key + item.value + item.origin).find('\n') != std::string::npos)
            throw schema::bad_request("Failed starting instance \"{}\": the item \"{}\" has a line break", name,
                                      item.key);
    // First, so that what is wrong with the rest is logged.
    std::vector<LxcItem> all = {{"lxc.log.file", paths_.lxc_log(name), "the daemon"},
                                {"lxc.log.level", "warn", "the daemon"}};
    all.insert(all.end(), items.begin(), items.end());
    all.push_back({"lxc.hook.post-stop",
                   fmt::format("{} stop-hook {}", shell_word(paths_.runner), shell_word(stop_target_file(name))),
                   "the daemon"});
    return to_text(all);
}

base::Command LiblxcRuntime::runner(std::vector<std::string> arguments) const {
    base::Command command;
    command.argv = std::move(arguments);
    command.argv.insert(command.argv.begin(), paths_.runner);
    command.environment = {search_path};
    return command;
}

void LiblxcRuntime::run_verb(const std::string& name, std::string_view attempt, std::vector<std::string> arguments) {
    const auto pidfd = init_pidfd(name);
    auto command = runner(std::move(arguments));
    command.fds = {{pidfd.get(), 3}};
    const auto output = base::run(std::move(command), {}, kept_runner_.spawner());
    if (!output.exit.ok())
        throw schema::failure("Failed {} instance \"{}\": {}", attempt, name, joined_lines(output.err));
}

base::Fd LiblxcRuntime::init_pidfd(const std::string& name) const {
    const auto pidfd = lxcwrap::Container(name, paths_.containers()).init_pidfd();
    if (!pidfd) throw schema::bad_request("Instance \"{}\" is not running", name);
    return base::Fd(*pidfd);
}

Running LiblxcRuntime::start(const std::string& name, const std::vector<LxcItem>& items,
                             const base::CancelToken& cancel) {
    cancel.check();
    base::make_dir(paths_.logs(name), 0700);
    std::rename(paths_.lxc_log(name).c_str(), (paths_.lxc_log(name) + ".old").c_str());
    ::unlink(stop_target_file(name).c_str());
    base::write_file(paths_.lxc_conf(name), start_text(name, items));

    const auto output = base::run(
        runner({"start", name, paths_.containers(), paths_.lxc_conf(name), paths_.lxc_log(name), start_lock(name)}), {},
        kept_runner_.spawner());
    if (!output.exit.ok()) throw schema::failure("Failed starting instance \"{}\": {}", name, joined_lines(output.err));
    if (cancel.cancelled()) {
        kill(name);
        cancel.check();
    }
    Running running;
    std::sscanf(output.out.c_str(), "%d %d", &running.monitor_pid, &running.init_pid);
    running.cgroups = cgroup_folders(name, running.init_pid);
    return running;
}

std::string LiblxcRuntime::stop_target(const std::string& name) {
    const auto recorded = base::read_file_if_exists(stop_target_file(name));
    ::unlink(stop_target_file(name).c_str());
    return recorded.value_or("");
}

void LiblxcRuntime::clear_cgroups(const std::string& name, const std::vector<std::string>& cgroups) {
    end_cgroups(cgroups);
    remove_empty_cgroups(usual_cgroup_folders(name));
}

void LiblxcRuntime::request_shutdown(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    container.load_config(paths_.lxc_conf(name));
    if (!container.shutdown()) throw schema::failure("Failed sending the halt signal to instance \"{}\"", name);
}

void LiblxcRuntime::request_reboot(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    container.load_config(paths_.lxc_conf(name));
    if (!container.reboot()) throw schema::failure("Failed sending the reboot signal to instance \"{}\"", name);
}

void LiblxcRuntime::kill(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    const auto init = container.init_pidfd();
    if (!init) return;
    const base::Fd pidfd(*init);
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
    // A frozen process dies once it is thawed (cgroup v1), and liblxc's state misses a freeze made by others.
    const bool frozen = container.state() == lxcwrap::State::frozen;
    if (!frozen && wait_for_end(pidfd.get(), 100ms)) return;
    thaw(container);
    if (!wait_for_end(pidfd.get(), 30s))
        throw schema::failure("Failed killing instance \"{}\": init did not end within 30 seconds", name);
}

void LiblxcRuntime::freeze(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    // liblxc looks once a second on cgroup v1; when it is frozen already it only tells the monitor.
    const bool v1 = container.set_cgroup("freezer.state", "FROZEN");
    if (v1) freeze_by_cgroup_v1(container, name);
    if (container.freeze()) return;
    thaw(container);
    throw schema::failure("Failed freezing instance \"{}\"", name);
}

void LiblxcRuntime::unfreeze(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    thaw(container);
    if (!container.unfreeze()) throw schema::failure("Failed unfreezing instance \"{}\"", name);
}

void LiblxcRuntime::set_cgroup(const std::string& name, const std::string& item, const std::string& value) {
    lxcwrap::Container container(name, paths_.containers());
    if (!container.set_cgroup(item, value))
        throw schema::failure("Failed setting the cgroup item \"{}\" of instance \"{}\" to \"{}\"", item, name, value);
}

std::optional<std::string> LiblxcRuntime::get_cgroup(const std::string& name, const std::string& item) {
    return lxcwrap::Container(name, paths_.containers()).cgroup(item);
}

std::unique_ptr<ExecSession> LiblxcRuntime::exec(const std::string& name, const ExecRequest& request) {
    return start_exec(kept_runner_.spawner(), runner({"exec", name, paths_.containers(), paths_.lxc_conf(name)}), name,
                      request);
}

Console LiblxcRuntime::open_console(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    const auto opened = lxcwrap::open_console(container);
    return {base::Fd(opened.allocation), base::Fd(opened.terminal)};
}

std::string LiblxcRuntime::console_log(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    return lxcwrap::console_log(container);
}

void LiblxcRuntime::clear_console_log(const std::string& name) {
    lxcwrap::Container container(name, paths_.containers());
    lxcwrap::clear_console_log(container);
}

base::Process LiblxcRuntime::spawn_files(const std::string& name, const StoppedRoot& root, base::Fd request,
                                         base::Fd reply) {
    const auto init = lxcwrap::Container(name, paths_.containers()).init_pidfd();
    const base::Fd pidfd(init.value_or(-1));
    auto command = init ? runner({"files"}) : runner({"files", root.path, schema::to_json(root.id_map)});
    command.fds = {{request.get(), runner::files_request_fd}, {reply.get(), runner::files_reply_fd}};
    if (init) command.fds.emplace_back(pidfd.get(), runner::files_pidfd);
    return kept_runner_.spawn(command);
}

base::Process LiblxcRuntime::spawn_sftp(const std::string& name, const StoppedRoot& root, base::Fd socket) {
    const auto init = lxcwrap::Container(name, paths_.containers()).init_pidfd();
    const base::Fd pidfd(init.value_or(-1));
    auto command = init ? runner({"sftp"}) : runner({"sftp", root.path, schema::to_json(root.id_map)});
    command.fds = {{socket.get(), runner::files_request_fd}};
    if (init) command.fds.emplace_back(pidfd.get(), runner::files_pidfd);
    return kept_runner_.spawn(command);
}

base::Process LiblxcRuntime::spawn_interception(std::vector<std::string> call, std::vector<std::pair<int, int>> fds) {
    call.insert(call.begin(), "intercept");
    auto command = runner(std::move(call));
    command.fds = std::move(fds);
    return kept_runner_.spawn(command);
}

void LiblxcRuntime::attach_interface(const std::string& name, const std::string& host_interface,
                                     const std::string& inside) {
    run_verb(name, fmt::format("moving the interface \"{}\" into", host_interface),
             {"attach-interface", name, paths_.containers(), host_interface, inside});
}

void LiblxcRuntime::detach_interface(const std::string& name, const std::string& inside,
                                     const std::string& host_interface) {
    run_verb(name, fmt::format("moving the interface \"{}\" out of", inside),
             {"detach-interface", name, paths_.containers(), inside, host_interface});
}

void LiblxcRuntime::start_proxy(const std::string& name, const std::string& hold,
                                const std::vector<std::string>& words) {
    const auto pidfd = init_pidfd(name);
    auto command = runner({"proxy", hold});
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.fds = {{pidfd.get(), 3}};
    const auto output = base::run(std::move(command), {}, kept_runner_.spawner());
    if (!output.exit.ok())
        throw schema::failure("Error occurred when starting proxy device: Error: {}", joined_lines(output.err));
}

void LiblxcRuntime::attach_mount(const std::string& name, const schema::MountOrder& order) {
    std::vector<std::string> arguments = {"mount", order.source, order.target};
    if (order.read_only) arguments.emplace_back("ro");
    if (order.recursive) arguments.emplace_back("recursive");
    if (order.idmapped) arguments.emplace_back("idmapped");
    if (!order.propagation.empty()) arguments.push_back(order.propagation);
    arguments.insert(arguments.end(), order.options.begin(), order.options.end());
    run_verb(name, fmt::format("mounting \"{}\" in", order.source), std::move(arguments));
}

void LiblxcRuntime::send_uevent(const std::string& name, const std::vector<std::string>& words) {
    std::vector<std::string> arguments = {"uevent"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    run_verb(name, "telling of a device in", std::move(arguments));
}

void LiblxcRuntime::detach_mount(const std::string& name, const std::string& target) {
    run_verb(name, fmt::format("unmounting \"{}\" in", target), {"unmount", target});
}

bool LiblxcRuntime::can_map_mount(const std::string& path) {
    return base::run(runner({"try-id-map", path})).exit.ok();
}

} // namespace instance
