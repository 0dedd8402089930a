// A program for the root of a container that wants out: tries what is known to have worked somewhere, and says of each
// try whether it was refused. A static program, for any image; test/system/hostile_inside.py and the virtual machine's
// guest/hostile.py run it.
//
//     hostile-inside [privileged] [apparmor] [disk=MAJOR:MINOR] [marker=PATH] [pid=N] [socket=NAME] [key=ID]
//                    [block=DEVICE] [visits=SECONDS]
//
// Of the host: a disk, a file that only it has, a process, an abstract unix socket, a key. Of the container: a block
// device that it was given; how long it is being visited by exec. Prints a line for each try:
// "refused NAME: WHY" or "OUT NAME: HOW". With "privileged" only what LXD too promises of privileged containers.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <map>
#include <sched.h>
#include <string>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>
#if defined __x86_64__ || defined __i386__
#include <sys/io.h>
#endif

namespace {

std::map<std::string, std::string> given;
std::string why; // the last refusal

/// Empty: refused.
using Result = std::string;

Result refused(const std::string& what) {
    why += (why.empty() ? "" : "; ") + what + ": " + std::strerror(errno);
    return {};
}

Result none(const std::string& text) {
    why += (why.empty() ? "" : "; ") + text;
    return {};
}

dev_t disk() {
    unsigned major = 0;
    unsigned minor = 0;
    std::sscanf(given["disk"].c_str(), "%u:%u", &major, &minor);
    return makedev(major, minor);
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing))
        names.push_back(entry.path().filename());
    return names;
}

std::string target_of(const std::string& link) {
    char target[4096] = {};
    return ::readlink(link.c_str(), target, sizeof target - 1) > 0 ? target : "";
}

