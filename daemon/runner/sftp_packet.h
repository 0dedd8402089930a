#pragma once
// The packets of SFTP version 3, with OpenSSH's extensions: bytes to values and back, without any file. Caller: the
// SFTP server. Whatever a client sends either decodes or throws BadPacket.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/limits.h"

namespace runner::sftp {

/// Beyond this a packet's length is taken for garbage; OpenSSH's number.
constexpr uint32_t packet_limit = schema::limits::sftp_packet.value;
/// What one answer carries at most.
constexpr uint32_t data_limit = packet_limit - 1024;

enum class Type : uint8_t {
    init = 1,
    version = 2,
    open = 3,
    close = 4,
    read = 5,
    write = 6,
    lstat = 7,
    fstat = 8,
    setstat = 9,
    fsetstat = 10,
    opendir = 11,
    readdir = 12,
    remove = 13,
    mkdir = 14,
    rmdir = 15,
    realpath = 16,
    stat = 17,
    rename = 18,
    readlink = 19,
    symlink = 20,
    posix_rename = 50, // from here to 59: extended requests, which have a name instead of a number
    hardlink = 51,
    statvfs = 52,
    fstatvfs = 53,
    fsync = 54,
    lsetstat = 55,
    limits = 56,
    unknown = 59,
    status = 101,
    handle = 102,
    data = 103,
    name = 104,
    attrs = 105,
    extended = 200,
    extended_reply = 201,
};

enum class Status : uint32_t {
    ok = 0,
    end_of_file = 1,
    no_such_file = 2,
    permission_denied = 3,
    failure = 4,
    bad_message = 5,
    unsupported = 8,
};

enum OpenFlag : uint32_t {
    open_read = 0x01,
    open_write = 0x02,
    open_append = 0x04,
    open_create = 0x08,
    open_truncate = 0x10,
    open_exclusive = 0x20,
};

struct Attributes {
    enum Flag : uint32_t { has_size = 0x01, has_owner = 0x02, has_mode = 0x04, has_times = 0x08 };
    uint32_t flags = 0; // which of the others count
    uint64_t size = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint32_t mode = 0;     // with the type of the file in an answer
    uint32_t accessed = 0; // seconds since 1970
    uint32_t modified = 0;

    bool operator==(const Attributes&) const = default;
};

class BadPacket : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A request; which members mean something depends on its type.
struct Request {
    Type type = Type::unknown;
    uint32_t id = 0;         // of an init: the client's version
    std::string path = {};   // of symlink: the target, of hardlink and renames: the old name
    std::string second = {}; // the link's or new name
    std::string handle = {};
    uint32_t flags = 0;
    uint64_t offset = 0;
    uint32_t length = 0;
    Attributes attributes = {};
    std::string_view data = {}; // within the packet
};

/// The id of a packet that may be broken otherwise; 0 where even that is missing.
uint32_t id_of(std::string_view packet) noexcept;
/// A packet without its length. Throws BadPacket; one of an unknown type is no error.
Request decode(std::string_view packet);

// Answers, whole: with their length.
std::string version_packet();
std::string status_packet(uint32_t id, Status status, std::string_view text);
std::string handle_packet(uint32_t id, std::string_view handle);
std::string data_packet(uint32_t id, std::string_view data);
std::string attributes_packet(uint32_t id, const Attributes& attributes);
/// An extended reply of numbers, each of 64 bits.
std::string numbers_packet(uint32_t id, const std::vector<uint64_t>& numbers);

struct Name {
    std::string name;
    std::string long_name; // as `ls -l` prints it
    Attributes attributes;
};
std::string names_packet(uint32_t id, const std::vector<Name>& names);
/// "-rw-r--r--    1 0        0              12 Jan  1  1970 name"
std::string long_name(const std::string& name, const Attributes& attributes, uint64_t links);

} // namespace runner::sftp
