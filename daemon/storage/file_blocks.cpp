#include "daemon/storage/file_blocks.h"

#include "daemon/storage/backing.h"

namespace storage {

void FileBlocks::create_block(const VolumeId& volume, int64_t bytes,
                              const std::function<void(const std::string& device)>& fill) {
    driver_.create(volume, [&](const std::string& folder) {
        make_sparse_file(file_in(folder), bytes);
        if (fill) fill(file_in(folder));
    });
}

std::shared_ptr<const std::string> FileBlocks::device(const VolumeId& volume) {
    const auto folder = driver_.view(volume);
    // The view lives as long as what is in it is looked at.
    return {new std::string(file_in(*folder)), [folder](const std::string* file) { delete file; }};
}

void FileBlocks::resize_block(const VolumeId& volume, int64_t bytes) {
    grow_file(*device(volume), bytes);
}

} // namespace storage
