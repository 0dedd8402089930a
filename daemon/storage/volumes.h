#pragma once
// Custom volumes of the storage pools, their snapshots, and all volumes as the API shows them. Called by the API's
// handlers, by lifecycle (for what concerns instances that use volumes) and by disk devices. Everything is thread-safe.
//
// A volume's row is there, marked incomplete, before anything of it is on its pool, and as long as anything is left:
// the start of the daemon removes what a crash has cut off, and nothing that no row tells of (`lxd recover` finds
// that).

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/log.h"
#include "daemon/state/images.h"
#include "daemon/state/instances.h"
#include "daemon/state/profiles.h"
#include "daemon/state/server_config.h"
#include "daemon/state/snapshots.h"
#include "daemon/state/volumes.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/keyed_lock.h"
#include "daemon/storage/pool.h"
#include "schema/api/storage.h"
#include "schema/id_map.h"
#include "schema/keys/volume.h"

namespace storage {

using state::VolumePlace;

/// Which volume of a pool: also of another type than custom, for what LXD lets users do with those.
struct VolumeKey {
    std::string pool;
    std::string type;
    std::string name;
};

/// The snapshot while a volume is brought back to it, in the row alone: clients do not see it.
constexpr const char* restoring_key = "volatile.restoring";
/// Likewise, the options whose change its files are to get, with commas between.
constexpr const char* updating_key = "volatile.updating";
/// Likewise, of one that an instance had or has.
constexpr const char* used_key = "volatile.used";
void drop_marks(schema::Config& config);

/// Custom volumes and their snapshots as clients see them, but for who uses them.
schema::StorageVolume custom_view(const state::VolumeRow& row);
schema::StorageVolumeSnapshot snapshot_view(const state::VolumeSnapshotRow& row, const std::string& content_type);

/// What a custom volume is called on its pool: LXD puts the project before it.
VolumeId custom_volume(const std::string& name, const std::string& snapshot = {});

/// The reverse.
std::string custom_name(const VolumeId& volume);

/// What a snapshot may be called: throws bad_request.
void check_volume_snapshot_name(const std::string& name);

class Volumes {
public:
    struct Stores {
        state::Volumes& volumes;
        state::Instances& instances;
        state::Snapshots& instance_snapshots;
        state::Images& images;
        state::Profiles& profiles;
        const state::ServerConfig& server_config;
    };
    /// In place of an instance, for the daemon itself (daemon_storage.h), which shares a volume with nobody.
    static constexpr const char* daemon = "";

    Volumes(Pools& pools, Stores stores, base::Log& log) : pools_(pools), stores_(stores), log_(log) {}

    /// At the daemon's start, with the pools mounted: finishes or removes what a crash cut off, on one pool or all.
    void repair_all(const std::string& pool = {});

    /// Of a pool, by type and name, snapshots among them; of all types where `type` is empty. Throws not_found.
    std::vector<schema::StorageVolume> list(const std::string& pool, const std::string& type) const;
    /// `name` may be VOLUME/SNAPSHOT. Throws not_found "Storage pool volume not found".
    schema::StorageVolume get(const VolumeKey& key) const;
    /// URLs of instances and profiles with a device that has this volume, or of the server, where that keeps its images
    /// or backups there; of other types its instance or image.
    std::vector<std::string> used_by(const VolumeKey& key) const;
    /// Bytes; nothing where the driver cannot tell.
    std::optional<int64_t> usage(const VolumeKey& key) const;

