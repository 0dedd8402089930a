#pragma once
// What happens to instances: creation, start, stop, change, deletion, and taking over what ran before the daemon
// started. Called by the API's operations and by the event loop; takes the instance's lock itself.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/cgroup_moves.h"
#include "daemon/base/event_loop.h"
#include "daemon/base/host_facts.h"
#include "daemon/base/log.h"
#include "daemon/base/path_watch.h"
#include "daemon/base/uevent.h"
#include "daemon/base/worker_pool.h"
#include "daemon/devices/device.h"
#include "daemon/instance/announced_change.h"
#include "daemon/instance/file_sessions.h"
#include "daemon/instance/guest_events.h"
#include "daemon/instance/id_claims.h"
#include "daemon/instance/instance.h"
#include "daemon/instance/registry.h"
#include "daemon/instance/report.h"
#include "daemon/instance/runtime.h"
#include "daemon/operations/events.h"
#include "daemon/state/database.h"
#include "daemon/state/instances.h"
#include "daemon/state/paths.h"
#include "daemon/state/profiles.h"
#include "daemon/state/snapshots.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/pool.h"
#include "schema/api/image.h"
#include "schema/api/instance.h"
#include "schema/api/profile.h"

namespace instance {

/// The rooms that lifecycle works with; all outlive it.
struct Rooms {
    const state::Paths& paths;
    const base::HostFacts& facts;
    base::Log& log;
    base::WorkerPool& workers;
    base::CgroupMoves& cgroup_moves;
    base::EventLoop& loop;
    operations::EventsHub& events;
    state::Database& database;
    state::Instances& rows;
    state::Snapshots& snapshots;
    state::Profiles& profiles;
    storage::Pools& pools;
    Registry& instances;
    Runtime& runtime;
    Reporter& reporter;
    devices::DeviceHost& device_host;
    FileSessions& file_sessions;
    IdClaims& id_claims;
    GuestEvents& guest_events;
    storage::DaemonFolder& backups;
};

/// What an action works for: who asked, and whether it should end early.
struct Caller {
    std::optional<schema::Requestor> requestor;
    base::CancelToken cancel;
    std::function<void(const std::string& text)> progress{}; // shows what takes long; may be empty
};

/// A checked order for a new instance.
struct Creation {
    std::string name;
    schema::InstancePut put;            // profiles resolved, architecture set
    std::optional<schema::Image> image; // nothing: an empty root, or
    std::string source;                 // the instance that is copied, or a snapshot ("c1/snap0"), or
    /// What makes the root and the rows of its snapshots, of an instance that comes from elsewhere; what a failure
    /// leaves of the root goes with the instance.
    std::function<void(const state::InstanceRow& row)> fill{};
    std::vector<std::string> filled_snapshots{}; // that it makes
    struct MadeBefore {
        schema::Time created_at, last_used_at;
    };
    std::optional<MadeBefore> made_before{}; // keeps the notes of its life too
    bool with_snapshots = false;             // of the instance that is copied
    bool refresh = false;                    // what is there is brought to its source's state
};

/// A checked order for a snapshot.
struct SnapshotOrder {
    std::string name;        // empty: the next one when it is made
    schema::Time expires_at; // Time{}: never
    bool stateful = false;
};

/// Whether the container said that it is.
bool is_ready(const Record& record);

class Lifecycle {
public:
    explicit Lifecycle(Rooms rooms);
    ~Lifecycle();
    Lifecycle(const Lifecycle&) = delete;
    Lifecycle& operator=(const Lifecycle&) = delete;

    /// Takes over running containers and repairs what a crash left half-made. Called once, before requests are served.
    void adopt_all();
    /// Lets nobody wait for a container any more, before the daemon goes.
    void abandon_waits();
    /// Starts what should run and does not (boot.autostart, or it ran before), on one pool or all that are available.
    /// Blocks; called after the API is up.
    void start_at_boot(const std::string& pool = {});
    /// Does for the instances on a pool that was unavailable what was not possible when the daemon started.
    void pool_came_back(const std::string& pool);
    /// Whether a move left something that could not be removed then, on a full disk for one.
    bool has_moves_to_complete() const noexcept { return moves_to_complete_; }
    void complete_moves();
    /// Stops everything that runs, cleanly where it obeys in time, and remembers it for start_at_boot. Blocks.
    void stop_for_shutdown();

    /// Throws what LXD answers at once (400, 500) for a bad order; changes nothing.
    Creation check(const schema::InstancesPost& post, const std::optional<schema::Image>& image) const;
    /// As check, for a copy on this host: what `post` leaves out is the source's.
    Creation check_copy(schema::InstancesPost post) const;
    void create(const Creation& creation, const Caller& caller, const storage::Progress& progress);
    /// Makes rows for an instance whose volume and snapshots are there already (recovery), which nothing undoes: they
    /// stay as they are whatever fails.
    void take_in(const Creation& creation, const std::string& pool, const std::vector<state::SnapshotRow>& snapshots);

