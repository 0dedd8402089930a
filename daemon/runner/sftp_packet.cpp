#include "daemon/runner/sftp_packet.h"

#include <array>
#include <ctime>
#include <optional>

#include <fmt/format.h>
#include <sys/stat.h>

namespace runner::sftp {

namespace {

constexpr uint32_t version = 3;
constexpr uint32_t extended_attributes = 0x80000000;

/// What follows the id: p path, q second path, h handle, o offset, l length, d data, f flags, a attributes. OpenSSH
/// takes a link's target first, against the draft, and everybody has followed.
struct Layout {
    Type type;
    std::string_view fields;
};
constexpr std::array layouts{
    Layout{Type::open, "pfa"},   Layout{Type::close, "h"},    Layout{Type::read, "hol"},   Layout{Type::write, "hod"},
    Layout{Type::lstat, "p"},    Layout{Type::fstat, "h"},    Layout{Type::setstat, "pa"}, Layout{Type::fsetstat, "ha"},
    Layout{Type::opendir, "p"},  Layout{Type::readdir, "h"},  Layout{Type::remove, "p"},   Layout{Type::mkdir, "pa"},
    Layout{Type::rmdir, "p"},    Layout{Type::realpath, "p"}, Layout{Type::stat, "p"},     Layout{Type::rename, "pq"},
    Layout{Type::readlink, "p"}, Layout{Type::symlink, "pq"},
};

struct Extension {
    std::string_view name;
    std::string_view version; // as it is announced
    Type type;
    std::string_view fields;
};
constexpr std::array extensions{
    Extension{"posix-rename@openssh.com", "1", Type::posix_rename, "pq"},
    Extension{"hardlink@openssh.com", "1", Type::hardlink, "pq"},
    Extension{"statvfs@openssh.com", "2", Type::statvfs, "p"},
    Extension{"fstatvfs@openssh.com", "2", Type::fstatvfs, "h"},
    Extension{"fsync@openssh.com", "1", Type::fsync, "h"},
    Extension{"lsetstat@openssh.com", "1", Type::lsetstat, "pa"},
    Extension{"limits@openssh.com", "1", Type::limits, ""},
};

class Reader {
public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    uint64_t number(size_t size) {
        uint64_t value = 0;
        for (const char byte : take(size)) value = value << 8U | static_cast<unsigned char>(byte);
        return value;
    }
    uint8_t byte() { return static_cast<uint8_t>(number(1)); }
    uint32_t u32() { return static_cast<uint32_t>(number(4)); }
    uint64_t u64() { return number(8); }
    std::string_view text() { return take(u32()); }
    /// No file has a name with a zero byte: what comes after it must not be cut off unseen.
    std::string path() {
        const auto value = text();
        if (value.find('\0') != value.npos) throw BadPacket("a path with a zero byte");
        return std::string(value);
    }
    Attributes attributes();

private:
    std::string_view take(size_t size) {
        if (size > left_.size()) throw BadPacket("the packet is too short");
        const auto taken = left_.substr(0, size);
        left_.remove_prefix(size);
        return taken;
    }

    std::string_view left_;
};

Attributes Reader::attributes() {
    Attributes values;
    values.flags = u32();
    if ((values.flags & Attributes::has_size) != 0) values.size = u64();
    if ((values.flags & Attributes::has_owner) != 0) {
        values.uid = u32();
        values.gid = u32();
    }
    if ((values.flags & Attributes::has_mode) != 0) values.mode = u32();
    if ((values.flags & Attributes::has_times) != 0) {
        values.accessed = u32();
        values.modified = u32();
    }
    if ((values.flags & extended_attributes) != 0)
        for (auto count = u32(); count > 0; --count) {
            text();
            text();
        }
    return values;
}

void read_fields(Reader& reader, std::string_view fields, Request& request) {
    for (const char field : fields) {
        switch (field) {
        case 'p':
            request.path = reader.path();
            break;
        case 'q':
            request.second = reader.path();
            break;
        case 'h':
            request.handle = reader.text();
            break;
        case 'o':
            request.offset = reader.u64();
            break;
        case 'l':
            request.length = reader.u32();
            break;
        case 'd':
            request.data = reader.text();
            break;
        case 'f':
            request.flags = reader.u32();
            break;
        default:
            request.attributes = reader.attributes();
        }
    }
}

class Writer {
public:
    explicit Writer(Type type) : bytes_(4, '\0') { number(static_cast<uint8_t>(type), 1); }

