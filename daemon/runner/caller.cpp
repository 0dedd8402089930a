#include "daemon/runner/caller.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/runner/intercept.h"

namespace runner {

namespace {

base::Fd open_of_caller(const char* name, int flags) {
    base::Fd fd(::openat(intercept_caller_fd, name, flags | O_CLOEXEC));
    if (!fd) throw GoOn(); // it has ended
    return fd;
}

std::string text_of_caller(const char* name) {
    return base::read_to_end(open_of_caller(name, O_RDONLY).get(), 1U << 20U);
}

/// The numbers after "Uid:" and its like in /proc/PID/status. The name of a process, which it chooses itself, comes
/// first there, but without a line break.
std::vector<uint32_t> numbers(const std::string& status, std::string_view field) {
    std::istringstream lines(status);
    std::vector<uint32_t> result;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(field)) continue;
        std::istringstream words(line.substr(field.size()));
        for (uint32_t number = 0; words >> number;) result.push_back(number);
        return result;
    }
    throw GoOn();
}

uint64_t bits(const std::string& status, std::string_view field, int base) {
    const auto start = status.find("\n" + std::string(field));
    if (start == std::string::npos) throw GoOn();
    auto at = status.find_first_not_of("\t ", start + 1 + field.size());
    if (at == std::string::npos) throw GoOn();
    uint64_t value = 0;
    std::from_chars(status.data() + at, status.data() + status.size(), value, base);
    return value;
}

bool same_file(int first, const char* second) {
    struct stat a{};
    struct stat b{};
    if (::fstat(first, &a) < 0 || ::stat(second, &b) < 0) throw GoOn();
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Calls back for each range {inside, on the host, count} until it says true.
template <class Match> std::optional<uint32_t> in_ranges(const std::string& map, Match match) {
    std::istringstream lines(map);
    for (uint64_t inside = 0, host = 0, count = 0; lines >> inside >> host >> count;)
        if (const auto found = match(inside, host, count)) return static_cast<uint32_t>(*found);
    return std::nullopt;
}

void check(long result) {
    if (result < 0) throw CallError{errno};
}

} // namespace

std::optional<uint32_t> id_inside(const std::string& map, uint32_t host_id) {
    return in_ranges(map, [&](uint64_t inside, uint64_t host, uint64_t count) -> std::optional<uint64_t> {
        if (host_id < host || host_id - host >= count) return std::nullopt;
        return inside + (host_id - host);
    });
}

std::optional<uint32_t> id_on_host(const std::string& map, uint32_t inside_id) {
    return in_ranges(map, [&](uint64_t inside, uint64_t host, uint64_t count) -> std::optional<uint64_t> {
        if (inside_id < inside || inside_id - inside >= count) return std::nullopt;
        return host + (inside_id - inside);
    });
}

Caller find_caller(uint64_t notification) {
    Caller caller;
    caller.root = open_of_caller("root", O_PATH);
    caller.folder = open_of_caller("cwd", O_PATH);
    caller.user_ns = open_of_caller("ns/user", O_RDONLY);
    caller.mount_ns = open_of_caller("ns/mnt", O_RDONLY);
    caller.pid_ns = open_of_caller("ns/pid", O_RDONLY);
    caller.net_ns = open_of_caller("ns/net", O_RDONLY);
    caller.uid_map = text_of_caller("uid_map");
    caller.gid_map = text_of_caller("gid_map");
    const auto status = text_of_caller("status");
    const auto uids = numbers(status, "Uid:");
    const auto gids = numbers(status, "Gid:");
    const auto own_threads = numbers(status, "NSpid:");
    const auto own_groups = numbers(status, "NStgid:");
    const auto thread = numbers(status, "Pid:");
    const auto thread_group = numbers(status, "Tgid:");
    if (uids.size() != 4 || gids.size() != 4 || own_threads.empty() || own_groups.empty() || thread.empty() ||
        thread_group.empty())
        throw GoOn();
    caller.euid = uids[1];
    caller.fsuid = uids[3];
    caller.egid = gids[1];
    caller.fsgid = gids[3];
    for (const auto group : numbers(status, "Groups:")) caller.groups.push_back(group);
    caller.umask = static_cast<mode_t>(bits(status, "Umask:", 8));
    caller.capabilities = bits(status, "CapEff:", 16);
    caller.thread_group = static_cast<pid_t>(thread_group.front());
    caller.thread = static_cast<pid_t>(thread.front());
    caller.own_thread = static_cast<pid_t>(own_threads.back());
    caller.own_thread_group = static_cast<pid_t>(own_groups.back());
    if (::ioctl(intercept_listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notification) < 0) throw GoOn();
    if (same_file(caller.user_ns.get(), "/proc/self/ns/user")) throw GoOn();
    return caller;
}

