#include "daemon/instance/backing_disks.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "schema/values.h"

namespace instance {

namespace {

namespace fs = std::filesystem;

struct stat status_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) < 0) throw std::system_error(errno, std::generic_category(), path);
    return status;
}

std::string number_of(dev_t device) {
    return fmt::format("{}:{}", ::major(device), ::minor(device));
}

/// A partition's disk; limits are for whole ones. Empty for what is no disk.
std::string whole_disk(const std::string& number) {
    const auto folder = "/sys/dev/block/" + number;
    if (!base::exists(folder)) return {};
    if (!base::exists(folder + "/partition")) return number;
    return std::string(base::trimmed(base::read_file(fs::canonical(folder).parent_path().string() + "/dev")));
}

struct Mount {
    std::string type;
    std::string source;
};

/// The line of /proc/self/mountinfo for the mount that a path is on.
Mount mount_of(const std::string& path) {
    struct statx status{};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &status) < 0)
        throw std::system_error(errno, std::generic_category(), path);
    std::istringstream lines(base::read_file("/proc/self/mountinfo"));
    for (std::string line; std::getline(lines, line);) {
        const auto fields = schema::split(line, ' ');
        const auto separator = std::ranges::find(fields, "-");
        if (fields.front() != std::to_string(status.stx_mnt_id) || fields.end() - separator < 3) continue;
        return {std::string(separator[1]), std::string(separator[2])};
    }
    return {};
}

/// The kernel lists what a btrfs filesystem of several disks consists of.
std::vector<std::string> btrfs_disks(const std::string& source) {
    const auto name = fs::path(source).filename();
    std::error_code none;
    for (const auto& filesystem : fs::directory_iterator("/sys/fs/btrfs", none)) {
        const auto folder = filesystem.path() / "devices";
        if (!base::exists((folder / name).string())) continue;
        std::vector<std::string> disks;
        for (const auto& disk : fs::directory_iterator(folder))
            disks.push_back(std::string(base::trimmed(base::read_file((disk.path() / "dev").string()))));
        return disks;
    }
    return {number_of(status_of(source).st_rdev)};
}

std::vector<std::string> zfs_disks(const std::string& dataset) {
    const auto status =
        base::run_or_throw({.argv = {"zpool", "status", "-P", "-L", dataset.substr(0, dataset.find('/'))}});
    std::vector<std::string> disks;
    for (const auto& path : disks_of_zpool(status))
        for (auto& disk : backing_disks(path)) disks.push_back(std::move(disk));
    return disks;
}

std::vector<std::string> parts_of(const std::string& path) {
    const auto status = status_of(path);
    if (S_ISBLK(status.st_mode)) return {number_of(status.st_rdev)};
    if (::major(status.st_dev) != 0) return {number_of(status.st_dev)};
    const auto mount = mount_of(path);
    if (mount.type == "btrfs") return btrfs_disks(mount.source);
    if (mount.type == "zfs") return zfs_disks(mount.source);
    return {};
}

} // namespace

std::vector<std::string> disks_of_zpool(const std::string& status) {
    std::vector<std::string> disks;
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        std::string state;
        words >> name >> state;
        if (name.starts_with('/') && state == "ONLINE") disks.push_back(name);
    }
    return disks;
}

std::vector<std::string> backing_disks(const std::string& path) {
    std::vector<std::string> disks;
    for (const auto& part : parts_of(path)) {
        const auto disk = whole_disk(part);
        if (!disk.empty() && std::ranges::find(disks, disk) == disks.end()) disks.push_back(disk);
    }
    return disks;
}

} // namespace instance