    /// An empty one. Throws conflict where the name is taken, failure on bad options.
    void create(const std::string& pool, const schema::StorageVolumesPost& post);
    /// Of content that comes from elsewhere: `fill` makes the volume and these snapshots, oldest first, on the pool.
    /// Options that the pool does not know are left out. Throws conflict where the name is taken.
    void create_by(state::VolumeRow row, const std::vector<state::VolumeSnapshotRow>& snapshots,
                   const std::function<void(Driver& driver, const VolumeId& volume)>& fill,
                   const base::CancelToken& cancel);
    /// Calls `work` with the rows of a volume and of its snapshots, which are neither changed in what they hold nor
    /// renamed nor removed meanwhile, but by their users.
    void read(const VolumePlace& volume, const base::CancelToken& cancel,
              const std::function<void(const state::VolumeRow& row,
                                       const std::vector<state::VolumeSnapshotRow>& snapshots)>& work);
    /// Of post.source, with its snapshots unless volume_only. What post leaves out is the source's.
    void copy(const std::string& pool, const schema::StorageVolumesPost& post, const base::CancelToken& cancel,
              const Progress& progress);
    /// Makes a volume that is there hold what post.source holds, and its snapshots the source's; of a snapshot, its
    /// content alone.
    void refresh(const std::string& pool, const schema::StorageVolumesPost& post, const base::CancelToken& cancel,
                 const Progress& progress);
    /// Its users' devices follow in the database; their records in memory are the caller's (Lifecycle).
    void rename(const VolumePlace& volume, const std::string& new_name);
    /// As rename, to another pool.
    void move(const VolumePlace& volume, const VolumePlace& target, const base::CancelToken& cancel,
              const Progress& progress);
    /// Replaces description and options.
    void update(const VolumeKey& key, schema::StorageVolumePut put);
    /// With its snapshots. Who uses it is the caller's to ask.
    void remove(const VolumePlace& volume);

    std::vector<schema::StorageVolumeSnapshot> snapshots(const VolumeKey& key) const;
    schema::StorageVolumeSnapshot snapshot(const VolumeKey& key, const std::string& name) const;
    /// Without a name it gets the number after the highest one. Returns the name.
    std::string take(const VolumePlace& volume, const std::string& snapshot, std::optional<schema::Time> expires_at,
                     const base::CancelToken& cancel, const Progress& progress);
    void rename_snapshot(const VolumePlace& volume, const std::string& snapshot, const std::string& new_name);
    void update_snapshot(const VolumePlace& volume, const std::string& snapshot, const std::string& description,
                         std::optional<schema::Time> expires_at);
    /// As update_snapshot, of an instance's, whose time is the instance's affair.
    void describe_snapshot(const VolumeKey& key, const std::string& snapshot, const std::string& description);
    void remove_snapshot(const VolumePlace& volume, const std::string& snapshot);
    void restore(const VolumePlace& volume, const std::string& snapshot, const base::CancelToken& cancel,
                 const Progress& progress);

    /// Rows as they are stored, unfinished ones left out: for schedules, backups and devices.
    std::vector<state::VolumeRow> rows() const;
    state::VolumeRow row(const VolumePlace& volume) const;
    std::vector<state::VolumeSnapshotRow> snapshot_rows(const VolumePlace& volume) const;
    std::vector<state::ExpiredSnapshot> expired_snapshots(schema::Time now) const {
        return stores_.volumes.expired_snapshots(now);
    }
    /// Sets or, with an empty value, removes options of the daemon's own (volatile.*).
    void set_volatile(const VolumePlace& volume, const schema::Config& changes);

    /// A device of an instance that runs or is about to.
    struct User {
        std::string instance;
        std::string device;
        schema::IdMap id_map; // of the instance