    Writer& number(uint64_t value, size_t size) {
        for (size_t at = size; at-- > 0;) bytes_ += static_cast<char>(value >> 8U * at & 0xFFU);
        return *this;
    }
    Writer& u32(uint64_t value) { return number(value, 4); }
    Writer& u64(uint64_t value) { return number(value, 8); }
    Writer& text(std::string_view value) {
        u32(value.size());
        bytes_ += value;
        return *this;
    }
    Writer& attributes(const Attributes& values) {
        u32(values.flags);
        if ((values.flags & Attributes::has_size) != 0) u64(values.size);
        if ((values.flags & Attributes::has_owner) != 0) u32(values.uid).u32(values.gid);
        if ((values.flags & Attributes::has_mode) != 0) u32(values.mode);
        if ((values.flags & Attributes::has_times) != 0) u32(values.accessed).u32(values.modified);
        return *this;
    }
    /// The packet, with its length.
    std::string whole() {
        const auto size = bytes_.size() - 4;
        for (size_t at = 0; at < 4; ++at) bytes_[at] = static_cast<char>(size >> 8U * (3 - at) & 0xFFU);
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

char type_letter(uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return 'd';
    case S_IFLNK:
        return 'l';
    case S_IFCHR:
        return 'c';
    case S_IFBLK:
        return 'b';
    case S_IFIFO:
        return 'p';
    case S_IFSOCK:
        return 's';
    default:
        return '-';
    }
}

std::string mode_text(uint32_t mode) {
    std::string text(1, type_letter(mode));
    for (size_t bit = 0; bit < 9; ++bit) text += (mode & 0400U >> bit) != 0 ? "rwxrwxrwx"[bit] : '-';
    const auto mark = [&](uint32_t bit, size_t place, char set, char alone) {
        if ((mode & bit) != 0) text[place] = text[place] == 'x' ? set : alone;
    };
    mark(S_ISUID, 3, 's', 'S');
    mark(S_ISGID, 6, 's', 'S');
    mark(S_ISVTX, 9, 't', 'T');
    return text;
}

} // namespace

uint32_t id_of(std::string_view packet) noexcept {
    if (packet.size() < 5) return 0;
    uint32_t id = 0;
    for (const char byte : packet.substr(1, 4)) id = id << 8U | static_cast<unsigned char>(byte);
    return id;
}

Request decode(std::string_view packet) {
    Reader reader(packet);
    Request request;
    const auto number = reader.byte();
    const auto is = [&](Type type) { return number == static_cast<uint8_t>(type); };
    request.id = reader.u32();
    if (is(Type::init)) {
        request.type = Type::init;
        return request;
    }
    if (is(Type::extended)) {
        const auto name = reader.text();
        for (const auto& extension : extensions) {
            if (extension.name != name) continue;
            request.type = extension.type;
            read_fields(reader, extension.fields, request);
        }
        return request;
    }
    for (const auto& layout : layouts) {
        if (!is(layout.type)) continue;
        request.type = layout.type;
        read_fields(reader, layout.fields, request);
    }
    return request;
}

std::string version_packet() {
    Writer writer(Type::version);
    writer.u32(version);
    for (const auto& extension : extensions) writer.text(extension.name).text(extension.version);
    return writer.whole();
}

std::string status_packet(uint32_t id, Status status, std::string_view text) {
    return Writer(Type::status).u32(id).u32(static_cast<uint32_t>(status)).text(text).text("").whole();
}

std::string handle_packet(uint32_t id, std::string_view handle) {
    return Writer(Type::handle).u32(id).text(handle).whole();
}

std::string data_packet(uint32_t id, std::string_view data) {
    return Writer(Type::data).u32(id).text(data).whole();
}

std::string attributes_packet(uint32_t id, const Attributes& attributes) {
    return Writer(Type::attrs).u32(id).attributes(attributes).whole();
}

std::string numbers_packet(uint32_t id, const std::vector<uint64_t>& numbers) {
    Writer writer(Type::extended_reply);
    writer.u32(id);
    for (const auto number : numbers) writer.u64(number);
    return writer.whole();
}

std::string names_packet(uint32_t id, const std::vector<Name>& names) {
    Writer writer(Type::name);
    writer.u32(id).u32(names.size());
    for (const auto& name : names) writer.text(name.name).text(name.long_name).attributes(name.attributes);
    return writer.whole();
}

std::string long_name(const std::string& name, const Attributes& attributes, uint64_t links) {
    const std::time_t time = attributes.modified;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%b %e  %Y", &parts);
    return fmt::format("{} {:4} {:<8} {:<8} {:>8} {} {}", mode_text(attributes.mode), links, attributes.uid,
                       attributes.gid, attributes.size, date.data(), name);
}

} // namespace runner::sftp