/// In a process of its own, as what is tried may not be undone or end the one that tries.
template <class Try> Result apart(Try attempt) {
    int ends[2];
    if (::pipe(ends) < 0) return refused("pipe");
    const auto child = ::fork();
    if (child == 0) {
        why.clear();
        const auto result = attempt();
        const auto line = (result.empty() ? "-" + why : "+" + result);
        (void)!::write(ends[1], line.data(), line.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string line;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        line.append(buffer, static_cast<size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (line.empty()) return none("ended by signal " + std::to_string(WTERMSIG(status)));
    if (line.front() == '+') return line.substr(1);
    return none(line.substr(1));
}

/// What is mounted and unmounted in here is so for nobody else.
bool own_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// Opening for writing is enough: what is written back is what was there.
Result write_same(const std::string& path, const char* otherwise = nullptr) {
    char content[4096];
    ssize_t size = 0;
    if (const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
        size = ::read(fd, content, sizeof content);
        ::close(fd);
    }
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return refused(path);
    std::string text(content, static_cast<size_t>(size < 0 ? 0 : size));
    if (otherwise != nullptr) text = otherwise;
    const auto done = ::write(fd, text.data(), text.size());
    const auto error = errno;
    ::close(fd);
    errno = error;
    if (done < 0) return refused("write " + path);
    return "wrote " + path;
}

Result any_of(const std::vector<std::string>& paths) {
    for (const auto& path : paths)
        if (auto result = write_same(path); !result.empty()) return result;
    return {};
}

Result open_node(const char* name, mode_t type, dev_t device) {
    const auto path = std::string("/dev/hostile-") + name;
    ::unlink(path.c_str());
    if (::mknod(path.c_str(), type | 0600, device) < 0) return refused("mknod");
    const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const auto error = errno;
    ::unlink(path.c_str());
    errno = error;
    if (fd < 0) return refused("open of the new node");
    ::close(fd);
    return std::string("opened a new node of ") + name;
}

Result host_disk() {
    return open_node("disk", S_IFBLK, disk());
}

Result host_devices() {
    struct Node {
        const char* name;
        mode_t type;
        unsigned major;
        unsigned minor;
    };
    for (const auto& node : {Node{"mem", S_IFCHR, 1, 1}, Node{"port", S_IFCHR, 1, 4}, Node{"kmsg", S_IFCHR, 1, 11},
                             Node{"loop-control", S_IFCHR, 10, 237}, Node{"loop0", S_IFBLK, 7, 0},
                             Node{"kvm", S_IFCHR, 10, 232}, Node{"console-of-the-host", S_IFCHR, 4, 64}})
        if (auto result = open_node(node.name, node.type, makedev(node.major, node.minor)); !result.empty())
            return result;
    return {};
}

/// A node that the host gave, or one that is made here.
Result block_filesystem() {
    const std::string place = "/mnt-hostile";
    ::mkdir(place.c_str(), 0700);
    auto source = given["block"];
    if (source.empty()) {
        source = "/dev/hostile-fs";
        ::unlink(source.c_str());
        if (::mknod(source.c_str(), S_IFBLK | 0600, disk()) < 0) return refused("mknod");
    }
    for (const char* type : {"ext4", "xfs", "btrfs", "squashfs", "vfat", "iso9660"})
        for (const unsigned long flags : {0UL, 0UL | MS_RDONLY, 0UL | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                          0UL | MS_NOSUID | MS_NODEV | MS_NOEXEC})
            for (const auto& target : {place, std::string("/sys"), std::string("/run")})
                if (::mount(source.c_str(), target.c_str(), type, flags, nullptr) == 0) {
                    ::umount2(target.c_str(), MNT_DETACH);
                    return "mounted " + std::string(type) + " on " + target;
                }
    return refused("mount " + source);
}

/// A fresh view of the kernel's own filesystems, where no rule about paths holds.
Result fresh_view(const char* type, const char* data, const std::vector<std::string>& files) {
    return apart([&]() -> Result {
        if (!own_mounts()) return refused("own mounts");
        ::mkdir("/mnt-hostile", 0700);
        if (::mount("none", "/mnt-hostile", type, 0, data) < 0) return refused(std::string("mount ") + type);
        std::vector<std::string> paths = files;
        for (auto& path : paths) path.insert(0, "/mnt-hostile/");
        return any_of(paths);
    });
}

Result fresh_sysfs() {
    return fresh_view("sysfs", nullptr, {"kernel/uevent_helper", "power/state", "kernel/mm/ksm/run"});
}

Result fresh_proc() {
    return fresh_view("proc", nullptr,
                      {"sysrq-trigger", "sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/vm/drop_caches"});
}

Result bound_proc() {
    return apart([]() -> Result {
        if (!own_mounts()) return refused("own mounts");
        ::mkdir("/mnt-hostile", 0700);
        if (::mount("/proc", "/mnt-hostile", nullptr, MS_BIND | MS_REC, nullptr) < 0 &&
            ::mount("/proc", "/mnt-hostile", nullptr, MS_MOVE, nullptr) < 0)
            return refused("bind of /proc");
        ::mount(nullptr, "/mnt-hostile", nullptr, MS_REMOUNT | MS_BIND, nullptr);
        ::mount(nullptr, "/mnt-hostile/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr);
        return any_of({"/mnt-hostile/sysrq-trigger", "/mnt-hostile/sys/kernel/core_pattern"});
    });
}

/// The whole tree, in which /proc is not called /proc.
Result bound_root() {
    return apart([]() -> Result {
        if (!own_mounts()) return refused("own mounts");
        ::mkdir("/mnt-hostile", 0700);
        if (::mount("/", "/mnt-hostile", nullptr, MS_BIND | MS_REC, nullptr) < 0) return refused("bind of /");
        ::mount(nullptr, "/mnt-hostile/proc/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr);
        return any_of({"/mnt-hostile/proc/sysrq-trigger", "/mnt-hostile/proc/sys/kernel/core_pattern"});
    });
}

Result remounted_proc() {
    return apart([]() -> Result {
        if (!own_mounts()) return refused("own mounts");
        for (const char* place : {"/proc", "/proc/sys", "/proc/sysrq-trigger", "/sys"})
            ::mount(nullptr, place, nullptr, MS_REMOUNT | MS_BIND, nullptr);
        ::umount2("/proc/sys", MNT_DETACH);
        ::umount2("/proc/sysrq-trigger", MNT_DETACH);
        return any_of({"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"});
    });
}

Result settings() {
    return any_of({"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug",
                   "/proc/sys/kernel/poweroff_cmd", "/proc/sys/kernel/panic", "/proc/sys/kernel/sysrq",
                   "/proc/sys/kernel/randomize_va_space", "/proc/sys/vm/drop_caches", "/proc/sys/vm/overcommit_memory",
                   "/proc/sys/vm/panic_on_oom", "/proc/sys/fs/suid_dumpable", "/proc/sys/fs/protected_symlinks",
                   "/proc/sys/fs/binfmt_misc/register", "/proc/sys/fs/file-max"});
}

Result sysrq() {
    return any_of({"/proc/sysrq-trigger"});
}

Result sysfs_files() {
    return any_of({"/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled",
                   "/sys/kernel/debug/sched/features", "/sys/module/kernel/parameters/panic",
                   "/sys/block/vda/queue/scheduler", "/sys/firmware/efi/vars/new_var", "/proc/acpi/wakeup"});
}

Result kernel_memory() {
    for (const char* path : {"/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port"}) {
        const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            refused(path);
            continue;
        }
        char page[4096];
        const auto got = ::pread(fd, page, sizeof page, 0);
        ::close(fd);
        if (got > 0) return std::string("read ") + path;
    }
    return {};
}

Result release_agent() {
    std::vector<std::string> files = {"/sys/fs/cgroup/release_agent"};
    for (const auto& name : names_in("/sys/fs/cgroup")) files.push_back("/sys/fs/cgroup/" + name + "/release_agent");
    bool any = false;
    for (const auto& file : files) {
        if (!exists(file)) continue;
        any = true;
        if (auto result = write_same(file); !result.empty()) return result;
    }
    if (!any) none("there is none");
    for (const char* controller : {"rdma", "memory", "none,name=hostile", "net_prio"}) {
        auto result = apart([&]() -> Result {
            if (!own_mounts()) return refused("own mounts");
            ::mkdir("/mnt-hostile", 0700);
            if (::mount("none", "/mnt-hostile", "cgroup", 0, controller) < 0)
                return refused(std::string("mount of ") + controller);
            return write_same("/mnt-hostile/release_agent");
        });
        if (!result.empty()) return result;
    }
    return {};
}

/// As release_agent, for one who makes himself a user and a cgroup namespace first.
Result release_agent_in_new_namespaces() {
    return apart([]() -> Result {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0) return refused("unshare");
        ::mkdir("/tmp/hostile-cgroup", 0700);
        if (::mount("none", "/tmp/hostile-cgroup", "cgroup", 0, "rdma") < 0 &&
            ::mount("none", "/tmp/hostile-cgroup", "cgroup", 0, "memory") < 0)
            return refused("mount");
        return write_same("/tmp/hostile-cgroup/release_agent");
    });
}

/// Any limit above the container's own cgroup.
Result outer_cgroup() {
    std::vector<std::string> files = {"/sys/fs/cgroup/../cgroup.procs", "/sys/fs/cgroup/cgroup.max.depth"};
    for (const auto& file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/cpu.max"}) {
        // Those of the root of the container's own view are the host's to set.
        if (!exists(file)) continue;
        if (auto result = write_same(file, "max"); !result.empty()) return result;
    }
    return none("nothing above it is shown");
}

Result other_processes() {
    const auto pid = static_cast<pid_t>(std::atoi(given["pid"].c_str()));
    if (pid <= 1) return none("no pid was given");
    // The number may be one of ours: then it is not the host's.
    const auto path = "/proc/" + std::to_string(pid);
    if (exists(path)) return none("the number is taken in here");
    if (::kill(pid, 0) == 0) return "may signal " + given["pid"];
    if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0) return "traces " + given["pid"];
    return refused("kill and ptrace");
}

Result handles() {
    struct Handle {
        unsigned bytes;
        int type;
        unsigned ino;
        unsigned generation;
    } handle = {8, 1, 2, 0};
    for (const char* place : {"/", "/etc/hosts", "/proc", "/etc"}) {
        const int at = ::open(place, O_RDONLY | O_CLOEXEC);
        if (at < 0) continue;
        const auto fd = ::syscall(SYS_open_by_handle_at, at, &handle, O_RDONLY);
        const auto error = errno;
        ::close(at);
        if (fd >= 0) return std::string("opened inode 2 beside ") + place;
        errno = error;
        if (error != ESTALE) return refused("open_by_handle_at");
    }
    return refused("open_by_handle_at");
}

Result modules() {
    static const char elf[64] = "\177ELF";
    if (::syscall(SYS_init_module, elf, sizeof elf, "") == 0) return "loaded one";
    refused("init_module");
    const int self = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const auto loaded = ::syscall(SYS_finit_module, self, "", 0);
    const auto error = errno;
    ::close(self);
    errno = error;
    refused("finit_module");
    // Those that may, and are let through to the kernel, hear that this is no module.
    if (loaded == 0 || errno == ENOEXEC || errno == EINVAL) return "the kernel looked at one";
    if (::syscall(SYS_delete_module, "dummy", O_NONBLOCK) == 0 || errno == ENOENT) return "may remove one";
    return refused("delete_module");
}

Result kexec() {
    if (::syscall(SYS_kexec_load, 0, 0, nullptr, 0) == 0) return "kexec_load";
    refused("kexec_load");
#ifdef SYS_kexec_file_load
    const int self = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (::syscall(SYS_kexec_file_load, self, -1, 1, "", 4 /* no initrd */) == 0) return "kexec_file_load";
    refused("kexec_file_load");
    if (errno == ENOEXEC) return "the kernel looked at one";
#endif
    return {};
}

Result raw_io() {
#if defined __x86_64__ || defined __i386__
    return apart([]() -> Result {
        if (::iopl(3) == 0) return "iopl";
        refused("iopl");
        if (::ioperm(0x80, 1, 1) == 0) return "ioperm";
        return refused("ioperm");
    });
#else
    return none("not on this architecture");
#endif
}

Result clocks() {
    timeval now{};
    ::gettimeofday(&now, nullptr);
    if (::settimeofday(&now, nullptr) == 0) return "settimeofday";
    refused("settimeofday");
    timex change{};
    change.modes = ADJ_TICK;
    change.tick = 10000;
    if (::adjtimex(&change) >= 0) return "adjtimex";
    return refused("adjtimex");
}

/// Inside a policy namespace of its own a container may be its master, never that of the host's.
Result own_profile() {
    for (const char* profile :
         {"changeprofile unconfined", "changeprofile :root:unconfined", "changeprofile /usr/sbin/none"}) {
        auto result = apart([&]() -> Result {
            const int fd = ::open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC);
            if (fd < 0) return refused("attr/current");
            if (::write(fd, profile, std::strlen(profile)) < 0) return refused(profile);
            // Of the stack only its own part may have gone.
            return sysrq();
        });
        if (!result.empty()) return result;
    }
    return {};
}

Result connected(int type, const std::string& path) {
    const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0) return refused("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const auto done = ::connect(fd, reinterpret_cast<sockaddr*>(&address), size);
    const auto error = errno;
    ::close(fd);
    errno = error;
    return done == 0 ? "connected to " + path : refused("connect");
}

Result host_socket() {
    for (const auto type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM})
        if (auto result = connected(type, '\0' + given["socket"]); !result.empty()) return result;
    return {};
}

