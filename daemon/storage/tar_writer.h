#pragma once
// Writes file trees as a tar archive, with ids as they are seen inside: for publishing and backups. What it is given
// comes out the same, byte for byte, as long as the tree stays the same.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/base/cancel.h"
#include "daemon/storage/id_shift.h"
#include "daemon/storage/tar_header.h"

namespace storage {

/// Takes bytes in order; blocks where they cannot go on yet; throws to end the work.
using ByteSink = std::function<void(std::string_view bytes)>;

class TarWriter {
public:
    /// Without `holes` files are written with the zeros that are in theirs, for readers that know no sparse files.
    TarWriter(ByteSink sink, base::CancelToken cancel, bool holes = true)
        : sink_(std::move(sink)), cancel_(std::move(cancel)), holes_(holes) {}

    /// A regular file of root's.
    void add_file(const std::string& name, std::string_view content, int64_t modified, mode_t mode = 0644);
    /// An open regular file, with the owners and attributes that it has; or a block device, as a file of root's.
    void add_open_file(const std::string& name, int file);
    /// A folder of root's, or a tree's top whose attributes are the pool's business.
    void add_folder(const std::string& name, mode_t mode);
    /// What the open `folder` (a descriptor) holds, and the folder itself where `itself`, below `name`, sorted; hard
    /// links are told apart up to the end of this tree. No link is followed. Sockets are left out, and files that go
    /// away meanwhile; one that grows or shrinks meanwhile is written at the size it had. `shift` leads to the ids as
    /// seen inside. With `only`, of the folder's own members those of these names.
    struct Tree {
        std::string name;
        int folder = -1;
        bool itself = true;
        IdShift shift{};
        std::vector<std::string> only{};
    };
    void add_tree(const Tree& tree);
    /// The end of the archive.
    void finish();

    uint64_t written() const noexcept { return written_; }

private:
    using Links = std::map<std::pair<dev_t, ino_t>, std::string>;
    struct Walk {
        const Tree& tree;
        Links links{};
    };

    void write(std::string_view bytes);
    void add_folder_entry(Walk& walk, int folder, const std::string& name);
    void add_members(Walk& walk, int folder, const std::string& name, bool top);
    void add_member(Walk& walk, int folder, const std::string& member, const std::string& name);
    void add_device(TarEntry entry, int device);
    void add_regular(const TarEntry& entry, int file, const std::optional<DataRanges>& ranges);
    void add_ranges(int file, const DataRanges& ranges);

    ByteSink sink_;
    base::CancelToken cancel_;
    bool holes_;
    uint64_t written_ = 0;
    std::string buffer_ = std::string(256U << 10U, '\0');
};

} // namespace storage
