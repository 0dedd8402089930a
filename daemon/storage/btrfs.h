#pragma once
// The driver "btrfs": volumes are subvolumes, copies and snapshots are snapshots. Made by make_driver alone.

#include "daemon/storage/btrfs_backup.h"
#include "daemon/storage/btrfs_pool.h"
#include "daemon/storage/btrfs_transfer.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/file_blocks.h"
#include "daemon/storage/removal.h"
#include "daemon/storage/subvolume.h"

namespace storage {

class BtrfsDriver : public Driver, private Quotas {
public:
    explicit BtrfsDriver(DriverContext context) : pool_(std::move(context)) {}

    std::string_view name() const override { return "btrfs"; }
    std::string version() const override;
    void create_pool() override { pool_.create(); }
    void delete_pool() override;
    void mount_pool() override { pool_.mount(); }
    void unmount_pool() override;
    void update_pool(const schema::Config& config) override { pool_.update(config); }
    schema::Config completed(schema::Config) const override { return pool_.config(); }

    std::string path(const VolumeId& volume) const override;
    bool exists(const VolumeId& volume) const override;
    std::vector<std::string> list(VolumeType type) const override;
    std::vector<std::string> snapshots(const VolumeId& volume) const override;
    void create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) override;
    void clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
               const Progress& progress) override;
    void take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void rename(const VolumeId& volume, const std::string& new_name) override;
    void remove(const VolumeId& volume) override;
    void mount(const VolumeId&) override {}
    void unmount(const VolumeId&) override {}
    bool shares_content() const override { return true; }
    /// What the volume alone keeps from being free; known once a limit was set on the pool.
    std::optional<int64_t> usage(const VolumeId& volume) const override;
    void clean_up() override;

    Quotas* quotas() override { return this; }
    Blocks* blocks() override { return &blocks_; }
    Transfer* transfer() override { return &transfer_; }
    OwnFormat* own_format() override { return &backup_; }

private:
    void limit(const VolumeId& volume, int64_t bytes) override;
    void check_limit(const VolumeId& volume, int64_t bytes) override;
    void set_limit(const std::string& path, int64_t bytes) const;
    /// Removes what was to become the volume.
    void leave(const std::string& making, const VolumeId& volume) const;
    /// Where the volume lies, or its snapshots, is made where it is missing.
    std::string parent(const VolumeId& volume) const;

    BtrfsPool pool_;
    FileBlocks blocks_{*this};
    BtrfsTransfer transfer_{*this, pool_.path()};
    BtrfsBackup backup_{*this, pool_.path()};
    Removal removal_{subvolume::remove};
};

} // namespace storage
