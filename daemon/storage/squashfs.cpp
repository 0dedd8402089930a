#include "daemon/storage/squashfs.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <endian.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "daemon/storage/unpacked_size.h"
#include "schema/error.h"
#include "schema/values.h"

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

/// Of "-rw-r--r-- 0/0      7 2026-01-02 03:04 squashfs-root/file"; 0 for what is no file. A name with a line end in it
/// makes its image larger, if anything.
int64_t size_in(std::string_view line) {
    if (!line.starts_with('-')) return 0;
    for (int column = 0; column < 2; ++column) {
        line.remove_prefix(std::min(line.find(' '), line.size()));
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    }
    return schema::parse_integer(line.substr(0, line.find(' '))).value_or(0);
}

/// Up to the end of the stream; of a line that is longer than any listing's, the beginning.
void read_lines(int fd, const std::function<void(std::string_view)>& take) {
    constexpr size_t longest = 64U << 10U;
    std::string line;
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "Failed listing a squashfs");
        if (count == 0) return;
        for (auto rest = std::string_view(buffer.data(), static_cast<size_t>(count)); !rest.empty();) {
            const auto end = std::min(rest.find('\n'), rest.size());
            line += rest.substr(0, std::min(end, longest - line.size()));
            if (end == rest.size()) break;
            take(line);
            line.clear();
            rest.remove_prefix(end + 1);
        }
    }
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

void check_squashfs_files(const std::string& file, const base::CancelToken& cancel) {
    struct stat status{};
    if (::stat(file.c_str(), &status) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed reading " + file);
    UnpackedSize unpacked(status.st_size);
    auto out = base::make_pipe();
    // Shared with the callback, which may still run on the canceller's thread when this function has returned.
    const auto process = std::make_shared<base::Process>(
        base::Process::spawn({.argv = {"unsquashfs", "-lln", file}, .fds = {{out.write_end.get(), 1}}}));
    out.write_end.reset();
    const auto registration = cancel.on_cancel([process] { process->kill_group(SIGKILL); });
    read_lines(out.read_end.get(), [&](std::string_view line) { unpacked.add_entry(size_in(line)); });
    cancel.check();
    if (!process->wait().ok()) throw schema::bad_request("Damaged archive: its files cannot be listed");
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
