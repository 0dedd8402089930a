#include "daemon/storage/squashfs.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "schema/error.h"

namespace storage {

namespace {

/// On small machines LXD's limits: a tenth of the memory for each of the two caches, and one thread.
std::vector<std::string> memory_limits() {
    struct sysinfo info{};
    if (::sysinfo(&info) < 0) return {};
    const auto tenth = info.totalram * info.mem_unit / (1 << 20) / 10;
    if (tenth >= 256) return {};
    const auto limit = std::to_string(std::max<uint64_t>(1, tenth));
    return {"-da", limit, "-fr", limit, "-p", "1"};
}

std::string last_lines(std::string_view text) {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    for (int lines = 0; lines < 3; ++lines) {
        const auto newline = text.rfind('\n', text.size() - 1);
        if (newline == text.npos) break;
        if (lines == 2) return std::string(text.substr(newline + 1));
    }
    return std::string(text);
}

bool out_of_space(const std::string& folder) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) < 0) return false;
    const base::Fd probe(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    std::array<char, 65536> block{};
    return probe && ::write(probe.get(), block.data(), block.size()) < 0 && errno == ENOSPC;
}

} // namespace

void unpack_squashfs(const std::string& file, const std::string& folder, const base::CancelToken& cancel) {
    std::vector<std::string> argv{"unsquashfs", "-f", "-d", folder, "-n"};
    for (auto& argument : memory_limits()) argv.push_back(std::move(argument));
    argv.push_back(file);
    const auto result = base::run({.argv = argv}, cancel);
    if (result.exit.ok()) return;
    if (out_of_space(folder)) throw schema::failure("Unable to unpack image, run out of disk space");
    throw schema::failure("Unpack failed: unsquashfs: {}", last_lines(result.err));
}

void check_squashfs(const std::string& file) {
    const auto fd = base::checked(::open(file.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + file);
    constexpr size_t used_at = 40; // bytes_used in the superblock, little endian
    uint64_t used = 0;
    struct stat status{};
    if (::fstat(fd.get(), &status) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed reading " + file);
    const bool whole = ::pread(fd.get(), &used, sizeof used, used_at) == sizeof used &&
                       le64toh(used) <= static_cast<uint64_t>(status.st_size);
    if (!whole) throw schema::bad_request("Damaged archive: truncated squashfs");
}

std::optional<std::string> squashfs_member(const std::string& file, const std::string& name,
                                           const base::CancelToken& cancel) {
    check_squashfs(file);
    auto result = base::run({.argv = {"unsquashfs", "-cat", file, name}}, cancel);
    if (!result.exit.ok()) return {};
    return std::move(result.out);
}

bool squashfs_has_folder(const std::string& file, const std::string& name, const base::CancelToken& cancel) {
    // Lines like "drwxr-xr-x root/root  52 2026-01-02 03:04 squashfs-root/rootfs".
    const auto result = base::run({.argv = {"unsquashfs", "-lls", "-max-depth", "1", file, name}}, cancel);
    if (!result.exit.ok()) throw schema::bad_request("Damaged archive: {}", last_lines(result.err));
    const auto end = "/" + name + "\n";
    for (size_t start = 0; start < result.out.size();) {
        const auto newline = result.out.find('\n', start);
        if (newline == std::string::npos) break;
        const auto line = std::string_view(result.out).substr(start, newline + 1 - start);
        if (line.starts_with('d') && line.ends_with(end)) return true;
        start = newline + 1;
    }
    return false;
}

} // namespace storage
