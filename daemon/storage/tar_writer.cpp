#include "daemon/storage/tar_writer.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/storage/block_content.h"
#include "daemon/storage/listing.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace storage {

namespace {

[[noreturn]] void fail(std::string_view attempt, std::string_view name) {
    throw std::system_error(errno, std::generic_category(), fmt::format("Failed {} \"{}\"", attempt, name));
}

std::string link_text(int folder, const std::string& name, off_t size) {
    std::string text(static_cast<size_t>(std::max<off_t>(size, 255)) + 1, '\0');
    for (;;) {
        const auto length = ::readlinkat(folder, name.c_str(), text.data(), text.size());
        if (length < 0) fail("reading the link", name);
        if (static_cast<size_t>(length) < text.size()) {
            text.resize(static_cast<size_t>(length));
            return text;
        }
        text.resize(text.size() * 2);
    }
}

/// As they are seen inside.
Xattrs inside(Xattrs attributes, const IdShift& shift) {
    for (auto& [name, value] : attributes) {
        if (name == "system.posix_acl_access" || name == "system.posix_acl_default") value = shift.moved_acl(value);
        if (name == "security.capability") value = shift.moved_capability(value);
    }
    std::sort(attributes.begin(), attributes.end());
    return attributes;
}

void shift_owners(struct stat& attributes, const IdShift& shift) {
    attributes.st_uid = shift.moved(schema::IdKind::uid, attributes.st_uid);
    attributes.st_gid = shift.moved(schema::IdKind::gid, attributes.st_gid);
}

/// Nothing where there is no hole.
std::optional<DataRanges> worth_a_map(DataRanges ranges, int64_t size) {
    if (ranges.size() == 1 && ranges.front() == std::pair<int64_t, int64_t>(0, size)) return {};
    // Readers that go by the map alone make the file as long as the map says.
    if (ranges.empty() || ranges.back().first + ranges.back().second < size) ranges.emplace_back(size, 0);
    return ranges;
}

/// Nothing where the file has no hole, or the filesystem cannot tell.
std::optional<DataRanges> data_ranges(int file, const struct stat& attributes) {
    if (attributes.st_blocks * 512 >= attributes.st_size) return {};
    DataRanges ranges;
    for (off_t at = 0; at < attributes.st_size;) {
        const auto data = ::lseek(file, at, SEEK_DATA);
        if (data < 0 && errno != ENXIO) return {};
        if (data < 0 || data >= attributes.st_size) break;
        const auto hole = ::lseek(file, data, SEEK_HOLE);
        if (hole < 0) return {};
        at = std::min<off_t>(hole, attributes.st_size);
        ranges.emplace_back(data, at - data);
    }
    return worth_a_map(std::move(ranges), attributes.st_size);
}

bool went_away() {
    return errno == ENOENT || errno == ESTALE;
}

} // namespace

void TarWriter::write(std::string_view bytes) {
    sink_(bytes);
    written_ += bytes.size();
}

void TarWriter::add_file(const std::string& name, std::string_view content, int64_t modified, mode_t mode) {
    TarEntry entry;
    entry.path = name;
    entry.attributes.st_mode = S_IFREG | mode;
    entry.attributes.st_mtim.tv_sec = modified;
    entry.attributes.st_size = static_cast<off_t>(content.size());
    write(tar_header(entry, entry.attributes.st_size, false));
    write(content);
    write(tar_padding(content.size()));
}

void TarWriter::add_open_file(const std::string& name, int file) {
    TarEntry entry;
    entry.path = name;
    if (::fstat(file, &entry.attributes) < 0) fail("looking at", name);
    if (S_ISBLK(entry.attributes.st_mode)) return add_device(std::move(entry), file);
    add_regular(entry, file, holes_ ? data_ranges(file, entry.attributes) : std::nullopt);
}

void TarWriter::add_device(TarEntry entry, int device) {
    entry.attributes = {};
    entry.attributes.st_mode = S_IFREG | 0600;
    entry.attributes.st_size = size_of_blocks(device);
    entry.attributes.st_mtim.tv_sec = ::time(nullptr);
    add_regular(entry, device,
                holes_ ? worth_a_map(data_in_blocks(device, cancel_), entry.attributes.st_size) : std::nullopt);
}

void TarWriter::add_folder(const std::string& name, mode_t mode) {
    TarEntry entry;
    entry.path = name;
    entry.attributes.st_mode = S_IFDIR | mode;
    write(tar_header(entry, 0, false));
}

void TarWriter::add_tree(const Tree& tree) {
    Walk walk{tree};
    if (tree.itself) add_folder_entry(walk, tree.folder, tree.name);
    add_members(walk, tree.folder, tree.name, true);
}