Result daemons_socket() {
    return connected(SOCK_STREAM, "/var/lib/lxd/unix.socket");
}

Result keys() {
    const auto id = std::strtol(given["key"].c_str(), nullptr, 10);
    if (id <= 0) return none("no key was given");
    char content[256];
    if (::syscall(SYS_keyctl, 11 /* read */, id, content, sizeof content) >= 0) return "read the host's key";
    refused("read");
    if (::syscall(SYS_keyctl, 3 /* revoke */, id) == 0) return "revoked the host's key";
    refused("revoke");
    if (FILE* file = std::fopen("/proc/keys", "r"); file != nullptr) {
        char line[512];
        char hex[16];
        std::snprintf(hex, sizeof hex, "%08x", static_cast<unsigned>(id));
        bool seen = false;
        while (std::fgets(line, sizeof line, file) != nullptr) seen = seen || std::strncmp(line, hex, 8) == 0;
        std::fclose(file);
        if (seen) return "sees the host's key in /proc/keys";
    }
    return {};
}

Result kernel_tracing() {
    bpf_attr attributes{};
    bpf_insn instructions[2] = {};
    instructions[0].code = 0xb7; // r0 = 0
    instructions[1].code = 0x95; // exit
    attributes.prog_type = BPF_PROG_TYPE_KPROBE;
    attributes.insns = reinterpret_cast<uint64_t>(instructions);
    attributes.insn_cnt = 2;
    attributes.license = reinterpret_cast<uint64_t>("GPL");
    if (::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes) >= 0) return "loaded a kprobe program";
    refused("bpf");
    perf_event_attr event{};
    event.size = sizeof event;
    event.type = PERF_TYPE_SOFTWARE;
    event.config = PERF_COUNT_SW_CPU_CLOCK;
    if (::syscall(SYS_perf_event_open, &event, -1, 0, -1, 0) >= 0) return "watches a whole CPU";
    return refused("perf_event_open");
}

