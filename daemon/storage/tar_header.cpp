#include "daemon/storage/tar_header.h"

#include <cstring>
#include <fmt/format.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace storage {

namespace {

/// POSIX.1-1988's layout, which all later forms keep.
struct Ustar {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char linkname[100];
    char magic[6];
    char version[2];
    char uname[32];
    char gname[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char rest[12];
};
static_assert(sizeof(Ustar) == tar_block);

constexpr int64_t largest(size_t field) {
    return (int64_t{1} << (3 * (field - 1))) - 1;
}

/// Octal digits with leading zeros and a zero byte; 0 for what does not fit, which a pax record then tells.
template <size_t size> void put_number(char (&field)[size], int64_t value) {
    if (value < 0 || value > largest(size)) value = 0;
    const auto text = fmt::format("{:0{}o}", value, size - 1);
    std::memcpy(field, text.data(), size - 1);
}

template <size_t size> void put_text(char (&field)[size], std::string_view text) {
    text.copy(field, size);
}

char type_of(const TarEntry& entry) {
    if (!entry.hard_link.empty()) return '1';
    switch (entry.attributes.st_mode & S_IFMT) {
    case S_IFLNK:
        return '2';
    case S_IFCHR:
        return '3';
    case S_IFBLK:
        return '4';
    case S_IFDIR:
        return '5';
    case S_IFIFO:
        return '6';
    default:
        return '0';
    }
}

std::string block_of(Ustar& header) {
    put_text(header.magic, "ustar");
    put_text(header.version, "00");
    std::memset(header.checksum, ' ', sizeof header.checksum);
    unsigned sum = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
    for (size_t at = 0; at < sizeof header; ++at) sum += bytes[at];
    const auto text = fmt::format("{:06o}", sum);
    std::memcpy(header.checksum, text.data(), text.size());
    header.checksum[6] = '\0';
    return {reinterpret_cast<const char*>(&header), sizeof header};
}

bool is_ascii(std::string_view text) {
    for (const unsigned char c : text)
        if (c >= 0x80) return false;
    return true;
}

/// "LENGTH KEY=VALUE\n", where the length counts itself.
std::string record(std::string_view key, std::string_view value) {
    const auto body = key.size() + value.size() + 3; // the space, "=" and the newline
    auto length = body + std::to_string(body).size();
    length = body + std::to_string(length).size();
    return fmt::format("{} {}={}\n", length, key, value);
}

std::string pax_time(const timespec& time) {
    if (time.tv_nsec == 0) return std::to_string(time.tv_sec);
    // The fraction of a time before 1970 counts from the next second on.
    const auto before = time.tv_sec < 0;
    const auto seconds = before ? -(time.tv_sec + 1) : time.tv_sec;
    const auto nanoseconds = before ? 1'000'000'000 - time.tv_nsec : time.tv_nsec;
    auto text = fmt::format("{}{}.{:09}", before ? "-" : "", seconds, nanoseconds);
    while (text.back() == '0') text.pop_back();
    return text;
}

/// Names that the plain fields cannot hold are cut there; readers go by the record.
std::string_view shortened(std::string_view name) {
    return name.substr(0, sizeof Ustar::name);
}

std::string records_of(const TarEntry& entry, int64_t stored, bool sparse) {
    const auto& attributes = entry.attributes;
    std::string records;
    if (sparse) {
        records += record("GNU.sparse.major", "1");
        records += record("GNU.sparse.minor", "0");
        records += record("GNU.sparse.name", entry.path);
        records += record("GNU.sparse.realsize", std::to_string(attributes.st_size));
    } else if (entry.path.size() > sizeof Ustar::name || !is_ascii(entry.path)) {
        records += record("path", entry.path);
    }
    const auto& link = entry.hard_link.empty() ? entry.symlink : entry.hard_link;
    if (link.size() > sizeof Ustar::linkname || !is_ascii(link)) records += record("linkpath", link);
    if (attributes.st_uid > largest(sizeof Ustar::uid)) records += record("uid", std::to_string(attributes.st_uid));
    if (attributes.st_gid > largest(sizeof Ustar::gid)) records += record("gid", std::to_string(attributes.st_gid));
    if (stored > largest(sizeof Ustar::size)) records += record("size", std::to_string(stored));
    const auto& time = attributes.st_mtim;
    if (time.tv_nsec != 0 || time.tv_sec < 0 || time.tv_sec > largest(sizeof Ustar::mtime))
        records += record("mtime", pax_time(time));
    if (entry.hard_link.empty())
        for (const auto& [name, value] : entry.xattrs) records += record("SCHILY.xattr." + name, value);
    return records;
}

} // namespace

std::string tar_padding(uint64_t size) {
    return std::string((tar_block - size % tar_block) % tar_block, '\0');
}

std::string sparse_map(const DataRanges& ranges) {
    auto map = fmt::format("{}\n", ranges.size());
    for (const auto& [offset, size] : ranges) map += fmt::format("{}\n{}\n", offset, size);
    return map + tar_padding(map.size());
}

std::string tar_header(const TarEntry& entry, int64_t stored, bool sparse) {
    std::string blocks;
    const auto& attributes = entry.attributes;
    if (const auto records = records_of(entry, stored, sparse); !records.empty()) {
        Ustar pax{};
        put_text(pax.name, "./PaxHeaders/entry");
        put_number(pax.mode, 0644);
        put_number(pax.uid, 0);
        put_number(pax.gid, 0);
        put_number(pax.size, static_cast<int64_t>(records.size()));
        put_number(pax.mtime, 0);
        pax.type = 'x';
        blocks = block_of(pax) + records + tar_padding(records.size());
    }
    Ustar header{};
    put_text(header.name, sparse ? "./GNUSparseFile.0/entry" : shortened(entry.path));
    put_number(header.mode, attributes.st_mode & 07777);
    put_number(header.uid, attributes.st_uid);
    put_number(header.gid, attributes.st_gid);
    put_number(header.size, stored);
    put_number(header.mtime, attributes.st_mtim.tv_sec);
    header.type = type_of(entry);
    put_text(header.linkname, shortened(entry.hard_link.empty() ? entry.symlink : entry.hard_link));
    if (header.type == '3' || header.type == '4') {
        put_number(header.major, ::major(attributes.st_rdev));
        put_number(header.minor, ::minor(attributes.st_rdev));
    }
    return blocks + block_of(header);
}

} // namespace storage