void TarWriter::add_folder_entry(Walk& walk, int folder, const std::string& name) {
    TarEntry entry;
    entry.path = name;
    if (::fstat(folder, &entry.attributes) < 0) fail("looking at", name);
    shift_owners(entry.attributes, walk.tree.shift);
    entry.xattrs = inside(xattrs(folder), walk.tree.shift);
    write(tar_header(entry, 0, false));
}

void TarWriter::add_members(Walk& walk, int folder, const std::string& name, bool top) {
    if (name.size() > schema::limits::image_path.value)
        throw schema::failure("The path \"{}...\" is longer than {} bytes", name.substr(0, 64),
                              schema::limits::image_path.value);
    for (const auto& member : sorted_names(folder, name)) {
        cancel_.check();
        const auto& only = walk.tree.only;
        if (top && !only.empty() && std::find(only.begin(), only.end(), member) == only.end()) continue;
        auto path = name;
        if (!path.empty()) path += '/';
        path += member;
        add_member(walk, folder, member, path);
    }
}

void TarWriter::add_member(Walk& walk, int folder, const std::string& member, const std::string& name) {
    TarEntry entry;
    entry.path = name;
    auto& attributes = entry.attributes;
    if (::fstatat(folder, member.c_str(), &attributes, AT_SYMLINK_NOFOLLOW) < 0) {
        if (went_away()) return;
        fail("looking at", name);
    }
    if (S_ISSOCK(attributes.st_mode)) return;
    if (S_ISDIR(attributes.st_mode)) {
        const base::Fd opened(::openat(folder, member.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!opened && went_away()) return;
        if (!opened) fail("opening", name);
        add_folder_entry(walk, opened.get(), name);
        return add_members(walk, opened.get(), name, false);
    }
    if (attributes.st_nlink > 1) {
        const auto [first, fresh] = walk.links.try_emplace({attributes.st_dev, attributes.st_ino}, name);
        if (!fresh) {
            entry.hard_link = first->second;
            shift_owners(attributes, walk.tree.shift);
            return write(tar_header(entry, 0, false));
        }
    }
    if (S_ISREG(attributes.st_mode)) {
        const base::Fd file(::openat(folder, member.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!file && went_away()) {
            walk.links.erase({attributes.st_dev, attributes.st_ino});
            return;
        }
        if (!file) fail("opening", name);
        if (::fstat(file.get(), &attributes) < 0) fail("looking at", name);
        if (!S_ISREG(attributes.st_mode)) throw schema::failure("\"{}\" changed its kind while it was read", name);
        shift_owners(attributes, walk.tree.shift);
        entry.xattrs = inside(xattrs(file.get()), walk.tree.shift);
        return add_regular(entry, file.get(), holes_ ? data_ranges(file.get(), attributes) : std::nullopt);
    }
    shift_owners(attributes, walk.tree.shift);
    if (S_ISLNK(attributes.st_mode))
        entry.symlink = link_text(folder, member, attributes.st_size);
    else
        entry.xattrs = inside(xattrs(FilePlace{folder, member.c_str()}), walk.tree.shift);
    write(tar_header(entry, 0, false));
}

void TarWriter::add_regular(const TarEntry& entry, int file, const std::optional<DataRanges>& ranges) {
    if (!ranges) {
        const auto size = entry.attributes.st_size;
        write(tar_header(entry, size, false));
        return add_ranges(file, {{0, size}});
    }
    const auto map = sparse_map(*ranges);
    auto stored = static_cast<int64_t>(map.size());
    for (const auto& [offset, size] : *ranges) stored += size;
    write(tar_header(entry, stored, true));
    write(map);
    add_ranges(file, *ranges);
}

void TarWriter::add_ranges(int file, const DataRanges& ranges) {
    uint64_t stored = 0;
    for (const auto& [offset, size] : ranges) {
        for (int64_t done = 0; done < size;) {
            cancel_.check();
            const auto wanted = std::min<int64_t>(size - done, static_cast<int64_t>(buffer_.size()));
            auto count = ::pread(file, buffer_.data(), static_cast<size_t>(wanted), offset + done);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) fail("reading", "a file of the instance");
            if (count == 0) { // It is shorter now than it was.
                std::fill_n(buffer_.begin(), wanted, '\0');
                count = wanted;
            }
            write({buffer_.data(), static_cast<size_t>(count)});
            done += count;
        }
        stored += static_cast<uint64_t>(size);
    }
    write(tar_padding(stored));
}

void TarWriter::finish() {
    write(std::string(2 * tar_block, '\0'));
}

} // namespace storage