Result system_wide() {
    if (::swapoff("/dev/hostile-swap") == 0 || errno == ENOENT) return "may swapoff";
    refused("swapoff");
    if (::syscall(SYS_acct, nullptr) == 0) return "may stop accounting";
    refused("acct");
    if (::klogctl(5 /* clear */, nullptr, 0) == 0) return "cleared the host's log";
    refused("syslog");
    if (::syscall(SYS_quotactl, 0x800001 << 8 /* sync */, nullptr, 0, nullptr) == 0) none("quota sync is everybody's");
    return {};
}

bool sees_marker(const std::string& base) {
    return exists(base + given["marker"]);
}

Result marker_by_proc() {
    for (const char* base : {"", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/proc/self/cwd", "/proc/self/fd/3",
                             "/proc/1/root/../.."})
        if (sees_marker(base)) return std::string("sees it below ") + base;
    return none("not seen");
}

Result chroot_out() {
    return apart([]() -> Result {
        ::mkdir("/tmp/hostile-root", 0700);
        const int above = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (::chroot("/tmp/hostile-root") < 0) return refused("chroot");
        (void)!::fchdir(above);
        for (int i = 0; i < 64; ++i) (void)!::chdir("..");
        (void)!::chroot(".");
        if (sees_marker("")) return "went up and out";
        return none("went up to its own root");
    });
}