    void start(const std::string& name, const Caller& caller);
    /// `timeout` in seconds, negative: for ever, 0: kill.
    void stop(const std::string& name, int timeout, const Caller& caller);
    void restart(const std::string& name, int timeout, const Caller& caller);
    void freeze(const std::string& name, const Caller& caller);
    void unfreeze(const std::string& name, const Caller& caller);
    void rename(const std::string& name, const std::string& new_name, const Caller& caller);
    /// Throws bad_request `Instance is running`.
    void remove(const std::string& name, const Caller& caller);

    /// By the instance's snapshots.pattern.
    std::string next_snapshot_name(const std::string& instance) const;
    /// When a snapshot that is made now expires, by the instance's snapshots.expiry.
    schema::Time snapshot_expiry(const std::string& instance) const;
    /// The instance may run; it is frozen meanwhile.
    void take_snapshot(const std::string& instance, const SnapshotOrder& order, const Caller& caller,
                       const storage::Progress& progress);
    /// Files, configuration, devices and profiles become what they were. A running instance is stopped and started
    /// again.
    void restore_snapshot(const std::string& instance, const std::string& snapshot, bool stateful,
                          const Caller& caller);
    void rename_snapshot(const std::string& instance, const std::string& snapshot, const std::string& new_name,
                         const Caller& caller);
    void set_snapshot_expiry(const std::string& instance, const std::string& snapshot, schema::Time expires_at,
                             const Caller& caller);
    void remove_snapshot(const std::string& instance, const std::string& snapshot, const Caller& caller);
    /// With its snapshots, unless told otherwise. Throws bad_request while it runs.
    void move_to_pool(const std::string& name, const std::string& pool, bool instance_only, const Caller& caller,
                      const storage::Progress& progress);

    /// Replaces configuration, devices and profiles; what can change on the running container does so at once. All or
    /// nothing.
    void update(const std::string& name, const schema::InstancePut& wanted, const Caller& caller);

    /// What the container with this init says of itself: that it is ready, or has only been started.
    void set_ready(Instance& instance, pid_t init, bool ready);

    /// Throws bad_request for a profile that no instance could use.
    void check_profile(const schema::ProfilePut& profile) const;
    /// Stores it and applies it to all instances that use it; throws with the names of those where that failed.
    void update_profile(const std::string& name, const schema::ProfilePut& wanted);
    void rename_profile(const std::string& name, const std::string& new_name);

    /// Its lxc.container.conf, with comments on where items come from: as it was started, or as it would be.
    std::string lxc_conf(const std::string& name);

    /// As clients see it: running containers are asked whether they are frozen, and may have said that they are ready.
    schema::Status status(const Instance& instance) const;

private:
    struct Watch {
        base::Fd pidfd;
        base::EventLoop::Id id = 0;
    };

