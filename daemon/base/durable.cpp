#include "daemon/base/durable.h"

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"

namespace base {

namespace {

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

void sync_folder(const std::string& path) {
    const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) < 0) fail("Failed syncing " + path);
}

void sync_journal(int folder_fd) {
    struct stat status{};
    if (::fstat(folder_fd, &status) < 0) fail("Failed looking at a folder");
    // A folder that nothing was changed of is not waited for.
    const timespec same[2] = {status.st_atim, status.st_mtim};
    if (::futimens(folder_fd, same) < 0 || ::fsync(folder_fd) < 0) fail("Failed syncing a folder");
}

void rename_durably(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) < 0) fail("Failed renaming " + from + " to " + to);
    sync_folder(folder_of(to));
}

} // namespace base
