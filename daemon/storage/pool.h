#pragma once
// The storage pools of this daemon: their rows, their drivers, and the volumes of images and containers in them.
// Called by api (pools), images (removal) and instance (roots). Everything is thread-safe.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/log.h"
#include "daemon/state/images.h"
#include "daemon/state/instances.h"
#include "daemon/state/paths.h"
#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "daemon/state/snapshots.h"
#include "daemon/state/volumes.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/keyed_lock.h"

namespace storage {

/// A snapshot, or with no name the container itself, and what fills its folder. `alike` is a folder of the same
/// filesystem that holds much the same, or empty.
struct VolumePart {
    std::string snapshot;
    std::function<void(const std::string& folder, const std::string& alike)> fill;
};

class Pools {
public:
    struct Stores {
        state::Pools& pools;
        state::Images& images;
        state::Instances& instances;
        state::Snapshots& snapshots;
        state::Profiles& profiles;
        state::Volumes& volumes;
    };
    using DriverRef = std::shared_ptr<Driver>;
    using MakeDriver = std::unique_ptr<Driver> (*)(const std::string& name, DriverContext context);
    /// What is copied: a container, or one of its snapshots.
    struct Source {
        std::string pool;
        std::string instance;
        std::string snapshot{};
    };

    Pools(state::Paths paths, Stores stores, base::Log& log, MakeDriver make = make_driver);
    ~Pools();
    Pools(const Pools&) = delete;
    Pools& operator=(const Pools&) = delete;

    /// At the daemon's start: makes every pool usable and removes what a crash left. A pool that fails is logged and
    /// stays unavailable.
    void mount_all();
    /// Tries that again with those that are unavailable; the names of those that no longer are.
    std::vector<std::string> mount_missing();
    /// When this ends, as the host goes down, pools are unmounted. What fails, as with one that is in use, is logged.
    void unmount_at_the_end() { unmounts_ = true; }
    /// Cheap.
    bool has_missing() const { return has_missing_; }
    bool is_available(const std::string& pool) const;
    /// Whether its volumes are parts of a thin pool of LVM's.
    bool is_thin(const std::string& pool) const;

    /// Calls `look` with the driver of a pool: one that has a row, or one that has none and is made usable meanwhile.
    void look_into(const schema::StoragePool& pool, const std::function<void(Driver& driver)>& look) const;
    /// Makes a row for a pool that is there already; removes nothing in it.
    void take_in(schema::StoragePool pool);
    /// What was noted of a container's volume.
    std::string described(const std::string& pool, const std::string& instance) const;
    /// The link of a container whose volume is there already.
    void take_in_container(const std::string& pool, const std::string& instance);

    std::vector<schema::StoragePool> list() const;
    /// Throws not_found "Storage pool not found". With `used_by`, and "Unavailable" as the status of a pool that could
    /// not be mounted.
    schema::StoragePool get(const std::string& name) const;
    /// The same without its users, who are many.
    schema::StoragePool settings(const std::string& name) const;
    /// Throws bad_request without a name or driver, conflict where the name is taken, failure (LXD's 500) on an unknown
    /// driver, option or source.
    void create(schema::StoragePool pool);
    void update(const std::string& name, schema::StoragePoolPut put);
    /// Throws bad_request "The storage pool is currently in use"; unpacked images do not count. A pool that is
    /// unavailable goes without what it lies on; where that is a file of the daemon's, it is a failure.
    void remove(const std::string& name);
    /// URLs of the instances, custom volumes, snapshots of both, and profiles that use a pool, sorted. Unpacked images
    /// can be made again: they do not count, though `get` names them.
    std::vector<std::string> used_by(const std::string& name) const;
    Space space(const std::string& name) const;
    /// For what is beside the volumes of images and containers. Throws not_found, or unavailable where the pool could
    /// not be mounted.
    DriverRef driver(const std::string& pool) const;
    /// {driver -> version} of the drivers in use, for the environment block.
    std::map<std::string, std::string> drivers_in_use() const;

    /// Unpacks an image on a pool unless it is there. Callers at the same time wait for the first.
    void ensure_image(const std::string& pool, const std::string& fingerprint, const base::CancelToken& cancel,
                      const Progress& progress);
    /// From every pool; waits for copies that are being made of it.
    void remove_image(const std::string& fingerprint);
    /// From one pool: it is unpacked again when it is needed.
    void remove_image_volume(const std::string& pool, const std::string& fingerprint);

