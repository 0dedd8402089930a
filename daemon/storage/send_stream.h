#pragma once
// The stream of `btrfs send`, version 1, command by command, with every length and checksum looked at. Called by
// received_subvolume; reads from a descriptor and knows nothing of files.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace storage::send_stream {

enum class Command : uint16_t {
    subvolume = 1,
    snapshot,
    make_file,
    make_folder,
    make_node,
    make_fifo,
    make_socket,
    make_link,
    rename,
    link,
    unlink,
    remove_folder,
    set_attribute,
    remove_attribute,
    write,
    clone,
    truncate,
    change_mode,
    change_owner,
    set_times,
    end,
    update_extent,
};

enum class Field : uint16_t {
    uuid = 1,
    transaction,
    inode,
    size,
    mode,
    uid,
    gid,
    device,
    changed,
    modified,
    accessed,
    created,
    attribute_name,
    attribute_data,
    path,
    path_to,
    path_link,
    offset,
    data,
    clone_uuid,
    clone_transaction,
    clone_path,
    clone_offset,
    clone_length,
};

/// One command with its fields. What is not there throws bad_request.
struct Step {
    Command command = Command::end;
    std::map<Field, std::string> fields;

    const std::string& text(Field field) const;
    uint64_t number(Field field) const; // of 8 bytes
    bool operator==(const Step&) const = default;
};

/// Reads what a stream begins with; nothing at the end of the file. Throws bad_request on anything else.
class Reader {
public:
    explicit Reader(int from) : from_(from) {}

    /// False at the end of all streams.
    bool begin();
    /// Also `end`, after which another stream may begin.
    Step next();
    /// So many bytes that are not of a btrfs stream; nothing at the end.
    std::optional<std::string> raw(size_t count);

private:
    void fill(char* to, size_t count);

    int from_;
};

/// The fields of a command's content. Pure.
std::map<Field, std::string> fields_of(std::string_view content);
/// Of the polynomial that btrfs uses, begun with 0 and not inverted. Pure.
uint32_t checksum(std::string_view bytes);

} // namespace storage::send_stream
