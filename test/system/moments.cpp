// Preloaded into a daemon under test (storage_faults.py): ends it at the Nth call that changes something outside of its
// memory, or lets all such calls after the Nth find a full disk. A file that both map tells N, so that a test arms it
// when the daemon is where it is to be, and sees how many such calls a request makes.

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct Order {
    std::atomic<int64_t> left;
    std::atomic<int64_t> full_disk; // 0: the process is ended; 2: the disk is full, but not for the database
};

Order* order = nullptr;

__attribute__((constructor)) void take_order() {
    const char* path = ::getenv("MOMENTS_FILE"); // NOLINT(concurrency-mt-unsafe): before any thread
    const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    ::unsetenv("LD_PRELOAD"); // NOLINT(concurrency-mt-unsafe): the programs that it starts go free
    if (file < 0) return;
    void* mapped = ::mmap(nullptr, sizeof(Order), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (mapped != MAP_FAILED) order = static_cast<Order*>(mapped);
}

/// Whether the disk is full for this call. Other calls only count.
bool is_stopped(bool takes_space) {
    if (order == nullptr) return false;
    const bool over = order->left.fetch_sub(1) <= 1;
    if (!over) return false;
    if (order->full_disk == 0) {
        ::kill(::getpid(), SIGKILL);
        ::pause();
    }
    if (takes_space) errno = ENOSPC;
    return takes_space;
}

bool is_file(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

template <class Function> Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool makes_subvolume(unsigned long request) {
    return request == BTRFS_IOC_SUBVOL_CREATE || request == BTRFS_IOC_SUBVOL_CREATE_V2 ||
           request == BTRFS_IOC_SNAP_CREATE || request == BTRFS_IOC_SNAP_CREATE_V2;
}

} // namespace

// As everything here is built with 64 bits of file offsets, these are open64 and so on, too.
// NOLINTBEGIN(bugprone-macro-parentheses,cert-dcl50-cpp,cppcoreguidelines-pro-type-vararg,readability-identifier-naming)
#define COUNTED(result, name, parameters, arguments, takes_space)                                                      \
    extern "C" result name parameters {                                                                                \
        if (is_stopped(takes_space)) return -1;                                                                        \
        static auto* const real = next<result parameters>(#name);                                                      \
        return real arguments;                                                                                         \
    }

COUNTED(int, rename, (const char* from, const char* to), (from, to), false)
COUNTED(int, renameat, (int a, const char* from, int b, const char* to), (a, from, b, to), false)
COUNTED(int, renameat2, (int a, const char* from, int b, const char* to, unsigned f), (a, from, b, to, f), false)
COUNTED(int, mkdir, (const char* path, mode_t mode), (path, mode), true)
COUNTED(int, mkdirat, (int at, const char* path, mode_t mode), (at, path, mode), true)
COUNTED(int, symlink, (const char* to, const char* path), (to, path), true)
COUNTED(int, symlinkat, (const char* to, int at, const char* path), (to, at, path), true)
COUNTED(int, link, (const char* from, const char* to), (from, to), true)
COUNTED(int, linkat, (int a, const char* from, int b, const char* to, int f), (a, from, b, to, f), true)
COUNTED(int, unlink, (const char* path), (path), false)
COUNTED(int, unlinkat, (int at, const char* path, int flags), (at, path, flags), false)
COUNTED(int, rmdir, (const char* path), (path), false)
COUNTED(int, mount, (const char* a, const char* b, const char* c, unsigned long d, const void* e), (a, b, c, d, e),
        false)
COUNTED(int, umount2, (const char* path, int flags), (path, flags), false)
COUNTED(int, fsync, (int fd), (fd), false)
COUNTED(int, fdatasync, (int fd), (fd), false)
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size), false)
COUNTED(int, chmod, (const char* path, mode_t mode), (path, mode), false)
COUNTED(int, fchmod, (int fd, mode_t mode), (fd, mode), false)
COUNTED(int, chown, (const char* path, uid_t user, gid_t group), (path, user, group), false)
COUNTED(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), false)
COUNTED(ssize_t, write, (int fd, const void* from, size_t size), (fd, from, size), is_file(fd))
// The database's writes are such.
COUNTED(ssize_t, pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at),
        order != nullptr && order->full_disk != 2)
COUNTED(ssize_t, copy_file_range, (int a, off64_t* b, int c, off64_t* d, size_t e, unsigned f), (a, b, c, d, e, f),
        true)

extern "C" int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    if (is_stopped(makes_subvolume(request))) return -1;
    static auto* const real = next<int(int, unsigned long, ...)>("ioctl");
    return real(fd, request, argument);
}

/// Programs that the daemon runs are moments twice: they may outlive it.
extern "C" int posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                            const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
    is_stopped(false);
    static auto* const real = next<decltype(posix_spawnp)>("posix_spawnp");
    const int result = real(pid, file, actions, attributes, arguments, environment);
    is_stopped(false);
    return result;
}

#define OPENED(name, parameters, ...)                                                                                  \
    extern "C" int name parameters {                                                                                   \
        const bool makes = (flags & (O_CREAT | __O_TMPFILE)) != 0;                                                     \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        const auto mode = makes ? va_arg(rest, mode_t) : 0;                                                            \
        va_end(rest);                                                                                                  \
        if (makes && is_stopped((flags & O_CREAT) != 0)) return -1;                                                    \
        static auto* const real = next<int parameters>(#name);                                                         \
        return real(__VA_ARGS__, mode);                                                                                \
    }

OPENED(open, (const char* path, int flags, ...), path, flags)
OPENED(openat, (int at, const char* path, int flags, ...), at, path, flags)
// NOLINTEND(bugprone-macro-parentheses,cert-dcl50-cpp,cppcoreguidelines-pro-type-vararg,readability-identifier-naming)
