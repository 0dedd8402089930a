#include "daemon/storage/send_stream.h"

#include <cerrno>
#include <cstring>
#include <endian.h>
#include <system_error>
#include <unistd.h>

#include "schema/error.h"

namespace storage::send_stream {

namespace {

constexpr std::string_view magic{"btrfs-stream\0", 13};
constexpr uint32_t most_content = 1U << 20U; // version 1 keeps to 64 KiB
constexpr auto last_command = static_cast<uint16_t>(Command::update_extent);

[[noreturn]] void refuse(std::string_view what) {
    throw schema::bad_request("Bad btrfs stream: {}", what);
}

/// Of as many bytes, which must be there.
template <class Number> Number little_endian(std::string_view bytes) {
    Number number = 0;
    bytes.copy(reinterpret_cast<char*>(&number), sizeof number);
    if constexpr (sizeof number == 2) return le16toh(number);
    if constexpr (sizeof number == 4) return le32toh(number);
    return static_cast<Number>(le64toh(number));
}

std::array<uint32_t, 256> table() {
    std::array<uint32_t, 256> rows{};
    for (uint32_t i = 0; i < rows.size(); ++i) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
        rows[i] = value;
    }
    return rows;
}

} // namespace

uint32_t checksum(std::string_view bytes) {
    static const auto rows = table();
    uint32_t value = 0;
    for (const char byte : bytes) value = (value >> 8U) ^ rows[(value ^ static_cast<unsigned char>(byte)) & 0xFFU];
    return value;
}

const std::string& Step::text(Field field) const {
    const auto found = fields.find(field);
    if (found == fields.end()) refuse("a command lacks a field");
    return found->second;
}

uint64_t Step::number(Field field) const {
    const auto& bytes = text(field);
    if (bytes.size() != sizeof(uint64_t)) refuse("a number has another size");
    return little_endian<uint64_t>(bytes);
}

std::map<Field, std::string> fields_of(std::string_view content) {
    constexpr size_t head = 4;
    std::map<Field, std::string> fields;
    while (!content.empty()) {
        if (content.size() < head) refuse("a field is cut off");
        const auto type = little_endian<uint16_t>(content);
        const auto length = little_endian<uint16_t>(content.substr(2));
        content.remove_prefix(head);
        if (length > content.size()) refuse("a field is longer than its command");
        fields[static_cast<Field>(type)] = content.substr(0, length);
        content.remove_prefix(length);
    }
    return fields;
}

void Reader::fill(char* to, size_t count) {
    while (count > 0) {
        const auto got = ::read(from_, to, count);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw std::system_error(errno, std::generic_category(), "Failed reading a btrfs stream");
        if (got == 0) refuse("it is cut off");
        to += got;
        count -= static_cast<size_t>(got);
    }
}

std::optional<std::string> Reader::raw(size_t count) {
    std::string bytes(count, '\0');
    ssize_t got = 0;
    do got = ::read(from_, bytes.data(), 1);
    while (got < 0 && errno == EINTR);
    if (got == 0) return {};
    if (got < 0) throw std::system_error(errno, std::generic_category(), "Failed reading a btrfs stream");
    fill(bytes.data() + 1, count - 1);
    return bytes;
}

bool Reader::begin() {
    const auto bytes = raw(magic.size() + sizeof(uint32_t));
    if (!bytes) return false;
    if (!bytes->starts_with(magic)) refuse("it does not begin as one");
    if (little_endian<uint32_t>(std::string_view(*bytes).substr(magic.size())) != 1) refuse("it is not of version 1");
    return true;
}

Step Reader::next() {
    constexpr size_t head = 10;
    constexpr size_t checksum_at = 6;
    std::string bytes(head, '\0');
    fill(bytes.data(), head);
    const auto length = little_endian<uint32_t>(bytes);
    const auto command = little_endian<uint16_t>(std::string_view(bytes).substr(4));
    const auto sum = little_endian<uint32_t>(std::string_view(bytes).substr(checksum_at));
    if (length > most_content) refuse("a command is too long");
    if (command == 0 || command > last_command) refuse("a command is unknown");
    bytes.resize(head + length);
    fill(bytes.data() + head, length);
    std::memset(bytes.data() + checksum_at, 0, sizeof sum);
    if (checksum(bytes) != sum) refuse("a checksum is wrong");
    return {static_cast<Command>(command), fields_of(std::string_view(bytes).substr(head))};
}

} // namespace storage::send_stream
