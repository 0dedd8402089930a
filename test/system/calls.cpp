// System calls for the interception's scenarios, made in a container: `calls NAME ARGUMENT...` prints what the call
// gave (its errno, or 0 and more). Linked statically, as the smallest image has no libraries.

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace {

using Words = std::vector<std::string>;

long number(const std::string& word) {
    return std::strtol(word.c_str(), nullptr, 0);
}

int told(long result) {
    std::printf("%d\n", result < 0 ? errno : 0);
    return 0;
}

/// PATH MAJOR MINOR
int make_device(const Words& words) {
    return told(::mknod(words[0].c_str(), S_IFCHR | 0666, ::makedev(number(words[1]), number(words[2]))));
}

/// FOLDER NAME MAJOR MINOR, by a descriptor of the folder
int make_device_at(const Words& words) {
    const int folder = ::open(words[0].c_str(), O_RDONLY | O_DIRECTORY);
    return told(::mknodat(folder, words[1].c_str(), S_IFCHR | 0666, ::makedev(number(words[2]), number(words[3]))));
}

/// FOLDER COUNT: as many nodes of /dev/null
int storm(const Words& words) {
    for (long index = 0; index < number(words[1]); ++index)
        if (::mknod((words[0] + "/" + std::to_string(index)).c_str(), S_IFCHR | 0600, ::makedev(1, 3)) < 0)
            return told(-1);
    return told(0);
}

/// FOLDER OTHER SECONDS: makes nodes in a folder while another thread writes over the path: FOLDER and OTHER, of the
/// same length, in turns. Nothing may come into being but what one of the two names.
int race(const Words& words) {
    static char path[4096];
    const auto first = words[0] + "/node";
    const auto second = words[1] + "/node";
    std::strcpy(path, first.c_str());
    std::atomic<bool> over = false;
    std::thread writer([&] {
        while (!over) {
            std::memcpy(path, second.data(), second.size());
            std::memcpy(path, first.data(), first.size());
        }
    });
    const auto end = ::time(nullptr) + number(words[2]);
    long made = 0;
    while (::time(nullptr) < end) {
        made += ::mknod(path, S_IFCHR | 0600, ::makedev(1, 3)) == 0 ? 1 : 0;
        ::unlink(first.c_str());
        ::unlink(second.c_str());
    }
    over = true;
    writer.join();
    std::printf("%ld\n", made);
    return 0;
}

/// PATH NAME VALUE
int set_attribute(const Words& words) {
    return told(::setxattr(words[0].c_str(), words[1].c_str(), words[2].data(), words[2].size(), 0));
}

/// SOURCE TARGET TYPE FLAGS DATA
int mount_it(const Words& words) {
    return told(::mount(words[0].c_str(), words[1].c_str(), words[2].c_str(),
                        static_cast<unsigned long>(number(words[3])), words[4].empty() ? nullptr : words[4].c_str()));
}

int tell_system(const Words&) {
    struct sysinfo info{};
    if (::sysinfo(&info) < 0) return told(-1);
    std::printf("0 total=%llu free=%llu swap=%llu procs=%u uptime=%ld\n", 1ULL * info.totalram * info.mem_unit,
                1ULL * info.freeram * info.mem_unit, 1ULL * info.totalswap * info.mem_unit, info.procs, info.uptime);
    return 0;
}

/// PID POLICY PRIORITY
int schedule(const Words& words) {
    const sched_param parameters{static_cast<int>(number(words[2]))};
    const auto result =
        ::sched_setscheduler(static_cast<pid_t>(number(words[0])), static_cast<int>(number(words[1])), &parameters);
    std::printf("%d %d\n", result < 0 ? errno : 0, ::sched_getscheduler(static_cast<pid_t>(number(words[0]))));
    return 0;
}

int load_program(bool calls) {
    // "allow everything", or a call of a function of the kernel's first.
    static const bpf_insn plain[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    static const bpf_insn calling[] = {{BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns},
                                       {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1},
                                       {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = reinterpret_cast<uint64_t>(calls ? calling : plain);
    attributes.insn_cnt = calls ? 3 : 2;
    attributes.license = reinterpret_cast<uint64_t>("GPL");
    return static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes));
}

/// plain|calling CGROUP: loads, and attaches and detaches
int program(const Words& words) {
    const int loaded = load_program(words[0] == "calling");
    if (loaded < 0) return told(-1);
    bpf_attr attributes{};
    attributes.target_fd = static_cast<uint32_t>(::open(words[1].c_str(), O_RDONLY | O_DIRECTORY));
    attributes.attach_bpf_fd = static_cast<uint32_t>(loaded);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    const auto attached = ::syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes) < 0 ? errno : 0;
    attributes.attach_flags = 0;
    const auto detached = ::syscall(SYS_bpf, BPF_PROG_DETACH, &attributes, sizeof attributes) < 0 ? errno : 0;
    std::printf("0 %d %d\n", attached, detached);
    return 0;
}

struct Command {
    std::string_view name;
    size_t arguments;
    int (*run)(const Words&);
};
constexpr Command commands[] = {
    {"mknod", 3, make_device},   {"mknodat", 4, make_device_at}, {"storm", 2, storm},
    {"race", 3, race},           {"setxattr", 3, set_attribute}, {"mount", 5, mount_it},
    {"sysinfo", 0, tell_system}, {"sched", 3, schedule},         {"bpf", 2, program},
};

} // namespace

int main(int argc, char** argv) {
    const Words words(argv + 1, argv + argc);
    for (const auto& command : commands)
        if (!words.empty() && words[0] == command.name && words.size() == command.arguments + 1)
            return command.run({words.begin() + 1, words.end()});
    return 2;
}
