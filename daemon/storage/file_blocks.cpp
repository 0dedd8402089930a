#include "daemon/storage/file_blocks.h"

#include "daemon/storage/backing.h"

namespace storage {

void FileBlocks::create_block(const VolumeId& volume, int64_t bytes) {
    driver_.create(volume, [&](const std::string& folder) { make_sparse_file(file_in(folder), bytes); });
}

std::string FileBlocks::device(const VolumeId& volume) {
    return file_in(driver_.path(volume));
}

void FileBlocks::resize_block(const VolumeId& volume, int64_t bytes) {
    grow_file(device(volume), bytes);
}

} // namespace storage