    /// Makes a container's root and its link in LXD_DIR/containers, all or nothing. `fingerprint` is a full one.
    void create_from_image(const std::string& pool, const std::string& instance, const std::string& fingerprint,
                           const base::CancelToken& cancel, const Progress& progress);
    /// As create_from_image, with an empty rootfs.
    void create_empty(const std::string& pool, const std::string& instance);
    /// As create_from_image, of parts that come from elsewhere: snapshots, oldest first, then the container itself.
    /// `fingerprint` tells the image that it was once made of, if any; it need not be here.
    void create_filled(const std::string& pool, const std::string& instance, const std::string& fingerprint,
                       const std::vector<VolumePart>& parts, const base::CancelToken& cancel);
    /// As create_from_image; `make`, all or nothing, makes the container and its snapshots on the pool.
    void create_by(const std::string& pool, const std::string& instance,
                   const std::function<void(Driver& driver, const VolumeId& volume)>& make);
    /// As create_from_image, out of another container or a snapshot, which may be in another pool. It brings
    /// `snapshots` of the source along, which come oldest first. Waits for nothing but is waited for: what is copied is
    /// neither removed nor renamed meanwhile.
    void copy_container(const Source& source, const std::vector<std::string>& snapshots, const std::string& pool,
                        const std::string& instance, const base::CancelToken& cancel, const Progress& progress);
    /// Calls `read` with the folder of a container, or of one of its snapshots, which is neither removed nor renamed
    /// meanwhile.
    void read_container(const std::string& pool, const std::string& instance, const std::string& snapshot,
                        const base::CancelToken& cancel, const std::function<void(const std::string& folder)>& read);
    /// Calls `save` with a container that is, like these snapshots of it, neither removed nor renamed meanwhile.
    void save_container(const std::string& pool, const std::string& instance, const std::vector<std::string>& snapshots,
                        const base::CancelToken& cancel,
                        const std::function<void(Driver& driver, const VolumeId& volume)>& save);
    /// Makes what `snapshots` of the source hold snapshots of a container that is there, and what the source itself
    /// holds its snapshot `whole`: with restore_snapshot it is then the source's copy again. All or nothing.
    void refresh_container(const Source& source, const std::vector<std::string>& snapshots, const std::string& pool,
                           const std::string& instance, const std::string& whole, const base::CancelToken& cancel,
                           const Progress& progress);
    bool has_container(const std::string& pool, const std::string& instance) const;
    /// With its snapshots. Not an error when it is missing, so that a half-made instance can be removed.
    void remove_container(const std::string& pool, const std::string& instance);
    /// With its snapshots.
    void rename_container(const std::string& pool, const std::string& instance, const std::string& new_name);
    /// The container's link leads to this pool from now on, and so does that of its snapshots. Its volume in the other
    /// pool can be removed then (remove_volume_of).
    void relink_container(const std::string& pool, const std::string& instance);
    /// Makes the links of a container what they should be: a power cut may have lost them.
    void check_links(const std::string& pool, const std::string& instance, bool has_snapshots);
    /// At the start: what a power cut brought back.
    void remove_links_but(const std::set<std::string>& instances) const;
    /// As remove_container, without the links: of the pool that an instance has left or never reached.
    void remove_volume_of(const std::string& pool, const std::string& instance);