std::string in_callers_words(const Caller& caller, const std::string& path) {
    const auto replaced = [&](std::string_view prefix, const std::string& by) -> std::optional<std::string> {
        if (!path.starts_with(prefix)) return std::nullopt;
        const auto rest = path.substr(prefix.size());
        if (!rest.empty() && rest.front() != '/') return std::nullopt;
        return by + rest;
    };
    const auto group = "/proc/" + std::to_string(caller.own_thread_group);
    if (auto of_process = replaced("/proc/self", group)) return *of_process;
    if (auto of_thread = replaced("/proc/thread-self", group + "/task/" + std::to_string(caller.own_thread)))
        return *of_thread;
    return path;
}

void limit_capabilities(uint64_t effective, uint64_t permitted) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    for (const unsigned half : {0U, 1U}) {
        data[half].effective = static_cast<uint32_t>(effective >> 32U * half);
        data[half].permitted = static_cast<uint32_t>(permitted >> 32U * half);
    }
    check(::syscall(SYS_capset, &header, data));
}

void become(const Caller& caller) {
    const auto uid = id_inside(caller.uid_map, caller.fsuid);
    if (!uid) throw CallError{EPERM};
    check(::setns(caller.mount_ns.get(), CLONE_NEWNS));
    check(::fchdir(caller.root.get()));
    check(::chroot("."));
    check(::fchdir(caller.folder.get()));
    // Groups by their numbers on the host, as some may have none inside; the user's after the right to change it there.
    check(::setgroups(caller.groups.size(), caller.groups.data()));
    check(::setresgid(caller.fsgid, caller.fsgid, caller.fsgid));
    check(::setns(caller.user_ns.get(), CLONE_NEWUSER));
    check(::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT));
    check(::setresuid(*uid, *uid, *uid));
    limit_capabilities(caller.capabilities, caller.capabilities);
}

void as_caller(const Caller& caller, const std::function<int(Opened&)>& work, Opened& opened) {
    in_child(
        [&](Opened& out) {
            become(caller);
            return work(out);
        },
        opened);
}

void in_child(const std::function<int(Opened&)>& work, Opened& opened) {
    auto* shared = static_cast<Opened*>(
        ::mmap(nullptr, sizeof(Opened), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (shared == MAP_FAILED) throw CallError{ENOMEM};
    *shared = {-1, -1};
    // As fork(), with our descriptors.
    const auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
    if (child < 0) throw CallError{errno};
    if (child == 0) {
        int error = EPERM;
        try {
            error = work(*shared);
        } catch (const CallError& failure) {
            error = failure.number;
        } catch (...) { // what a file of the host's gives: EPERM says enough
        }
        ::_exit(error); // past destructors: they would close what is the parent's too
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) throw CallError{ECHILD};
    opened = *shared;
    ::munmap(shared, sizeof(Opened));
    if (!WIFEXITED(status)) throw GoOn();
    if (WEXITSTATUS(status) != 0) throw CallError{WEXITSTATUS(status)};
}

void make_files_as(const Caller& caller, std::initializer_list<int> capabilities) {
    ::umask(caller.umask);
    ::setfsgid(caller.fsgid);
    ::setfsuid(caller.fsuid);
    uint64_t wanted = 0;
    for (const int capability : capabilities) wanted |= uint64_t{1} << static_cast<unsigned>(capability);
    limit_capabilities(wanted, wanted);
}

} // namespace runner
