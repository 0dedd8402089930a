#pragma once
// A copy-on-write backend without a filesystem for it: a volume is an immutable tree in memory, a clone shares its
// source's tree, and a volume has files only while it is mounted, as with a backend that mounts snapshots.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/storage/driver.h"

namespace fakes {

class SnapshotDriver : public storage::Driver {
public:
    explicit SnapshotDriver(storage::DriverContext context) : context_(std::move(context)) {}

    std::string_view name() const override { return "snapshot"; }
    std::string version() const override { return "1"; }
    void create_pool() override;
    void delete_pool() override;
    void mount_pool() override {}
    void unmount_pool() override {}

    std::string path(const storage::VolumeId& volume) const override;
    bool exists(const storage::VolumeId& volume) const override { return volumes_.contains(key(volume)); }
    std::vector<std::string> list(storage::VolumeType type) const override;
    std::vector<std::string> snapshots(const storage::VolumeId& volume) const override;
    void take(const storage::VolumeId& snapshot, const base::CancelToken& cancel,
              const storage::Progress& progress) override;
    void restore(const storage::VolumeId& snapshot, const base::CancelToken& cancel,
                 const storage::Progress& progress) override;
    void create(const storage::VolumeId& volume, const std::function<void(const std::string& path)>& fill) override;
    void clone(const storage::VolumeId& source, const storage::VolumeId& target, const base::CancelToken& cancel,
               const storage::Progress& progress) override;
    void rename(const storage::VolumeId& volume, const std::string& new_name) override;
    void remove(const storage::VolumeId& volume) override;
    void mount(const storage::VolumeId& volume) override;
    void unmount(const storage::VolumeId& volume) override;
    std::optional<int64_t> usage(const storage::VolumeId&) const override { return {}; }
    void clean_up() override {}

    /// How many volumes share the tree of this one.
    long sharing(const storage::VolumeId& volume) const { return volumes_.at(key(volume)).use_count(); }

private:
    struct File {
        std::filesystem::file_type type;
        std::filesystem::perms mode;
        std::string content; // or a link's text
    };
    using Tree = std::map<std::string, File>; // by path below the volume
    using Key = std::tuple<storage::VolumeType, std::string, std::string>;

    static Key key(const storage::VolumeId& volume) { return {volume.type, volume.name, volume.snapshot}; }
    /// What a volume holds now, mounted or not.
    std::shared_ptr<const Tree> tree(const storage::VolumeId& volume) const;
    void move(const storage::VolumeId& volume, const storage::VolumeId& target);
    static Tree capture(const std::string& folder);
    static void write_out(const Tree& tree, const std::string& folder);

    storage::DriverContext context_;
    std::map<Key, std::shared_ptr<const Tree>> volumes_;
};

} // namespace fakes
