#include "daemon/storage/loop_device.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/loop.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/files.h"

namespace storage {

namespace {

/// Where nobody makes nodes for the kernel (a container's /dev), the daemon does.
base::Fd open_node(int number) {
    const auto path = fmt::format("/dev/loop{}", number);
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT) return base::checked(fd, "Failed opening " + path);
    if (::mknod(path.c_str(), S_IFBLK | 0660, makedev(LOOP_MAJOR, static_cast<unsigned>(number))) < 0 &&
        errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "Failed making " + path);
    return base::checked(::open(path.c_str(), O_RDWR | O_CLOEXEC), "Failed opening " + path);
}

bool configure(int device, int file, const std::string& path, unsigned flags) {
    loop_config config{};
    config.fd = static_cast<unsigned>(file);
    config.info.lo_flags = flags;
    std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), path.c_str(), LO_NAME_SIZE - 1);
    return ::ioctl(device, LOOP_CONFIGURE, &config) == 0;
}

} // namespace

LoopDevice attach_loop(const std::string& file) {
    const auto opened = base::checked(::open(file.c_str(), O_RDWR | O_CLOEXEC), "Failed opening " + file);
    const auto control = base::checked(::open("/dev/loop-control", O_RDWR | O_CLOEXEC), "Failed finding loop devices");
    constexpr int attempts = 64; // others take free devices, too
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0) break;
        auto device = open_node(number);
        if (configure(device.get(), opened.get(), file, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO) ||
            (errno == EINVAL && configure(device.get(), opened.get(), file, LO_FLAGS_AUTOCLEAR)))
            return {std::move(device), fmt::format("/dev/loop{}", number)};
        if (errno != EBUSY) break;
    }
    throw std::system_error(errno, std::generic_category(), "Failed making a loop device of " + file);
}

std::string find_loop(const std::string& file) {
    struct stat wanted{};
    if (::stat(file.c_str(), &wanted) < 0) return {};
    for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with("loop") || !base::exists(entry.path().string() + "/loop")) continue;
        const base::Fd device(::open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC));
        loop_info64 info{};
        if (device && ::ioctl(device.get(), LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == wanted.st_ino &&
            info.lo_device == wanted.st_dev)
            return "/dev/" + name;
    }
    return {};
}

void refresh_loop_size(const std::string& device) {
    const auto opened = base::checked(::open(device.c_str(), O_RDWR | O_CLOEXEC), "Failed opening " + device);
    if (::ioctl(opened.get(), LOOP_SET_CAPACITY) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed growing " + device);
}

void detach_loop(const std::string& device) {
    const base::Fd opened(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    if (opened) ::ioctl(opened.get(), LOOP_CLR_FD);
}

} // namespace storage
