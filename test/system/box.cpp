#include "test/system/box.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/instance/liblxc_runtime.h"
#include "schema/error.h"

namespace box {

namespace {

constexpr const char* busybox = "/bin/busybox";
constexpr const char* inittab = "::sysinit:/bin/hostname box\n::ctrlaltdel:/bin/reboot\n::shutdown:/bin/true\n";

constexpr const char* applets[] = {"cat",   "echo", "env",  "false", "grep", "halt",   "hostname",
                                   "id",    "ip",   "kill", "ls",    "pwd",  "reboot", "sh",
                                   "sleep", "stat", "stty", "touch", "true", "tty"};

std::string name_of(bool privileged) {
    static std::atomic<int> count{0};
    return fmt::format("lv{}-{}{}", ::getpid(), privileged ? "p" : "u", count++);
}

void make_folders(const std::string& top, std::initializer_list<const char*> names) {
    for (const char* name : names) base::make_dir(top + name, 0755);
}

void make_rootfs(const std::string& root) {
    base::make_dir(root, 0755);
    make_folders(root, {"/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/root", "/run", "/tmp", "/mnt", "/home"});
    ::chmod((root + "/tmp").c_str(), 01777);
    base::write_file(root + "/bin/busybox", base::read_file(busybox), 0755);
    for (const char* applet : applets)
        if (::symlink("busybox", (root + "/bin/" + applet).c_str()) != 0) throw schema::failure("symlink {}", applet);
    (void)::symlink("../bin/busybox", (root + "/sbin/init").c_str());
    base::write_file(root + "/etc/inittab", inittab, 0644);
    base::write_file(root + "/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0644);
    base::write_file(root + "/etc/group", "root:x:0:\n", 0644);
}

} // namespace

std::string missing() {
    if (::geteuid() != 0) return "not root";
    if (std::getenv("LXD_RUNNER") == nullptr) return "LXD_RUNNER does not name the runner";
    if (!base::exists(busybox)) return "no /bin/busybox (busybox-static)";
    return {};
}

Box::Box(bool privileged) : privileged_(privileged), name_(name_of(privileged)) {
    char folder[] = "/tmp/lxd-system-XXXXXX";
    paths_.var = base::trimmed(::mkdtemp(folder));
    ::chmod(paths_.var.c_str(), 0711);
    paths_.log = paths_.var + "/logs";
    paths_.cache = paths_.var + "/cache";
    paths_.runner = std::getenv("LXD_RUNNER");
    for (const auto& made : {paths_.log, paths_.containers(), paths_.container(name_)}) base::make_dir(made, 0711);
    make_rootfs(rootfs());
    runtime_ = std::make_unique<instance::LiblxcRuntime>(paths_);
}

Box::~Box() {
    stop();
    base::remove_tree(paths_.var);
    base::remove_tree("/run/lxc/lock" + paths_.var); // where liblxc keeps locks for every lxcpath it has seen
}

std::vector<instance::LxcItem> Box::items() const {
    std::vector<instance::LxcItem> items = {
        {"lxc.rootfs.path", "dir:" + rootfs()},
        {"lxc.uts.name", name_},
        {"lxc.mount.auto", "proc:rw sys:rw cgroup:mixed"},
        {"lxc.autodev", "1"},
        {"lxc.pty.max", "1024"},
        {"lxc.tty.max", "0"},
        {"lxc.net.0.type", "empty"},
        {"lxc.signal.halt", "SIGUSR2"},
        {"lxc.signal.reboot", "SIGTERM"},
    };
    if (privileged_) return items;
    items.push_back({"lxc.rootfs.options", "idmap=container"});
    items.push_back({"lxc.idmap", "u 0 100000 65536"});
    items.push_back({"lxc.idmap", "g 0 100000 65536"});
    return items;
}

instance::Running Box::start() {
    return runtime_->start(name_, items(), {});
}

void Box::stop() {
    const auto running = runtime_->find(name_);
    if (!running) return;
    runtime_->kill(name_);
    await_end(running->monitor_pid);
}

Box::Result Box::run(std::vector<std::string> command, instance::ExecRequest request, const std::string& input) {
    auto in = base::make_pipe();
    auto out = base::make_pipe();
    auto err = base::make_pipe();
    request.command = std::move(command);
    request.fds[0] = in.read_end.get();
    request.fds[1] = out.write_end.get();
    request.fds[2] = err.write_end.get();
    if (request.environment.empty()) request.environment = {{"PATH", "/bin:/sbin"}};
    const auto session = runtime_->exec(name_, request);
    session->go();
    in.read_end.reset();
    out.write_end.reset();
    err.write_end.reset();
    Result result;
    std::thread errors([&] { result.err = base::read_to_end(err.read_end.get()); });
    if (!input.empty()) base::write_all(in.write_end.get(), input);
    in.write_end.reset();
    result.out = base::read_to_end(out.read_end.get());
    errors.join();
    result.code = session->wait();
    return result;
}

bool await_end(pid_t pid) {
    const base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd) return true;
    pollfd watched{pidfd.get(), POLLIN, 0};
    return ::poll(&watched, 1, 10000) > 0;
}

} // namespace box
