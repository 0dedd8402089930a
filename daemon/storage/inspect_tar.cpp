#include <algorithm>
#include <string_view>
#include <sys/stat.h>

#include "daemon/base/fd.h"
#include "daemon/storage/block_content.h"
#include "daemon/storage/entry_rules.h"
#include "daemon/storage/tar_archives.h"
#include "daemon/storage/tar_reader.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace storage {

namespace {

constexpr size_t metadata_limit = schema::limits::image_metadata.value;

std::string read_text(TarReader& reader, size_t limit, std::string_view what) {
    std::string text;
    TarReader::Block block;
    while (reader.next_block(block)) {
        if (block.offset < 0 || static_cast<size_t>(block.offset) + block.size > limit)
            throw schema::bad_request("The {} is larger than {} MiB", what, limit >> 20U);
        text.resize(static_cast<size_t>(block.offset), '\0');
        text.append(block.data, block.size);
    }
    return text;
}

/// Whether there is one; the reader is at its content then.
bool find_file(TarReader& reader, const std::string& name, TarEntry& entry) {
    while (reader.next(entry)) {
        if (confined_path(entry.path) != name || !entry.hard_link.empty()) continue;
        if (!S_ISREG(entry.attributes.st_mode)) throw schema::bad_request("The backup's {} is not a file", name);
        return true;
    }
    return false;
}

void write_zeros(int to, int64_t count) {
    const std::string zeros(static_cast<size_t>(std::clamp<int64_t>(count, 0, 65536)), '\0');
    for (int64_t done = 0; done < count; done += static_cast<int64_t>(zeros.size()))
        base::write_all(to, std::string_view(zeros).substr(0, static_cast<size_t>(count - done)));
}

} // namespace

ArchiveContents inspect_tar(const std::string& file, const base::CancelToken& cancel) {
    ArchiveContents contents;
    TarReader reader(file, cancel);
    EntryRules rules;
    TarEntry entry;
    while (reader.next(entry)) {
        const auto path = rules.check(entry);
        if (path == "metadata.yaml" && S_ISREG(entry.attributes.st_mode))
            contents.metadata = read_text(reader, metadata_limit, "image's metadata.yaml");
        if (path.starts_with("rootfs/") || (path == "rootfs" && S_ISDIR(entry.attributes.st_mode)))
            contents.has_root = true;
    }
    return contents;
}

std::optional<std::string> tar_member(const std::string& file, const std::string& name,
                                      const base::CancelToken& cancel) {
    TarReader reader(file, cancel);
    TarEntry entry;
    if (!find_file(reader, name, entry)) return {};
    return read_text(reader, schema::limits::backup_index.value, "backup's " + name);
}

void tar_content(const std::string& file, const std::string& name, int to, const base::CancelToken& cancel) {
    TarReader reader(file, cancel);
    TarEntry entry;
    if (!find_file(reader, name, entry)) throw schema::bad_request("Could not find {:?}", name);
    int64_t written = 0;
    TarReader::Block block;
    while (reader.next_block(block)) {
        write_zeros(to, block.offset - written);
        base::write_all(to, {block.data, block.size});
        written = std::max(written, block.offset) + static_cast<int64_t>(block.size);
    }
    write_zeros(to, entry.attributes.st_size - written);
}

void tar_blocks(const std::string& file, const std::string& name, int to, const base::CancelToken& cancel) {
    TarReader reader(file, cancel, {}, true);
    TarEntry entry;
    if (!find_file(reader, name, entry)) throw schema::bad_request("Could not find {:?}", name);
    const BlockSender sender(to, entry.attributes.st_size);
    TarReader::Block block;
    while (reader.next_block(block)) sender.data(block.offset, {block.data, block.size});
    sender.end();
}

} // namespace storage
