#pragma once
// Backups of volumes on btrfs in LXD's "optimized" format: a stream of `btrfs send` of each snapshot, of the volume and
// of each subvolume nested in them, each but the first a difference from the one before. Part of the driver btrfs.

#include "daemon/storage/driver.h"

namespace storage {

class BtrfsBackup : public OwnFormat {
public:
    BtrfsBackup(Driver& driver, const std::string& pool_path) : driver_(driver), pool_path_(pool_path) {}

    bool has_header() const override { return true; }
    void save(const VolumeId& volume, const std::vector<std::string>& snapshots, const Target& to,
              const base::CancelToken& cancel) override;
    void load(const VolumeId& volume, const std::vector<std::string>& snapshots, const Source& from,
              const base::CancelToken& cancel) override;

private:
    Driver& driver_;
    const std::string& pool_path_;
};

} // namespace storage
