#pragma once
// The driver "zfs": volumes are datasets laid out as LXD does, copies are clones, snapshots are snapshots. Made by
// make_driver alone; tests give it commands that answer.

#include <mutex>

#include "daemon/storage/zfs_pool.h"
#include "schema/values.h"

namespace storage {

class ZfsDriver : public Driver, private Quotas, private Transfer, private OwnFormat, private Blocks {
public:
    explicit ZfsDriver(DriverContext context, std::shared_ptr<Commands> commands = host_commands())
        : commands_(std::move(commands)), pool_(std::move(context), *commands_) {}

    std::string_view name() const override { return "zfs"; }
    std::string version() const override;
    void create_pool() override { pool_.create(); }
    void delete_pool() override { pool_.remove(); }
    void mount_pool() override { pool_.mount(); }
    void unmount_pool() override { pool_.unmount(); }
    void update_pool(const schema::Config& config) override { pool_.update(config); }
    schema::Config completed(schema::Config) const override { return pool_.completed(); }

    std::string path(const VolumeId& volume) const override;
    bool exists(const VolumeId& volume) const override;
    std::vector<std::string> list(VolumeType type) const override;
    std::vector<std::string> snapshots(const VolumeId& volume) const override;
    void create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) override;
    void clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
               const Progress& progress) override;
    void take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    /// Of the newest snapshot, as zfs can; of others where zfs.remove_snapshots lets newer ones go, else it throws.
    void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void rename(const VolumeId& volume, const std::string& new_name) override;
    void remove(const VolumeId& volume) override;
    void mount(const VolumeId& volume) override;
    void unmount(const VolumeId& volume) override;
    std::optional<int64_t> usage(const VolumeId& volume) const override;
    void update(const VolumeId& volume, const std::set<std::string>& changed) override;
    void clean_up() override;

    Quotas* quotas() override { return this; }
    Transfer* transfer() override { return this; }
    OwnFormat* own_format() override { return this; }
    Blocks* blocks() override { return this; }

private:
    using BlockFill = std::function<void(const std::string& device)>;

    void limit(const VolumeId& volume, int64_t bytes) override;
    void send(const VolumeId& volume, const std::string& parent, int to, const base::CancelToken& cancel) override;
    void receive(const VolumeId& volume, int from, const base::CancelToken& cancel) override;
    bool has_header() const override { return false; }
    void save(const VolumeId& volume, const std::vector<std::string>& snapshots, const Target& to,
              const base::CancelToken& cancel) override;
    void load(const VolumeId& volume, const std::vector<std::string>& snapshots, const Source& from,
              const base::CancelToken& cancel) override;
    void create_block(const VolumeId& volume, int64_t bytes, const BlockFill& fill) override;
    std::shared_ptr<const std::string> device(const VolumeId& volume) override;
    void resize_block(const VolumeId& volume, int64_t bytes) override;

    /// "tank/containers/c1", or "tank/containers/c1@snapshot-s" of a snapshot.
    std::string dataset(const VolumeId& volume) const;
    /// A place of its own below "deleted", where whatever has copies lives on.
    std::string ghost(const std::string& folder) const;
    std::string property(const std::string& dataset, const std::string& name) const;
    bool is_on(const VolumeId& volume, const char* option) const {
        return schema::is_true(pool_.option(volume, option));
    }
    /// In bytes, or 0 where the options leave it open; as arguments of what makes a volume of files.
    int64_t block_size(const VolumeId& volume) const;
    Words record_size(const VolumeId& volume) const;
    bool has_clones(const std::string& dataset) const;
    /// Its snapshots were made, it itself was not yet.
    bool is_unfinished(const VolumeId& volume) const;
    bool is_block(const VolumeId& volume) const;
    void make(const VolumeId& volume, const std::function<void(const std::string& path)>& fill,
              const std::vector<std::string>& properties);
    /// Replaces what it holds.
    void refill(const VolumeId& volume, const std::function<void(const std::string& path)>& fill);
    void make_snapshot(const VolumeId& snapshot, const std::function<void(const std::string& path)>& fill);
    void make_snapshot_of(const VolumeId& volume, const VolumeId& snapshot,
                          const std::function<void(const std::string& path)>& fill);
    // The same of block volumes.
    void make_block(const VolumeId& volume, int64_t bytes, const BlockFill& fill, const Words& properties);
    void refill_block(const VolumeId& volume, int64_t bytes, const BlockFill& fill);
    void make_block_snapshot(const VolumeId& snapshot, int64_t bytes, const BlockFill& fill);
    /// Of a block volume or a snapshot of one, while the result lives.
    std::shared_ptr<const std::string> device_of(const std::string& dataset) const;
    int64_t size_of(const std::string& dataset) const;
    /// The size that a block volume of so many bytes has.
    int64_t in_blocks_of(const std::string& dataset, int64_t bytes) const;
    /// A volume to its snapshot of that name, which goes, as do newer ones.
    void go_back(const std::string& before) const;
    std::string parent_of_both(const VolumeId& source, const VolumeId& target) const;
    /// The image's snapshot that a dataset was made of, maybe by way of others; empty where there is none.
    std::string image_below(const std::string& dataset) const;
    /// A copy that shares with the image alone.
    void rebase(const VolumeId& source, const VolumeId& target, const std::string& image,
                const base::CancelToken& cancel);
    void must_stream(const Words& words, const base::CancelToken& cancel, int from, int to) const;
    /// With the ghosts that only it kept alive.
    void destroy(const std::string& dataset) const;
    void remove_ghosts() const;
    void with_mounted(const std::string& dataset, const std::function<void(const std::string& path)>& work) const;
    void appear(const std::string& making, const VolumeId& volume) const;

    std::shared_ptr<Commands> commands_;
    ZfsPool pool_;
    std::mutex mounting_;
};

} // namespace storage