    /// Keeps what a container holds as its snapshot, whether it runs or not, with a link to all of them in
    /// LXD_DIR/snapshots. All or nothing; the container is neither removed, renamed nor restored meanwhile.
    void take_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot,
                       const base::CancelToken& cancel, const Progress& progress);
    /// The container, which does not run, holds what the snapshot holds; all or nothing. Waits for whoever copies it.
    void restore_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot,
                          const base::CancelToken& cancel, const Progress& progress);
    void rename_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot,
                         const std::string& new_name);
    /// Waits for whoever copies it. Not an error when it is missing.
    void remove_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot);
    bool has_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot) const;
    /// As storage::snapshots_after_restore.
    std::optional<std::set<std::string>> snapshots_after_restore(const std::string& pool, const std::string& instance,
                                                                 const std::string& restored) const;
    /// Bytes, where the backend can tell cheaply; nothing also where the pool is not there.
    std::optional<int64_t> snapshot_usage(const std::string& pool, const std::string& instance,
                                          const std::string& snapshot) const;

    /// Makes a container's folder usable where its files' owners do not matter, idempotent. Whoever goes by owners
    /// takes show_container (to write: instance::shown_root) or view.
    void mount_container(const std::string& pool, const std::string& instance);
    /// As mount_container, before a start or a look into a stopped container's root whose files lie on disk with
    /// `ids.from`: with `ids.to` where the pool can show that. Returns what they are shown with.
    schema::IdMap show_container(const std::string& pool, const std::string& instance, const IdShift& ids);
    /// Whether show_container shows what it is asked for.
    bool maps_ids(const std::string& pool) const;
    /// The undo of both, after a stop.
    void unmount_container(const std::string& pool, const std::string& instance);
    /// The folder of a volume or a snapshot, to be read as it lies on disk for as long as the result lives.
    std::shared_ptr<const std::string> view(const std::string& pool, const VolumeId& volume) const;
    /// Before a start: the folder goes to the container's root as the host sees it, so that it (and nobody else) can
    /// pass through; mode 0100 as LXD has it.
    void give_container_to(const std::string& pool, const std::string& instance, uid_t root_uid);

    /// Before a limit that somebody chose anew, as Quotas::check_limit.
    void check_container_limit(const std::string& pool, const std::string& instance, int64_t bytes);
    /// What a container may hold, in bytes, in use or not; 0 for all that there is. Where the driver cannot limit
    /// anything, it is logged and does not count, as in LXD.
    void limit_container(const std::string& pool, const std::string& instance, int64_t bytes);
    /// Bytes that a container takes; nothing where that cannot be told cheaply.
    std::optional<int64_t> container_usage(const std::string& pool, const std::string& instance) const;

    /// The folder with metadata.yaml, rootfs/ and templates/.
    std::string container_path(const std::string& pool, const std::string& instance) const;
    std::string rootfs_path(const std::string& pool, const std::string& instance) const {
        return container_path(pool, instance) + "/rootfs";
    }

private:
    static constexpr auto pending = "Pending"; // the status of a pool that is being made or removed

    /// What image_locks_ calls an image on a pool.
    static std::string image_key(const std::string& pool, const std::string& fingerprint) {
        return pool + "/" + fingerprint;
    }
    DriverContext context(const schema::StoragePool& pool) const;
    schema::Config own_options(const std::string& pool, const VolumeId& volume) const;
    schema::StoragePool row(const std::string& name) const;
    void mount_one(const schema::StoragePool& pool);
    void remove_half_made(const schema::StoragePool& pool);
    void sync_removal(const schema::StoragePool& pool) const;
    /// Of a pool that is unavailable: makes it usable, or says why it cannot be.
    std::optional<std::string> why_missing(const schema::StoragePool& pool);
    /// Removes what the daemon itself has of a pool that is unavailable.
    void forget(const std::string& pool, const std::string& why);
    /// The unpacked copies, each when nobody is copying it; they can be made again.
    void remove_images(Driver& driver, const std::string& pool);
    void settle_images(Driver& driver, const std::string& pool) const;
    KeyedLock::Hold hold_image(Driver& driver, const std::string& pool, const std::string& fingerprint,
                               const base::CancelToken& cancel, const Progress& progress);
    void unpack(Driver& driver, const std::string& pool, const std::string& fingerprint,
                const base::CancelToken& cancel, const Progress& progress);
    std::vector<KeyedLock::Hold> hold_source(const Source& source, const std::vector<std::string>& snapshots,
                                             const base::CancelToken& cancel);
    static void remove_volume(Driver& driver, const std::string& instance);
    /// Makes the link to an instance's snapshots be there as they are.
    void link_snapshots(const Driver& driver, const std::string& instance);
    static std::string snapshots_folder(const Driver& driver, const std::string& instance);
    void unlink_snapshots(const std::string& instance) const;
    void link_container(const std::string& instance, const std::string& target) const;
    /// Both links of an instance that had none, or neither.
    void link_new(const Driver& driver, const std::string& instance);
    void unlink_container(const std::string& instance) const;

    state::Paths paths_;
    Stores stores_;
    base::Log& log_;
    MakeDriver make_;
    std::mutex changing_; // one creation or removal of a pool at a time
    mutable std::mutex mutex_;
    std::map<std::string, DriverRef> drivers_; // by pool; the available ones
    std::atomic<bool> has_missing_ = false;
    std::atomic<bool> unmounts_ = false;
    KeyedLock image_locks_;     // by "POOL/FINGERPRINT"
    KeyedLock container_locks_; // by name: shared while it is copied; snapshots by "NAME/SNAPSHOT"
    std::mutex snapshot_links_;
};

} // namespace storage
