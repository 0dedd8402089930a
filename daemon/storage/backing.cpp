#include "daemon/storage/backing.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"
#include "schema/units.h"

namespace storage {

namespace {

constexpr uint64_t gib = 1ULL << 30U;

using base::fail;

std::string parent(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

} // namespace

std::string loop_file(const std::string& pool_path, const std::string& pool) {
    return fmt::format("{}disks/{}.img", layout::lxd_dir(pool_path), pool);
}

std::string default_loop_size(uint64_t bytes) {
    return fmt::format("{}GiB", std::clamp<uint64_t>(bytes / gib / 5, 5, 30));
}

std::string default_loop_size(const std::string& folder) {
    struct statvfs status{};
    if (::statvfs(folder.c_str(), &status) < 0) fail("Failed reading the space of " + folder);
    return default_loop_size(status.f_blocks * status.f_frsize);
}

void make_sparse_file(const std::string& path, int64_t bytes) {
    base::make_dir(parent(path), 0700);
    const auto file = base::checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                                    "Failed to create the sparse file: Failed to open " + path);
    if (::ftruncate(file.get(), bytes) == 0) return;
    const auto error = errno;
    ::unlink(path.c_str());
    errno = error;
    fail("Failed to create the sparse file: Failed to truncate " + path);
}

void grow_file(const std::string& path, int64_t bytes) {
    const auto file = base::checked(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "Failed opening " + path);
    struct stat status{};
    if (::fstat(file.get(), &status) < 0) fail("Failed looking at " + path);
    if (status.st_size > bytes)
        throw schema::bad_request("The size cannot be made smaller than {}", schema::format_bytes_iec(status.st_size));
    if (::ftruncate(file.get(), bytes) < 0 || ::fsync(file.get()) < 0) fail("Failed growing " + path);
}

bool is_block_device(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

int64_t block_device_size(const std::string& path) {
    const auto device = base::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + path);
    uint64_t bytes = 0;
    if (::ioctl(device.get(), BLKGETSIZE64, &bytes) < 0) fail("Failed reading the size of " + path);
    return static_cast<int64_t>(bytes);
}

std::vector<std::string> mkfs_command(const std::string& type, const std::string& label, const std::string& device) {
    std::vector<std::string> words{"mkfs." + type};
    if (!label.empty()) words.insert(words.end(), {"-L", label});
    if (type == "ext4") words.insert(words.end(), {"-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"});
    words.push_back(device);
    return words;
}

void make_filesystem(const std::string& type, const std::string& label, const std::string& device) {
    base::run_or_throw({.argv = mkfs_command(type, label, device)});
}

std::optional<std::string> device_by_uuid(const std::string& uuid) {
    const std::string folder = "/dev/disk/by-uuid";
    auto link = folder + "/" + uuid;
    const auto watch = base::checked(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "Failed watching " + folder);
    if (::inotify_add_watch(watch.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO) < 0) return {};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!base::exists(link)) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd ready{watch.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return {};
        char events[4096];
        while (::read(watch.get(), events, sizeof events) > 0) {
        }
    }
    return link;
}

} // namespace storage