    /// Whether a change was completed that a crash had cut off.
    bool take_over(Instance& instance);
    bool adopt(Instance& instance);
    void autostart(const std::shared_ptr<Instance>& instance, int attempt);
    void stop_for_host(Instance& instance);
    void create_now(const Creation& creation, const Caller& caller, const storage::Progress& progress);
    void fill_root(const Creation& creation, const state::InstanceRow& row,
                   const std::vector<state::SnapshotRow>& along, const Caller& caller,
                   const storage::Progress& progress);
    void check_pool_of_copy(const std::string& pool) const;
    void copy_root(const Creation& creation, const state::InstanceRow& row,
                   const std::vector<state::SnapshotRow>& along, const Caller& caller,
                   const storage::Progress& progress);
    storage::Pools::Source copy_source(const std::string& name) const;
    /// What is configured of an instance or, by "c1/snap0", was of a snapshot.
    schema::InstancePut source_put(const std::string& name) const;
    /// The snapshots that a copy takes along, oldest first.
    std::vector<state::SnapshotRow> snapshots_along(const Creation& creation) const;
    state::SnapshotRow copied_snapshot(const state::SnapshotRow& snapshot, const Record& copy) const;
    void refresh(const Creation& creation, const Caller& caller, const storage::Progress& progress);
    /// Throws while the files of an instance, whose volume is copied, are given other owners than it had at `before`.
    void check_owners_kept(const Instance& source, const schema::Config& before) const;
    /// Freezes a running instance while it is copied, unless its user has done so: then nothing. `note` writes it down
    /// before, so that a crash does not leave it frozen.
    std::shared_ptr<void> freeze_for_copy(const std::shared_ptr<Instance>& source, const std::function<void()>& note);
    /// What the last daemon left unfinished of snapshots.
    void repair_snapshots(const std::string& pool = {});
    void repair_snapshot(const state::SnapshotRow& snapshot);
    /// Removes what a move left in the other pool; nothing where none did.
    void complete_move(Instance& instance);
    void complete_move_or_later(Instance& instance);
    /// Throws where a pool has a volume for that name, whose row is missing: it may be all that is left of somebody's
    /// data.
    void check_no_volume(const std::string& pool, const std::string& name) const;
    /// Throws LXD's not_found, also of a snapshot that is not whole.
    state::SnapshotRow whole_snapshot(const std::string& instance, const std::string& snapshot) const;
    /// One that may go or have another name. Throws, too, where a restore of it was cut off: nothing else may have the
    /// instance's files.
    state::SnapshotRow spare_snapshot(const state::InstanceRow& owner, const std::string& snapshot) const;
    state::SnapshotRow new_snapshot_row(const Record& record, const SnapshotOrder& order) const;
    int64_t insert_snapshot(const state::SnapshotRow& row);
    void remove_snapshot_now(const state::InstanceRow& owner, const state::SnapshotRow& snapshot, const Caller& caller);
    /// Under the lock, while it is stopped. A crash in the middle is made good at the next start.
    void bring_back(Instance& instance, const state::SnapshotRow& snapshot, const Caller& caller);
    void forget_restore(Instance& instance);
    /// Throws where a restore that was cut off and could not be done again left no volume.
    void check_restored(const Instance& instance) const;
    void report_snapshot(const std::string& action, const std::string& instance, const std::string& snapshot,
                         const Caller& caller, schema::Json context = {});
    void thaw_after_copy(Instance& source);
    void rename_locked(Instance& instance, const std::string& new_name);
    void undo_rename(Instance& instance, const std::string& new_name);
    /// Keeps a name for a new instance or a new name; nothing where it is taken.
    std::shared_ptr<void> reserve(const std::string& name);
    /// The change lock. Throws not_found when the instance was removed, be it while this waited.
    std::unique_lock<std::recursive_mutex> hold(const Instance& instance) const;
    /// Blocks while somebody holds the instance.
    static void await_change(const Instance& instance);
    void start(const std::shared_ptr<Instance>& instance, const Caller& caller);
    void start_stopped(const std::shared_ptr<Instance>& instance, const Caller& caller);
    void run_container(const std::shared_ptr<Instance>& started, const Caller& caller);
    void fill_templates(const Record& record) const;
    void prepare_folders(const std::string& name) const;
    void watch_monitor(const std::shared_ptr<Instance>& instance, const Running& running);
    void on_monitor_exit(const std::shared_ptr<Instance>& instance, pid_t monitor);
    /// Starts it again under the lock that is held; false where that failed.
    bool reboot(const std::shared_ptr<Instance>& instance);
    void clean_after_stop(Instance& instance, const std::vector<std::string>& cgroups);
    void stop_and_wait(Instance& instance, int timeout);
    void stop_and_start(const std::shared_ptr<Instance>& instance, int timeout, std::optional<Instance::Action>& action,
                        const Caller& caller);
    void remove_locked(Instance& instance);
    /// Writes what is configured to backup.yaml in its volume, from which it can be recovered. A failure is logged.
    void keep_backup_file(const Instance& instance) const;
    std::vector<std::shared_ptr<Instance>> users_of_profile(const std::string& name) const;
    void check_roots_kept(const std::string& profile, const schema::ProfilePut& wanted) const;
    void store_volatile(Instance& instance, const schema::Config& changes);
    std::optional<AnnouncedChange> announce(const Instance& instance, const Record& record) const;
    void update_user_of_profile(Instance& instance);
    void tell_guest(const Instance& instance, const Record& before) const;
    /// Kills a container whose start failed when it ran already; returns when nothing of it is left.
    void end_failed_start(const std::string& name, const Running& running);
    void balance_cpus();
    /// Watches what the devices of the running containers go by; after every start, stop and change of devices.
    void watch_host();
    void listen_to_uevents(bool on);
    void heard(const std::optional<base::Uevent>& event);
    /// Shares the CPUs out anew: the host has lost some or got some back.
    void cpus_changed();
    /// Brings the devices of all running containers to what the host has now, on other threads; containers where that
    /// changes anything are told of the event.
    void follow_host(const std::optional<base::Uevent>& event);
    void follow_host(const Instance& instance, const base::Uevent* event);
    void report(const std::string& action, const std::string& name, const Caller& caller, schema::Json context = {});

    Rooms rooms_;
    std::mutex watches_mutex_;
    std::map<int, Watch> watches_; // of monitors, numbered: neither a name nor a pid stays the same one's
    int next_watch_ = 0;
    mutable std::mutex names_mutex_;
    std::set<std::string> reserved_names_;
    const schema::Time begun_ = std::chrono::system_clock::now();
    std::atomic<bool> ending_ = false; // nothing is started any more
    std::atomic<bool> moves_to_complete_ = false;
    std::mutex copies_mutex_;
    std::map<const Instance*, int> copies_; // that go on, of instances that are frozen for them
    std::mutex watched_mutex_;
    devices::Followed watched_;
    base::PathWatch path_watch_;
    base::UeventListener uevents_;
    bool uevents_wanted_ = false;
    std::mutex balance_mutex_;
    std::map<std::pair<std::string, pid_t>, std::string> cpu_sets_; // written, by name and init
};

} // namespace instance
