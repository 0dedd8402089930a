#pragma once
// The driver "dir": volumes are plain folders of the pool. Made by make_driver alone.

#include <utility>

#include "daemon/base/fd.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/file_blocks.h"
#include "daemon/storage/removal.h"

namespace storage {

class DirDriver : public Driver, private Quotas {
public:
    explicit DirDriver(DriverContext context) : context_(std::move(context)) {}

    std::string_view name() const override { return "dir"; }
    std::string version() const override { return "1"; }
    void create_pool() override;
    void delete_pool() override;
    void mount_pool() override;
    void unmount_pool() override;

    std::string path(const VolumeId& volume) const override;
    bool exists(const VolumeId& volume) const override;
    std::vector<std::string> list(VolumeType type) const override;
    void create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) override;
    void clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
               const Progress& progress) override;
    std::vector<std::string> snapshots(const VolumeId& volume) const override;
    void take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void rename(const VolumeId& volume, const std::string& new_name) override;
    void remove(const VolumeId& volume) override;
    void mount(const VolumeId& volume) override;
    void unmount(const VolumeId& volume) override;
    bool shares_content() const override { return true; }
    std::optional<int64_t> usage(const VolumeId& volume) const override;
    void clean_up() override;
    Blocks* blocks() override { return &blocks_; }
    /// Where the filesystem counts projects.
    Quotas* quotas() override { return counts_projects_ ? this : nullptr; }

protected:
    /// For drivers that lay volumes out like this one. The volume's own folder, whatever is mounted in it.
    virtual base::Fd open_volume(const VolumeId& volume) const;
    /// What else a folder needs before it appears under its volume's name: one that was filled, one that was copied.
    virtual void filled(const VolumeId& /*volume*/, const std::string& /*making*/) {}
    virtual void copied(const std::string& /*making*/) {}
    /// Before the removal of a folder that nobody can reach any more.
    virtual void leaving(const std::string& /*gone*/) {}
    const DriverContext& context() const noexcept { return context_; }
    /// Some time soon.
    void discard(std::string folder) { removal_.remove(std::move(folder)); }

private:
    void limit(const VolumeId& volume, int64_t bytes) override;
    void make(const VolumeId& volume, const std::function<void(const std::string& path)>& fill);
    /// Where volumes of a type, or their snapshots, are.
    std::string folder(const VolumeId& volume) const;
    std::string snapshots_folder(const VolumeId& volume) const;
    /// The folder that a volume or a snapshot has its name in.
    std::string parent(const VolumeId& volume) const;
    void copy(const VolumeId& source, const std::string& making, const base::CancelToken& cancel,
              const Progress& progress);
    bool restore_in_place(const VolumeId& snapshot, const base::CancelToken& cancel);
    std::string changing_folder(const VolumeId& volume) const;
    /// Does it while the volume is in that folder.
    void change(const VolumeId& volume, const std::function<void()>& work);
    void drop_changing(const VolumeId& volume);
    void replace(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress);
    std::string source() const;
    bool source_is_elsewhere() const;

    DriverContext context_;
    bool counts_projects_ = false;
    Removal removal_;
    FileBlocks blocks_{*this};
};

} // namespace storage