        auto key() const { return std::pair(instance, device); }
    };
    /// What of the host decides how a volume is given to an instance.
    struct UseRules {
        /// Whether mounts of that folder can have ids of their own.
        std::function<bool(const std::string& path)> can_map_ids;
        /// Throws where instances with other maps have the volume among their devices.
        std::function<void()> check_others;
    };
    struct Use {
        std::string path;
        bool idmapped = false; // whether it is to be mounted with the instance's map
    };
    /// Makes the volume's files usable until `release`, with owners that suit the instance, and keeps the volume from
    /// being renamed, moved, restored or removed. Idempotent for one user.
    Use use(const VolumePlace& volume, const User& user, const UseRules& rules);
    /// Not an error for one that does not use it.
    void release(const VolumePlace& volume, const std::string& instance, const std::string& device);
    bool in_use(const VolumePlace& volume) const;
    /// For its images or backups.
    bool daemon_uses(const VolumePlace& volume) const;
    /// Throws failure for such a one.
    void check_can_rename(const VolumePlace& volume) const;
    void check_can_snapshot(const VolumePlace& volume) const; // bad_request
    /// Whether an instance ever had it.
    static bool had_users(const state::VolumeRow& row);
    std::string path(const VolumePlace& volume) const { return driver(volume.pool)->path(custom_volume(volume.name)); }

private:
    static std::string lock_key(const VolumePlace& volume) { return volume.pool + "/" + volume.name; }
    Pools::DriverRef driver(const std::string& pool) const { return pools_.driver(pool); }
    schema::VolumeKind kind(const std::string& pool, std::string_view type, std::string_view content_type) const;
    void repair(const state::VolumeRow& row);
    void repair_restore(const state::VolumeRow& row);
    void repair_update(const state::VolumeRow& row);
    /// Marked while it lasts, so that a start after a crash does it again: owners and files belong together.
    void bring_back(const state::VolumeRow& row, const state::VolumeSnapshotRow& snapshot,
                    const base::CancelToken& cancel, const Progress& progress);
    void remove_all(const state::VolumeRow& row);
    void remove_snapshot_of(const state::VolumeRow& row, const state::VolumeSnapshotRow& snapshot);
    void check_unused(const VolumePlace& volume, const char* text) const;
    void make(state::VolumeRow row, const std::function<void(Driver&)>& fill);
    /// Its row, with nothing on the pool yet.
    void make_incomplete(state::VolumeRow& row);
    void update_note(const VolumeKey& key, schema::StorageVolumePut put);
    /// The row of a new snapshot, which gets the next free name where it has none.
    void insert_taken(const state::VolumeRow& volume, state::VolumeSnapshotRow& taken);
    state::VolumeSnapshotRow snapshot_row(const state::VolumeRow& volume, const std::string& name) const;
    /// One that may go or have another name. Throws, too, where a restore of it was cut off: nothing else may have the
    /// volume's files.
    state::VolumeSnapshotRow spare_snapshot_row(const state::VolumeRow& volume, const std::string& name) const;
    std::vector<KeyedLock::Hold> hold_pair(const VolumePlace& source, const VolumePlace& target,
                                           const base::CancelToken& cancel);
    /// With a snapshot's description and options where one is named.
    state::VolumeRow source_row(const VolumePlace& volume, const std::string& snapshot) const;
    state::VolumeRow copied_row(const std::string& pool, const schema::StorageVolumesPost& post,
                                const state::VolumeRow& source) const;
    void copy_content(const state::VolumeRow& source, const state::VolumeRow& target, bool with_snapshots,
                      const base::CancelToken& cancel, const Progress& progress);
    /// `fill` makes what the snapshot holds of the custom volume that it is given.
    void add_snapshot(const state::VolumeRow& volume, state::VolumeSnapshotRow snapshot,
                      const std::function<void(Driver& driver, const VolumeId& place)>& fill);
    /// `alike` as for copy_volume; it then names this one.
    void copy_snapshot(const state::VolumeRow& source, const state::VolumeSnapshotRow& snapshot,
                       const state::VolumeRow& target, std::optional<VolumeId>& alike, const base::CancelToken& cancel);
    bool has_other_users(const VolumePlace& volume, const User& user) const;
    bool give_to(const state::VolumeRow& row, const User& user, const UseRules& rules);
    void repair_owners(const state::VolumeRow& row);
    void limit(const state::VolumeRow& row, const std::string& size);
    void check_limit(const state::VolumeRow& row) const;
    /// What is on the disk gets what a row says of these options.
    void apply(const state::VolumeRow& row, const std::set<std::string>& options);
    std::vector<schema::StorageVolume> container_volumes(const std::string& pool) const;
    std::vector<schema::StorageVolume> image_volumes(const std::string& pool) const;
    std::vector<schema::StorageVolume> custom_volumes(const std::string& pool) const;
    void describe(schema::StorageVolume& volume, const std::string& pool) const;

    Pools& pools_;
    Stores stores_;
    base::Log& log_;
    KeyedLock locks_;       // by "POOL/VOLUME"
    KeyedLock mount_locks_; // by the same
    mutable std::mutex mutex_;
    std::map<std::string, std::set<std::pair<std::string, std::string>>> users_; // {instance, device}, by the same
};

/// Makes a volume or snapshot hold what another, maybe of another driver, holds. All or nothing. It shares what it can
/// with `alike`, a snapshot on the target's driver, if there is one.
void copy_volume(Driver& from, const VolumeId& source, Driver& to, const VolumeId& target,
                 const std::optional<VolumeId>& alike, const base::CancelToken& cancel, const Progress& progress);

} // namespace storage