Result pivot_out() {
    return apart([]() -> Result {
        if (!own_mounts()) return refused("own mounts");
        ::mkdir("/tmp/hostile-root", 0700);
        if (::mount("none", "/tmp/hostile-root", "tmpfs", 0, nullptr) < 0) return refused("mount");
        ::mkdir("/tmp/hostile-root/old", 0700);
        if (::chdir("/tmp/hostile-root") < 0 || ::syscall(SYS_pivot_root, ".", "old") < 0) return refused("pivot_root");
        for (const char* base : {"", "/old", "/old/.."})
            if (sees_marker(base)) return "sees it after a pivot";
        // What is mounted below the old root may hide more of the one before it.
        for (int i = 0; i < 64; ++i)
            if (::umount2("/old", MNT_DETACH) < 0) break;
        if (sees_marker("/old") || sees_marker("")) return "sees it under the old root";
        return none("only its own");
    });
}

/// Mounts that hide something are locked for who has a user namespace.
Result unmount_out() {
    return apart([]() -> Result {
        if (!own_mounts()) return refused("own mounts");
        for (int i = 0; i < 8; ++i) {
            ::umount2("/proc", MNT_DETACH);
            ::umount2("/sys", MNT_DETACH);
            ::umount2("/dev", MNT_DETACH);
        }
        ::umount2("/", MNT_DETACH);
        for (const char* base : {"", "/..", "."})
            if (sees_marker(base)) return "sees it once all is unmounted";
        return none("only its own");
    });
}

/// Descriptors of the host that whoever started this left open, and the folder it was started in.
Result left_open() {
    for (const auto& name : names_in("/proc/self/fd")) {
        const auto target = target_of("/proc/self/fd/" + name);
        if (std::atoi(name.c_str()) > 2 && !target.empty()) return "descriptor " + name + " is " + target;
    }
    char here[4096] = {};
    if (::syscall(SYS_getcwd, here, sizeof here) < 0) return refused("getcwd");
    if (here[0] != '/') return std::string("it stands outside: ") + here;
    return none("none");
}

/// The same of its init, which root may look through.
Result left_open_by_init() {
    for (const auto& name : names_in("/proc/1/fd"))
        for (const char* up : {"", "/..", "/../..", "/../../..", "/../../../..", "/../../../../.."})
            if (sees_marker(std::string("/proc/1/fd/").append(name).append(up)))
                return "by descriptor " + name + " of init";
    return none("none leads out");
}

