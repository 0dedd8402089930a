#pragma once
// Block volumes of drivers whose volumes are folders: a sparse file in each, as LXD has it. Kept by those drivers.

#include "daemon/storage/driver.h"

namespace storage {

class FileBlocks : public Blocks {
public:
    explicit FileBlocks(Driver& driver) : driver_(driver) {}

    void create_block(const VolumeId& volume, int64_t bytes,
                      const std::function<void(const std::string& device)>& fill) override;
    std::shared_ptr<const std::string> device(const VolumeId& volume) override;
    void resize_block(const VolumeId& volume, int64_t bytes) override;

    /// The file with the content of a volume or snapshot whose folder is that.
    static std::string file_in(const std::string& folder) { return folder + "/root.img"; }

private:
    Driver& driver_;
};

} // namespace storage
