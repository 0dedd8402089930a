#pragma once
// The driver "lvm": volumes are logical volumes with a filesystem each, thin ones by default. Made by make_driver
// alone; tests give it commands that answer.

#include <mutex>

#include "daemon/storage/lvm_pool.h"

namespace storage {

class LvmDriver : public Driver, private Quotas, private Blocks {
public:
    explicit LvmDriver(DriverContext context, std::shared_ptr<Commands> commands = host_commands())
        : commands_(std::move(commands)), pool_(std::move(context), *commands_) {}

    std::string_view name() const override { return "lvm"; }
    std::string version() const override;
    void create_pool() override { pool_.create(); }
    void delete_pool() override;
    void mount_pool() override { pool_.mount(); }
    void unmount_pool() override { pool_.unmount(); }
    void update_pool(const schema::Config& config) override { pool_.update(config); }
    schema::Config completed(schema::Config) const override { return pool_.config(); }

    std::string path(const VolumeId& volume) const override;
    bool exists(const VolumeId& volume) const override { return find(volume).has_value(); }
    std::vector<std::string> list(VolumeType type) const override;
    std::vector<std::string> snapshots(const VolumeId& volume) const override;
    void create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) override;
    void clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
               const Progress& progress) override;
    void take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void rename(const VolumeId& volume, const std::string& new_name) override;
    void remove(const VolumeId& volume) override;
    void mount(const VolumeId& volume) override;
    void unmount(const VolumeId& volume) override;
    std::shared_ptr<const std::string> view(const VolumeId& volume) override;
    std::optional<int64_t> usage(const VolumeId& volume) const override;
    void clean_up() override;

    Quotas* quotas() override { return this; }
    Blocks* blocks() override { return this; }

private:
    void limit(const VolumeId& volume, int64_t bytes) override;
    void create_block(const VolumeId& volume, int64_t bytes,
                      const std::function<void(const std::string& device)>& fill) override;
    std::shared_ptr<const std::string> device(const VolumeId& volume) override;
    void resize_block(const VolumeId& volume, int64_t bytes) override;

    /// The logical volume's name, of files or of a block device, where there is one.
    std::optional<std::string> find(const VolumeId& volume) const;
    std::string must_find(const VolumeId& volume) const;
    bool is_there(const std::string& logical) const;
    std::vector<std::string> all() const;
    std::string device_path(const std::string& logical) const;
    void with_room(const std::function<void()>& work) const;
    void create_logical(const VolumeId& volume, const std::string& logical, int64_t bytes) const;
    void settle(const VolumeId& volume) const;
    void snapshot_logical(const std::string& source, const std::string& target, bool read_only) const;
    void rename_logical(const std::string& from, const std::string& to) const;
    void remove_logical(const std::string& logical) const;
    /// Without a thin pool LVM has a volume and its snapshots, its family, active together: they stay so for as long as
    /// one of them is open.
    void set_active(const std::string& logical, bool active) const;
    /// Its filesystem's; it is active then.
    std::string type_of_active(const std::string& logical) const;
    struct Sizes {
        int64_t bytes, extent;
    };
    int64_t size_of(const std::string& logical) const;
    Sizes sizes_of(const std::string& logical) const;
    static int64_t in_extents(int64_t bytes, int64_t extent);
    void mount_logical(const VolumeId& volume, const std::string& logical, const std::string& place,
                       bool read_only) const;
    void unmount_logical(const std::string& logical, const std::string& place) const;
    /// Calls `work` with a folder where the logical volume is mounted meanwhile, as the volume's options say.
    void with_mounted(const VolumeId& volume, const std::string& logical,
                      const std::function<void(const std::string& path)>& work) const;
    /// A logical volume of that size with an empty filesystem that `fill` filled.
    std::string make_filled(const VolumeId& target, int64_t bytes,
                            const std::function<void(const std::string& path)>& fill) const;
    void copy(const VolumeId& source, const std::string& place, const base::CancelToken& cancel,
              const Progress& progress);
    void appear(const std::string& making, const VolumeId& volume) const;
    int64_t first_size(const VolumeId& volume) const;
    /// What a new volume gets.
    std::string filesystem(const VolumeId& volume) const;
    void resize_logical(const std::string& logical, int64_t bytes) const;

    // Without a thin pool alone (lvm_thick.cpp):
    std::string of_family(const std::string& logical, const std::string& field) const;
    bool is_family_open(const std::string& logical) const;
    bool has_snapshots(const std::string& logical) const;
    /// Throws where LVM would refuse, before anything is changed.
    void check_resize(const std::string& logical, bool smaller) const;
    base::Fd open_device(const std::string& logical, int flags) const;
    void copy_bytes(const std::string& from, const std::string& to, const base::CancelToken& cancel,
                    const Progress& progress) const;
    /// Makes the logical volume `making`, which is to be `target`.
    void copy_block(const std::string& from, const VolumeId& target, const std::string& making,
                    const base::CancelToken& cancel, const Progress& progress) const;
    void take_thick(const std::string& from, const std::string& name) const;
    void restore_content(const VolumeId& snapshot, const Progress& progress);

    std::shared_ptr<Commands> commands_;
    LvmPool pool_;
    mutable std::mutex mounting_;
    /// Held from an activation until the device is open, and where one is taken back.
    mutable std::mutex activity_;
};

} // namespace storage
