#include <sys/stat.h>

#include "daemon/storage/entry_rules.h"
#include "daemon/storage/tar_archives.h"
#include "daemon/storage/tar_reader.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace storage {

namespace {

constexpr size_t metadata_limit = schema::limits::image_metadata.value;

std::string read_metadata(TarReader& reader) {
    std::string text;
    TarReader::Block block;
    while (reader.next_block(block)) {
        if (block.offset < 0 || static_cast<size_t>(block.offset) + block.size > metadata_limit)
            throw schema::bad_request("The image's metadata.yaml is larger than 1 MiB");
        text.resize(static_cast<size_t>(block.offset), '\0');
        text.append(block.data, block.size);
    }
    return text;
}

} // namespace

ArchiveContents inspect_tar(const std::string& file, const base::CancelToken& cancel) {
    ArchiveContents contents;
    TarReader reader(file, cancel);
    EntryRules rules;
    TarEntry entry;
    while (reader.next(entry)) {
        const auto path = rules.check(entry);
        if (path == "metadata.yaml" && S_ISREG(entry.attributes.st_mode)) contents.metadata = read_metadata(reader);
        if (path.starts_with("rootfs/") || (path == "rootfs" && S_ISDIR(entry.attributes.st_mode)))
            contents.has_root = true;
    }
    return contents;
}

} // namespace storage