/// Whoever comes in from outside to run a command is looked at by root of the container while it does: its program is
/// the host's.
Result program_of_visitor() {
    std::string seen;
    const auto end = std::time(nullptr) + std::atoi(given["visits"].c_str());
    while (std::time(nullptr) < end) {
        for (const auto& name : names_in("/proc")) {
            if (std::atoi(name.c_str()) <= 1) continue;
            const auto path = "/proc/" + name + "/exe";
            const auto target = target_of(path);
            if (target.find("lxd-runner") == std::string::npos) continue;
            seen = target;
            const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
            if (fd >= 0 || errno == ETXTBSY) return "may write " + seen;
        }
    }
    return none(seen.empty() ? "none seen" : seen + " cannot be opened for writing");
}

Result parent_namespaces() {
    for (const char* name : {"user", "pid"}) {
        const int own = ::open((std::string("/proc/self/ns/") + name).c_str(), O_RDONLY | O_CLOEXEC);
        if (own < 0) return refused("open");
        const auto parent = ::syscall(SYS_ioctl, own, 0xb702 /* NS_GET_PARENT */);
        const auto error = errno;
        ::close(own);
        if (parent >= 0) return std::string("has the parent of its namespace, ") + name;
        errno = error;
        refused(name);
    }
    return {};
}

enum class Who { anybody, unprivileged, with_apparmor };

struct Try {
    const char* name;
    Who who; // unprivileged: LXD lets root of the host's ids do it; with_apparmor: the same without a profile
    Result (*run)();
};

const Try tries[] = {
    {"left_open", Who::anybody, left_open},
    {"host_disk", Who::anybody, host_disk},
    {"host_devices", Who::anybody, host_devices},
    {"block_filesystem", Who::with_apparmor, block_filesystem},
    {"fresh_sysfs", Who::with_apparmor, fresh_sysfs},
    {"fresh_proc", Who::with_apparmor, fresh_proc},
    {"bound_proc", Who::with_apparmor, bound_proc},
    {"bound_root", Who::with_apparmor, bound_root},
    {"remounted_proc", Who::with_apparmor, remounted_proc},
    {"settings", Who::anybody, settings},
    {"sysrq", Who::anybody, sysrq},
    {"sysfs_files", Who::anybody, sysfs_files},
    {"kernel_memory", Who::with_apparmor, kernel_memory},
    {"release_agent", Who::with_apparmor, release_agent},
    {"release_agent_in_new_namespaces", Who::anybody, release_agent_in_new_namespaces},
    {"outer_cgroup", Who::unprivileged, outer_cgroup},
    {"other_processes", Who::anybody, other_processes},
    {"handles", Who::anybody, handles},
    {"modules", Who::anybody, modules},
    {"kexec", Who::anybody, kexec},
    {"raw_io", Who::anybody, raw_io},
    {"clocks", Who::anybody, clocks},
    {"own_profile", Who::anybody, own_profile},
    {"host_socket", Who::anybody, host_socket},
    {"daemons_socket", Who::anybody, daemons_socket},
    {"keys", Who::unprivileged, keys},
    {"kernel_tracing", Who::unprivileged, kernel_tracing},
    {"system_wide", Who::unprivileged, system_wide},
    {"marker_by_proc", Who::anybody, marker_by_proc},
    {"chroot_out", Who::anybody, chroot_out},
    {"pivot_out", Who::anybody, pivot_out},
    {"unmount_out", Who::anybody, unmount_out},
    {"left_open_by_init", Who::anybody, left_open_by_init},
    {"program_of_visitor", Who::unprivileged, program_of_visitor},
    {"parent_namespaces", Who::anybody, parent_namespaces},
};

} // namespace

int main(int count, char** words) {
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const auto at = word.find('=');
        given[word.substr(0, at)] = at == std::string::npos ? "yes" : word.substr(at + 1);
    }
    const bool privileged = given.contains("privileged");
    const bool apparmor = given.contains("apparmor");
    for (const auto& [name, who, run] : tries) {
        if (privileged && (who == Who::unprivileged || (who == Who::with_apparmor && !apparmor))) continue;
        why.clear();
        const auto result = run();
        std::printf("%s %s: %s\n", result.empty() ? "refused" : "OUT", name, (result.empty() ? why : result).c_str());
        std::fflush(stdout);
    }
    return 0;
}
