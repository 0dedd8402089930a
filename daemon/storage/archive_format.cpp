#include "daemon/storage/archive_format.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "schema/error.h"

namespace storage {

namespace {

using namespace std::string_view_literals;

struct Row {
    ArchiveFormat format;
    size_t offset;
    std::string_view magic;
    std::string_view extension;
};

constexpr std::array rows{
    Row{ArchiveFormat::tar_bz2, 0, "BZh"sv, ".tar.bz2"},
    Row{ArchiveFormat::tar_gz, 0, "\x1f\x8b"sv, ".tar.gz"},
    Row{ArchiveFormat::tar_xz, 0,
        "\xFD"
        "7zXZ\0"sv,
        ".tar.xz"},
    Row{ArchiveFormat::tar_lzma, 0, "\x5d\x00\x00"sv, ".tar.lzma"},
    Row{ArchiveFormat::tar_zst, 0, "\x28\xb5\x2f\xfd"sv, ".tar.zst"},
    Row{ArchiveFormat::squashfs, 0, "hsqs"sv, ".squashfs"},
    Row{ArchiveFormat::tar, 257, "ustar"sv, ".tar"},
};

} // namespace

std::optional<ArchiveFormat> archive_format(std::string_view start) {
    for (const auto& row : rows)
        if (start.size() >= row.offset && start.substr(row.offset).starts_with(row.magic)) return row.format;
    return {};
}

ArchiveFormat archive_format_of(const std::string& file) {
    const auto fd = base::checked(::open(file.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + file);
    std::array<char, 263> start{};
    const auto count = ::pread(fd.get(), start.data(), start.size(), 0);
    if (count < 0) throw std::system_error(errno, std::generic_category(), "Failed reading " + file);
    if (const auto format = archive_format({start.data(), static_cast<size_t>(count)})) return *format;
    throw schema::bad_request("Unsupported compression");
}

std::string_view extension(ArchiveFormat format) {
    for (const auto& row : rows)
        if (row.format == format) return row.extension;
    return "";
}

} // namespace storage
