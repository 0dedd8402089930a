#include "daemon/instance/lifecycle.h"

#include <algorithm>
#include <filesystem>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/action_log.h"
#include "daemon/instance/apparmor.h"
#include "daemon/instance/backup_config.h"
#include "daemon/instance/copy.h"
#include "daemon/instance/free_name.h"
#include "daemon/instance/guest_changes.h"
#include "daemon/instance/guest_folder.h"
#include "daemon/instance/idmap.h"
#include "daemon/instance/image_templates.h"
#include "daemon/instance/kernel_modules.h"
#include "daemon/instance/own_files.h"
#include "daemon/instance/root_limit.h"
#include "daemon/instance/root_owners.h"
#include "daemon/instance/snapshot_schedule.h"
#include "daemon/instance/start_plan.h"
#include "daemon/instance/volatile_keys.h"
#include "daemon/storage/kept_backups.h"
#include "schema/architectures.h"
#include "schema/error.h"
#include "schema/keys/instance.h"
#include "schema/names.h"
#include "schema/unset.h"
#include "schema/values.h"

namespace instance {

using schema::Status;
using Milliseconds = std::chrono::milliseconds;

namespace {

/// How long a killed container may take to be gone, its monitor's clean-up included.
constexpr Milliseconds kill_timeout{30'000};

schema::Time now() {
    return std::chrono::system_clock::now();
}

std::string url(const std::string& name) {
    return "/1.0/instances/" + name;
}

/// Empty also where there is no root disk.
std::string root_pool(const schema::Devices& devices) {
    const auto root = devices::root_disk(devices);
    return root.empty() ? "" : schema::get(devices.at(root), "pool");
}

bool is_true(const schema::Config& config, const char* key) {
    return schema::is_true(schema::get(config, key));
}

/// Seconds as LXD's API counts them: negative waits for ever.
Milliseconds wait_time(int seconds) {
    return seconds < 0 ? Milliseconds(-1) : Milliseconds(seconds * 1000LL);
}

bool has_entries(const std::string& folder) {
    std::error_code missing;
    return std::filesystem::directory_iterator(folder, missing) != std::filesystem::directory_iterator();
}

void check_stopped(const Instance& instance) {
    if (instance.live().running) throw schema::bad_request("The instance is already running");
}

/// LXD's status for one that it does not know.
std::string known_architecture(const std::string& name) {
    try {
        return schema::canonical_architecture(name);
    } catch (const schema::Error& error) {
        throw schema::failure("{}", error.what());
    }
}

base::Log::Context stop_context(const Instance& instance, int timeout) {
    const auto& row = instance.record()->row;
    if (timeout == 0) return log_context(row, {{"action", "stop"}, {"stateful", "false"}});
    return log_context(row, {{"action", "shutdown"}, {"timeout", fmt::format("{}s", timeout)}});
}

void check_no_duplicates(std::vector<std::string> profiles) {
    std::sort(profiles.begin(), profiles.end());
    if (std::adjacent_find(profiles.begin(), profiles.end()) != profiles.end())
        throw schema::failure("Duplicate profile found in request");
}

} // namespace

namespace {

/// What is noted of a new instance, or was of one that was made before.
void begin_life(state::InstanceRow& row, const Creation& creation) {
    auto& config = row.put.config;
    if (creation.made_before) {
        row.created_at = creation.made_before->created_at;
        row.last_used_at = creation.made_before->last_used_at;
    } else {
        row.created_at = now();
        for (const auto* key : {"volatile.uuid", cloud_init_key}) config.erase(key);
        if (creation.source.empty()) config["volatile.last_state.idmap"] = "[]";
        config[template_key] = creation.source.empty() ? "create" : "copy";
    }
    for (const auto* key : {"volatile.uuid", cloud_init_key}) config.try_emplace(key, base::uuid4());
}

} // namespace

Lifecycle::Lifecycle(Rooms rooms)
    : rooms_(rooms), path_watch_(rooms.loop, [this] { follow_host({}); }),
      uevents_(rooms.loop, [this](const std::optional<base::Uevent>& event) { heard(event); }) {}

bool is_ready(const Record& record) {
    return is_true(record.row.put.config, ready_key);
}

/// The watches go with the loop, which has stopped by now.
Lifecycle::~Lifecycle() = default;

void Lifecycle::report(const std::string& action, const std::string& name, const Caller& caller, schema::Json context) {
    rooms_.events.lifecycle(action, url(name), std::move(context), caller.requestor);
}

// --- taking over what is there -----------------------------------------------------------------------------------

void Lifecycle::adopt_all() {
    thaw_sources_of_copies(rooms_);
    bool is_completed = false;
    for (const auto& instance : rooms_.instances.list()) is_completed |= take_over(*instance);
    repair_snapshots();
    remove_strange_files(rooms_.paths,
                         [this](const std::string& name) { return rooms_.instances.find(name) != nullptr; });
    remove_strange_apparmor(rooms_);
    watch_host();
    // A limit that a crash kept from its container counts before anybody looks; CPUs that came or went since may wait.
    if (is_completed)
        balance_cpus();
    else
        rooms_.workers.run([this] { balance_cpus(); });
}

void Lifecycle::pool_came_back(const std::string& pool) {
    for (const auto& instance : rooms_.instances.list()) {
        const std::scoped_lock lock(instance->change_lock());
        if (instance->record()->row.pool == pool && !instance->live().running) take_over(*instance);
    }
    repair_snapshots(pool);
    start_at_boot(pool);
}

bool Lifecycle::take_over(Instance& instance) {
    const auto record = instance.record();
    try {
        if (is_true(record->row.put.config, incomplete_key)) {
            rooms_.log.warning("Removing an instance that was never completed", {{"instance", record->row.name}});
            remove_locked(instance);
            return false;
        }
        if (const auto& new_name = schema::get(record->row.put.config, renaming_key); !new_name.empty())
            undo_rename(instance, new_name);
        return adopt(instance);
    } catch (const std::exception& error) {
        rooms_.log.error("Failed taking over an instance", {{"instance", record->row.name}, {"err", error.what()}});
        return false;
    }
}

void Lifecycle::undo_rename(Instance& instance, const std::string& new_name) {
    const auto record = instance.record();
    const auto& row = record->row;
    rooms_.pools.rename_container(row.pool, new_name, row.name);
    store_volatile(instance, {{renaming_key, ""}});
}

void Lifecycle::abandon_waits() {
    ending_ = true;
    for (const auto& instance : rooms_.instances.list()) instance->abandon_waits();
}

bool Lifecycle::adopt(Instance& instance) {
    const auto name = instance.record()->row.name;
    if (auto running = rooms_.runtime.find(name)) {
        const auto status = running->state == RunState::frozen ? Status::frozen : Status::running;
        instance.set_live({status, running});
        watch_monitor(rooms_.instances.get(name), *running);
        const auto record = instance.record();
        const auto cut_off = cut_off_changes(rooms_.paths, *record);
        if (!cut_off.empty()) store_volatile(instance, complete_cut_off(cut_off, *record, rooms_));
        forget_cut_off_changes(rooms_.paths, name);
        resume_devices(*instance.record(), rooms_);
        reload_apparmor(*record, rooms_);
        return !cut_off.empty();
    }
    for (const auto& start : cut_off_changes(rooms_.paths, *instance.record())) stopped_devices(start, rooms_);
    forget_cut_off_changes(rooms_.paths, name);
    repair_root_owners(*instance.record(), rooms_);
    const auto target = rooms_.runtime.stop_target(name);
    const bool ran = schema::get(instance.record()->row.put.config, power_key) == "RUNNING";
    // Also what a start that was cut off has made before it said so.
    if (ran || !target.empty() || has_entries(rooms_.paths.devices(name))) clean_after_stop(instance, {});
    if (target.empty()) return false;
    // The stop hook left word while nobody listened: this one ended by itself and is not to be started again.
    const bool is_restored = !schema::get(instance.record()->row.put.config, restoring_key).empty();
    if (is_restored) return false;
    if (instance.record()->row.put.ephemeral)
        remove_locked(instance);
    else if (target == "stop")
        store_volatile(instance, {{power_key, "STOPPED"}});
    return false;
}

// --- creation and deletion ---------------------------------------------------------------------------------------

Creation Lifecycle::check(const schema::InstancesPost& post, const std::optional<schema::Image>& image) const {
    if (post.type == "virtual-machine") throw schema::bad_request("Virtual machines are not supported");
    if (!post.type.empty() && post.type != "container") throw schema::bad_request("Invalid instance type");
    Creation creation;
    creation.name = post.name.empty()
                        ? free_name([this](const std::string& name) { return rooms_.instances.find(name) != nullptr; })
                        : post.name;
    creation.put = post;
    creation.image = image;
    creation.put.profiles = post.wanted_profiles.value_or(
        image && !image->profiles.empty() ? image->profiles : std::vector<std::string>{"default"});
    check_no_duplicates(creation.put.profiles);
    for (const auto& profile : creation.put.profiles)
        if (!rooms_.profiles.find(profile)) throw schema::failure("Requested profile {:?} doesn't exist", profile);
    schema::check_instance_name(creation.name);
    if (image) {
        creation.put.architecture = image->architecture;
        for (const auto& [key, value] : image->properties) creation.put.config["image." + key] = value;
        creation.put.config["volatile.base_image"] = image->fingerprint;
    } else if (creation.put.architecture.empty()) {
        creation.put.architecture = rooms_.facts.architectures.front();
    } else {
        creation.put.architecture = known_architecture(creation.put.architecture);
    }
    schema::drop_unset(creation.put.config);
    schema::drop_unset(creation.put.devices);
    return creation;
}

std::shared_ptr<void> Lifecycle::reserve(const std::string& name) {
    const std::scoped_lock lock(names_mutex_);
    if (rooms_.instances.find(name) || !reserved_names_.insert(name).second) return nullptr;
    return {this, [name](Lifecycle* self) {
                const std::scoped_lock inner(self->names_mutex_);
                self->reserved_names_.erase(name);
            }};
}

void Lifecycle::create(const Creation& creation, const Caller& caller, const storage::Progress& progress) {
    if (creation.refresh) return refresh(creation, caller, progress);
    base::Log::Context context{{"ephemeral", creation.put.ephemeral ? "true" : "false"},
                               {"instance", creation.name},
                               {"instanceType", "container"},
                               {"project", "default"}};
    logged(rooms_.log, words::create, std::move(context), [&] { create_now(creation, caller, progress); });
}

void Lifecycle::create_now(const Creation& creation, const Caller& caller, const storage::Progress& progress) {
    const auto& name = creation.name;
    const auto reserved = reserve(name);
    if (!reserved)
        throw schema::conflict("Failed creating instance record: Add instance info to the database: This "
                               "\"instances\" entry already exists");
    const auto claim = rooms_.id_claims.scope(name);
    base::Rollback rollback;

    state::InstanceRow row;
    row.name = name;
    row.put = creation.put;
    begin_life(row, creation);
    auto record = rooms_.instances.expand(row);
    check_new_record(record, rooms_);
    row.pool = root_pool(record);
    merge(row.put.config, derived_volatile(record, rooms_));

    row.put.config[incomplete_key] = "true";
    if (!creation.source.empty()) check_pool_of_copy(row.pool);
    const auto along = snapshots_along(creation);
    // An attempt on a full disk could not even be undone.
    if (const auto left = rooms_.rows.find(name); left && is_true(left->put.config, incomplete_key)) {
        rooms_.pools.remove_container(left->pool, name);
        rooms_.rows.remove(name);
    }
    check_no_volume(row.pool, name);
    rooms_.rows.insert(row);
    rollback.add([&] { rooms_.rows.remove(name); });
    fill_root(creation, row, along, caller, progress);
    rollback.add([&, pool = row.pool] { rooms_.pools.remove_container(pool, name); });
    const auto filled = rooms_.instances.expand(row);
    if (creation.image && creation.source.empty() && !creation.fill) check_new_root(filled, rooms_.pools);
    limit_root(filled, rooms_.pools);
    row.put.config.erase(incomplete_key);
    record = rooms_.instances.expand(row);
    rooms_.database.transaction([&] {
        rooms_.rows.set_config(name, {{incomplete_key, ""}, {frozen_source_key, ""}});
        for (const auto& snapshot : along) rooms_.snapshots.insert(copied_snapshot(snapshot, record));
    });
    const auto made = std::make_shared<Instance>(std::move(record));
    const std::scoped_lock changing(made->change_lock()); // nobody starts it before its file is written
    rooms_.instances.add(made);
    rollback.dismiss();
    rooms_.cgroup_moves.foresee(); // a start is next, mostly
    keep_backup_file(*made);

    schema::Json context;
    context.set("storage-pool", row.pool).set("type", "container");
    report("instance-created", name, caller, std::move(context));
    for (const auto& snapshot : along) report_snapshot("instance-snapshot-created", name, snapshot.name, caller);
    for (const auto& snapshot : creation.filled_snapshots)
        report_snapshot("instance-snapshot-created", name, snapshot, caller);
}

void Lifecycle::take_in(const Creation& creation, const std::string& pool,
                        const std::vector<state::SnapshotRow>& snapshots) {
    const auto& name = creation.name;
    const auto reserved = reserve(name);
    if (!reserved) throw schema::conflict("Instance {:?} already exists", name);
    const auto claim = rooms_.id_claims.scope(name);
    state::InstanceRow row;
    row.name = name;
    row.put = creation.put;
    begin_life(row, creation);
    const auto record = rooms_.instances.expand(row);
    check_new_record(record, rooms_);
    row.pool = root_pool(record);
    if (row.pool != pool)
        throw schema::failure("The root disk of instance {:?} is on another pool than {:?}", name, pool);
    merge(row.put.config, derived_volatile(record, rooms_));
    rooms_.pools.take_in_container(pool, name);
    state::Snapshots rows(rooms_.database);
    rooms_.database.transaction([&] {
        rooms_.rows.insert(row);
        for (const auto& snapshot : snapshots) rows.insert(snapshot);
    });
    const auto instance = std::make_shared<Instance>(rooms_.instances.expand(row));
    const std::scoped_lock changing(instance->change_lock());
    rooms_.instances.add(instance);
    keep_backup_file(*instance);
}

void Lifecycle::keep_backup_file(const Instance& instance) const {
    const auto record = instance.record();
    const auto& row = record->row;
    try {
        const state::Snapshots snapshots(rooms_.database);
        const BackupConfigRooms rooms{rooms_.instances, rooms_.profiles, snapshots, rooms_.pools};
        const auto text = schema::backup_yaml(backup_config(instance, true, false, rooms));
        rooms_.pools.mount_container(row.pool, row.name);
        write_backup_file(rooms_.pools.container_path(row.pool, row.name), text);
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed writing backup.yaml", {{"instance", row.name}, {"err", error.what()}});
    }
}

void Lifecycle::fill_root(const Creation& creation, const state::InstanceRow& row,
                          const std::vector<state::SnapshotRow>& along, const Caller& caller,
                          const storage::Progress& progress) {
    if (creation.fill) return creation.fill(row);
    if (!creation.source.empty()) return copy_root(creation, row, along, caller, progress);
    if (creation.image)
        rooms_.pools.create_from_image(row.pool, row.name, creation.image->fingerprint, caller.cancel, progress);
    else
        rooms_.pools.create_empty(row.pool, row.name);
}

void Lifecycle::remove(const std::string& name, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto action = instance->begin("delete");
    const auto lock = hold(*instance);
    if (instance->live().running) throw schema::bad_request("Instance is running");
    if (is_true(instance->record()->expanded_config, "security.protection.delete"))
        throw schema::failure("Container is protected");
    const auto snapshots = rooms_.snapshots.list(name);
    logged(rooms_.log, words::remove, log_context(instance->record()->row), [&] { remove_locked(*instance); });
    for (const auto& snapshot : snapshots)
        if (!snapshot.incomplete) report_snapshot("instance-snapshot-deleted", name, snapshot.name, caller);
    report("instance-deleted", name, caller);
}

/// The row goes last, marked: whatever a crash leaves is removed at the next start.
void Lifecycle::remove_locked(Instance& instance) {
    const auto record = instance.record();
    const auto& name = record->row.name;
    const auto& pool = record->row.pool;
    complete_move(instance);
    base::Rollback rollback;
    // One of which nothing could be deleted is not deleted by the next start.
    rollback.add([&] {
        const auto is_there = [&](const auto& snapshot) {
            return snapshot.incomplete || rooms_.pools.has_snapshot(pool, name, snapshot.name);
        };
        if (!rooms_.pools.is_available(pool) ||
            (rooms_.pools.has_container(pool, name) && std::ranges::all_of(rooms_.snapshots.list(name), is_there)))
            store_volatile(instance, {{incomplete_key, schema::get(record->row.put.config, incomplete_key)}});
    });
    store_volatile(instance, {{incomplete_key, "true"}});
    rooms_.file_sessions.end(name);
    rooms_.pools.remove_container(pool, name);
    rollback.dismiss();
    remove_apparmor(name, rooms_);
    remove_own_files(rooms_.paths, name);
    rooms_.rows.remove(name);
    rooms_.instances.remove(name);
    storage::remove_ownerless_backups(rooms_.database, state::instance_backups, rooms_.backups);
}

void Lifecycle::rename(const std::string& name, const std::string& new_name, const Caller& caller) {
    schema::check_instance_name(new_name);
    const auto instance = rooms_.instances.get(name);
    const auto action = instance->begin("rename");
    const auto lock = hold(*instance);
    if (instance->live().running) throw schema::failure("Renaming of running container not allowed");
    complete_move(*instance);
    const auto reserved = reserve(new_name);
    if (!reserved) throw schema::conflict("Name {:?} already in use", new_name);
    logged(rooms_.log, words::rename, log_context(instance->record()->row, {{"newname", new_name}}),
           [&] { rename_locked(*instance, new_name); });
    schema::Json context;
    context.set("old_name", name);
    report("instance-renamed", new_name, caller, std::move(context));
}

void Lifecycle::rename_locked(Instance& instance, const std::string& new_name) {
    auto row = instance.record()->row;
    const auto name = row.name;
    if (rooms_.pools.has_container(row.pool, new_name)) throw schema::conflict("Name {:?} already in use", new_name);
    rooms_.file_sessions.end(name);
    store_volatile(instance, {{renaming_key, new_name}});
    base::Rollback rollback;
    rollback.add([&] { store_volatile(instance, {{renaming_key, ""}}); });
    rooms_.pools.rename_container(row.pool, name, new_name);
    rollback.add([&] { rooms_.pools.rename_container(row.pool, new_name, name); });
    row.name = new_name;
    row.put.config.try_emplace(template_key, "rename"); // what is put off already goes first, as with LXD
    row.put.config[cloud_init_key] = base::uuid4();
    rooms_.database.transaction([&] {
        rooms_.rows.rename(name, new_name);
        rooms_.rows.update(row); // without the mark
    });
    rollback.dismiss();
    remove_apparmor(name, rooms_);
    remove_start_files(rooms_.paths, name);
    base::remove_tree(rooms_.paths.logs(new_name));
    if (::rename(rooms_.paths.logs(name).c_str(), rooms_.paths.logs(new_name).c_str()) < 0 && errno != ENOENT)
        rooms_.log.warning("The logs keep the old name", {{"instance", new_name}});
    instance.set_record(rooms_.instances.expand(std::move(row)));
    rooms_.instances.rename(name, new_name);
    keep_backup_file(instance);
}

// --- start and stop ----------------------------------------------------------------------------------------------

std::unique_lock<std::recursive_mutex> Lifecycle::hold(const Instance& instance) const {
    std::unique_lock lock(instance.change_lock());
    if (rooms_.instances.find(instance.record()->row.name).get() != &instance)
        throw schema::not_found("Instance not found");
    return lock;
}

void Lifecycle::await_change(const Instance& instance) {
    const std::scoped_lock lock(instance.change_lock());
}

void Lifecycle::start(const std::string& name, const Caller& caller) {
    start(rooms_.instances.get(name), caller);
}

void Lifecycle::start(const std::shared_ptr<Instance>& instance, const Caller& caller) {
    const auto action = instance->begin("start");
    check_stopped(*instance);
    logged(rooms_.log, words::start, log_context(instance->record()->row, {{"action", "start"}, {"stateful", "false"}}),
           [&] { start_stopped(instance, caller); });
    report("instance-started", instance->record()->row.name, caller);
}

void Lifecycle::start_stopped(const std::shared_ptr<Instance>& instance, const Caller& caller) {
    const auto lock = hold(*instance);
    check_stopped(*instance);
    run_container(instance, caller);
}

/// What was put off until this start, then what every start does.
void Lifecycle::fill_templates(const Record& record) const {
    const auto folder = rooms_.pools.container_path(record.row.pool, record.row.name);
    const auto ids = shown_root(record, rooms_.pools).id_map;
    const RootOwner owner{static_cast<uid_t>(root_uid(ids)), static_cast<gid_t>(root_gid(ids))};
    if (const auto& trigger = schema::get(record.row.put.config, template_key); !trigger.empty())
        apply_templates(record, folder, trigger, owner);
    apply_templates(record, folder, "start", owner);
}

void Lifecycle::prepare_folders(const std::string& name) const {
    base::make_dir(rooms_.paths.logs(name), 0700);
    base::make_dir(rooms_.paths.devices(name), 0711);
}

void Lifecycle::run_container(const std::shared_ptr<Instance>& started, const Caller& caller) {
    auto& instance = *started;
    const auto lock = hold(instance);
    const auto name = instance.record()->row.name;
    if (ending_) throw schema::failure("Failed starting instance {:?}: the daemon is shutting down", name);
    check_restored(instance);
    rooms_.cgroup_moves.foresee();
    if (wants_startup_snapshot(*instance.record())) take_snapshot(name, {{}, snapshot_expiry(name)}, caller, {});
    rooms_.pools.container_path(instance.record()->row.pool, name); // or it stays what it was: remembered as running
    prepare_folders(name);
    rooms_.file_sessions.end(name);

    base::Rollback rollback;
    rollback.add([&] { store_volatile(instance, {{power_key, "STOPPED"}}); });
    load_kernel_modules(schema::get(instance.record()->expanded_config, "linux.kernel_modules"));
    const auto claim = rooms_.id_claims.scope(name);
    store_volatile(instance, derived_volatile(*instance.record(), rooms_)); // the host's ids may have changed
    shown_root(*instance.record(), rooms_.pools);
    rollback.add([&] { rooms_.pools.unmount_container(instance.record()->row.pool, name); });
    if (lacks_backup_file(rooms_.pools.container_path(instance.record()->row.pool, name))) keep_backup_file(instance);
    settle_root_owners(*instance.record(), rooms_, caller,
                       [&](const schema::Config& changes) { store_volatile(instance, changes); });
    const auto prepared = prepared_start(*instance.record(), rooms_);
    auto announced = std::make_optional<AnnouncedChange>(rooms_.paths, prepared.record);
    auto plan = plan_start(prepared, rooms_);
    rollback.add(plan.undo);
    const std::shared_ptr<void> afterwards(nullptr, [&plan](void*) { plan.after(); });
    plan.volatile_changes[power_key] = "RUNNING";
    plan.volatile_changes[ready_key] = "";
    fill_templates(*instance.record());
    plan.volatile_changes[template_key] = "";
    auto row = instance.record()->row;
    merge(row.put.config, plan.volatile_changes);
    row.last_used_at = now();
    rooms_.rows.update(row);
    announced.reset();
    instance.set_record(rooms_.instances.expand(std::move(row)));

    rooms_.pools.give_container_to(instance.record()->row.pool, name, plan.root_uid);
    const auto running = rooms_.runtime.start(name, plan.items, caller.cancel);
    rollback.add([&, running] { end_failed_start(name, running); });
    plan.running();
    rollback.dismiss();
    instance.set_live({Status::running, running});
    watch_monitor(started, running);
    balance_cpus();
    watch_host();
}

void Lifecycle::end_failed_start(const std::string& name, const Running& running) {
    const base::Fd monitor(static_cast<int>(::syscall(SYS_pidfd_open, running.monitor_pid, 0)));
    rooms_.runtime.kill(name);
    pollfd end{monitor.get(), POLLIN, 0};
    if (monitor) ::poll(&end, 1, static_cast<int>(kill_timeout.count()));
    rooms_.runtime.clear_cgroups(name, running.cgroups);
    rooms_.runtime.stop_target(name);
}

void Lifecycle::watch_monitor(const std::shared_ptr<Instance>& instance, const Running& running) {
    Watch watch;
    const auto monitor = running.monitor_pid;
    watch.pidfd = base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, monitor, 0)));
    const auto react = [this, instance, monitor] {
        rooms_.workers.run([this, instance, monitor] { on_monitor_exit(instance, monitor); });
    };
    if (!watch.pidfd) return react(); // it has gone already
    const std::scoped_lock lock(watches_mutex_);
    const auto number = next_watch_++;
    watch.id = rooms_.loop.watch(watch.pidfd.get(), [this, number, react] {
        {
            const std::scoped_lock inner(watches_mutex_);
            const auto ended = watches_.find(number);
            rooms_.loop.remove(ended->second.id);
            watches_.erase(ended);
        }
        react();
    });
    watches_.emplace(number, std::move(watch));
}

/// The monitor is the last process of a container's: whatever liblxc cleans up is clean by now. The lock is held until
/// the instance is stopped, gone or running again, so that nothing can be done to it in between.
void Lifecycle::on_monitor_exit(const std::shared_ptr<Instance>& instance, pid_t monitor) {
    const std::scoped_lock lock(instance->change_lock());
    const auto live = instance->live();
    if (!live.running || live.running->monitor_pid != monitor) return;
    const auto name = instance->record()->row.name;
    rooms_.reporter.forget(live.running->init_pid);
    const bool reboots = rooms_.runtime.stop_target(name) == "reboot";
    // In this order: a stop that begins later sees a container that reboots, and waits for it.
    if (reboots) instance->set_live({Status::starting, {}});
    const auto asked = instance->busy_with();
    if (asked.empty())
        rooms_.log.info(
            words::shut_down.done,
            log_context(instance->record()->row, {{"action", reboots ? "reboot" : "stop"}, {"stateful", "false"}}));
    const bool start_again = reboots && asked != "stop" && asked != "restart" && asked != "restore";
    try {
        clean_after_stop(*instance, live.running->cgroups);
        if (asked != "restart" && asked != "restore") { // which start it themselves
            if (instance->record()->row.put.ephemeral && !start_again) {
                logged(rooms_.log, words::remove, log_context(instance->record()->row),
                       [&] { remove_locked(*instance); });
                report("instance-deleted", name, {});
            } else {
                store_volatile(*instance, {{power_key, start_again ? "RUNNING" : "STOPPED"}, {ready_key, ""}});
            }
        }
    } catch (const std::exception& error) {
        rooms_.log.error("Failed cleaning up after an instance", {{"instance", name}, {"err", error.what()}});
    }
    if (start_again) report("instance-shutdown", name, {});
    if (start_again && reboot(instance)) return;
    instance->set_live({});
    balance_cpus();
    watch_host();
    if (asked.empty() && !start_again) report("instance-shutdown", name, {});
}

bool Lifecycle::reboot(const std::shared_ptr<Instance>& instance) {
    const auto name = instance->record()->row.name;
    try {
        logged(rooms_.log, words::restart, log_context(instance->record()->row, {{"action", "reboot"}}),
               [&] { run_container(instance, {}); });
        report("instance-restarted", name, {});
        return true;
    } catch (const std::exception&) { // the log says why
        return false;
    }
}

void Lifecycle::clean_after_stop(Instance& instance, const std::vector<std::string>& cgroups) {
    const auto record = instance.record();
    rooms_.runtime.clear_cgroups(record->row.name, cgroups);
    unload_apparmor(record->row.name, rooms_);
    store_volatile(instance, stopped_devices(*record, rooms_));
    rooms_.pools.unmount_container(record->row.pool, record->row.name);
}

void Lifecycle::stop(const std::string& name, int timeout, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    if (is_stopped(instance->live())) throw schema::bad_request("The instance is already stopped");
    // A kill may join a clean stop that waits, so that `stop --force` always helps.
    std::optional<Instance::Action> action;
    if (timeout != 0 || instance->busy_with() != "stop") action.emplace(instance->begin("stop"));
    if (timeout != 0 && status(*instance) == Status::frozen) unfreeze(name, caller);
    logged(rooms_.log, timeout == 0 ? words::stop : words::shut_down, stop_context(*instance, timeout),
           [&] { stop_and_wait(*instance, timeout); });
    if (action) report(timeout == 0 ? "instance-stopped" : "instance-shutdown", name, caller);
}

void Lifecycle::stop_and_wait(Instance& instance, int timeout) {
    const auto name = instance.record()->row.name;
    if (!instance.live().running) await_change(instance); // a reboot, which ends first
    if (!instance.live().running) return;
    rooms_.cgroup_moves.foresee(); // of the monitor, out of its own
    if (timeout == 0) {
        rooms_.runtime.kill(name);
        if (!instance.wait_for(kill_timeout, is_stopped))
            throw schema::failure(
                "Failed stopping instance, status is {:?}: it did not end within {} s of being killed",
                schema::status_name(status(instance)), kill_timeout.count() / 1000);
        return;
    }
    if (status(instance) == Status::frozen) unfreeze(name, {}); // to heed the signal
    rooms_.runtime.request_shutdown(name);
    if (!instance.wait_for(wait_time(timeout), is_stopped))
        throw schema::failure("Failed shutting down instance, status is {:?}: context deadline exceeded",
                              schema::status_name(status(instance)));
}

void Lifecycle::restart(const std::string& name, int timeout, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    std::optional<Instance::Action> action(instance->begin("restart"));
    if (is_stopped(instance->live())) throw schema::bad_request("The instance is already stopped");
    if (timeout != 0 && status(*instance) == Status::frozen) unfreeze(name, caller);
    const auto context =
        log_context(instance->record()->row, {{"action", "shutdown"}, {"timeout", fmt::format("{}s", timeout)}});
    logged(rooms_.log, words::restart, context, [&] { stop_and_start(instance, timeout, action, caller); });
    report("instance-restarted", name, caller);
}

void Lifecycle::stop_and_start(const std::shared_ptr<Instance>& instance, int timeout,
                               std::optional<Instance::Action>& action, const Caller& caller) {
    try {
        stop_and_wait(*instance, timeout);
    } catch (const std::exception&) {
        // Under the lock it either runs, and whatever becomes of it is nobody's order, or it did stop for this.
        const std::scoped_lock lock(instance->change_lock());
        if (instance->live().running) action.reset();
        if (!action) throw;
    }
    start_stopped(instance, caller);
}

void Lifecycle::freeze(const std::string& name, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    auto live = instance->live();
    if (!live.running) throw schema::failure("The container isn't running");
    if (status(*instance) == Status::frozen) throw schema::failure("The container is already frozen");
    logged(rooms_.log, words::freeze, log_context(instance->record()->row), [&] { rooms_.runtime.freeze(name); });
    live.status = Status::frozen;
    instance->set_live(live);
    report("instance-paused", name, caller);
}

void Lifecycle::unfreeze(const std::string& name, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    auto live = instance->live();
    if (!live.running) throw schema::failure("The container isn't running");
    if (status(*instance) != Status::frozen) throw schema::failure("The container is already running");
    logged(rooms_.log, words::unfreeze, log_context(instance->record()->row), [&] { rooms_.runtime.unfreeze(name); });
    live.status = Status::running;
    instance->set_live(live);
    report("instance-resumed", name, caller);
}

Status Lifecycle::status(const Instance& instance) const {
    const auto live = instance.live();
    if (!live.running) return live.status;
    if (rooms_.reporter.frozen(live.running->init_pid)) return Status::frozen;
    return is_ready(*instance.record()) ? Status::ready : Status::running;
}

void Lifecycle::set_ready(Instance& instance, pid_t init, bool ready) {
    const auto lock = hold(instance);
    const auto live = instance.live();
    if (!live.running || live.running->init_pid != init) throw schema::failure("The container isn't running");
    const auto record = instance.record();
    if (is_ready(*record) == ready) return;
    store_volatile(instance, {{ready_key, ready ? "true" : ""}});
    if (ready) report("instance-ready", record->row.name, {});
}

// --- change ------------------------------------------------------------------------------------------------------

void Lifecycle::store_volatile(Instance& instance, const schema::Config& changes) {
    auto row = instance.record()->row;
    schema::Config effective;
    for (const auto& [key, value] : changes)
        if (schema::get(row.put.config, key) != value) effective[key] = value;
    if (effective.empty()) return;
    rooms_.rows.set_config(row.name, effective);
    merge(row.put.config, effective);
    instance.set_record(rooms_.instances.expand(std::move(row)));
    if (effective.contains("volatile.last_state.idmap")) keep_backup_file(instance);
}

void Lifecycle::update(const std::string& name, const schema::InstancePut& wanted, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    const auto claim = rooms_.id_claims.scope(name);
    auto row = instance->record()->row;
    row.put = wanted;
    check_no_duplicates(row.put.profiles);
    const auto before = instance->record();
    check_record(rooms_.instances.expand(row), rooms_); // unset options too: they must be the device's
    schema::drop_unset(row.put.config);
    schema::drop_unset(row.put.devices);
    auto record = rooms_.instances.expand(row);
    check_apparmor(before.get(), record, rooms_);
    check_volatile_kept(before->row.put.config, wanted.config);
    if (root_pool(record) != row.pool)
        throw schema::bad_request("Cannot update root disk device pool name to {:?}", root_pool(record));
    merge(row.put.config, derived_volatile(record, rooms_));
    if (needs_new_instance_id(*before, record)) row.put.config[cloud_init_key] = base::uuid4();
    record = rooms_.instances.expand(row);
    const bool runs = instance->live().running.has_value();
    if (!runs) check_added_disks(*before, record, rooms_);
    const auto prepared = runs ? prepared_change(*before, record, rooms_) : Prepared{record, {}};
    const auto announced = announce(*instance, prepared.record);
    check_root_limit(*before, record, rooms_.pools);
    change_root_limit(*before, record, rooms_.pools);
    base::Rollback rollback;
    rollback.add([&] { change_root_limit(record, *before, rooms_.pools); });
    if (runs) merge(row.put.config, apply_live(*before, prepared, rooms_));
    try {
        rooms_.rows.update(row);
    } catch (...) {
        // With the names that its devices had.
        if (runs) apply_live(rooms_.instances.expand(row), {*before, before->expanded_config}, rooms_);
        throw;
    }
    rollback.dismiss();
    instance->set_record(rooms_.instances.expand(std::move(row)));
    tell_guest(*instance, *before);
    if (instance->live().running) {
        balance_cpus();
        watch_host();
    }
    keep_backup_file(*instance);
    report("instance-updated", name, caller);
}

/// For as long as a container is changed that runs.
std::optional<AnnouncedChange> Lifecycle::announce(const Instance& instance, const Record& record) const {
    if (!instance.live().running) return std::nullopt;
    return AnnouncedChange(rooms_.paths, record);
}

void Lifecycle::tell_guest(const Instance& instance, const Record& before) const {
    const auto record = instance.record();
    if (instance.live().running && has_guest_api(record->expanded_config))
        rooms_.guest_events.send(instance, guest_events(before, *record));
}

void Lifecycle::check_profile(const schema::ProfilePut& profile) const {
    check_profile_content(profile, rooms_);
}

/// A profile's root disk may go, or move to another pool, only where no instance takes its root from it.
void Lifecycle::check_roots_kept(const std::string& profile, const schema::ProfilePut& wanted) const {
    const auto present = rooms_.profiles.find(profile);
    if (!present) throw schema::not_found("Profile not found");
    const auto root = devices::root_disk(present->devices);
    if (root.empty() || root_pool(present->devices) == root_pool(wanted.devices)) return;
    for (const auto& instance : rooms_.instances.list()) {
        const auto record = instance->record();
        if (!root_pool(record->row.put.devices).empty()) continue;
        const auto& used = record->row.put.profiles;
        const auto from = std::find_if(used.rbegin(), used.rend(), [&](const auto& name) {
            const auto one = rooms_.profiles.find(name);
            return one && one->devices.contains(root);
        });
        if (from != used.rend() && *from == profile)
            throw schema::failure("At least one instance relies on this profile's root disk device");
    }
}

std::vector<std::shared_ptr<Instance>> Lifecycle::users_of_profile(const std::string& name) const {
    auto users = rooms_.instances.list();
    std::erase_if(users, [&](const auto& instance) {
        const auto record = instance->record();
        return std::ranges::find(record->row.put.profiles, name) == record->row.put.profiles.end();
    });
    return users;
}

void Lifecycle::update_user_of_profile(Instance& instance) {
    const std::scoped_lock lock(instance.change_lock());
    const auto before = instance.record();
    const auto claim = rooms_.id_claims.scope(before->row.name);
    auto row = before->row;
    auto derived = derived_volatile(rooms_.instances.expand(row), rooms_);
    merge(row.put.config, derived);
    const auto record = rooms_.instances.expand(row);
    if (needs_new_instance_id(*before, record)) derived[cloud_init_key] = base::uuid4();
    check_apparmor(before.get(), record, rooms_);
    const bool runs = instance.live().running.has_value();
    const auto prepared = runs ? prepared_change(*before, record, rooms_) : Prepared{record, {}};
    // The profile counts already: what its devices are about to make must be found after a crash.
    store_volatile(instance, prepared.changes);
    try {
        check_root_limit(*before, record, rooms_.pools);
        change_root_limit(*before, record, rooms_.pools);
        auto changes = derived;
        if (runs)
            for (auto& [key, value] : apply_live(*before, prepared, rooms_)) changes[key] = value;
        instance.set_record(rooms_.instances.expand(instance.record()->row));
        store_volatile(instance, changes);
        tell_guest(instance, *before);
    } catch (...) {
        schema::Config old;
        for (const auto& [key, value] : prepared.changes) old[key] = schema::get(before->expanded_config, key);
        rooms_.rows.set_config(row.name, old);
        instance.set_record(*before);
        throw;
    }
    keep_backup_file(instance);
    if (!runs) check_added_disks(*before, record, rooms_); // Also where that fails the profile counts.
}

void Lifecycle::update_profile(const std::string& name, const schema::ProfilePut& wanted) {
    try {
        check_profile(wanted);
    } catch (const schema::Error& error) {
        throw schema::failure("{}", error.what()); // LXD's status for a change
    }
    auto cleaned = wanted;
    schema::drop_unset(cleaned.config);
    schema::drop_unset(cleaned.devices);
    check_roots_kept(name, cleaned);
    // Their records become the new ones at once: what is written down is what they were.
    std::map<std::shared_ptr<Instance>, std::optional<AnnouncedChange>> announced;
    for (const auto& instance : users_of_profile(name))
        announced.emplace(instance, announce(*instance, *instance->record()));
    rooms_.profiles.update(name, cleaned);
    std::string failures;
    for (const auto& instance : users_of_profile(name)) {
        try {
            update_user_of_profile(*instance);
        } catch (const std::exception& error) {
            failures +=
                fmt::format("\n - Project: default, Instance: {}: {}", instance->record()->row.name, error.what());
        }
    }
    balance_cpus();
    watch_host();
    if (!failures.empty())
        throw schema::failure("The following instances failed to update (profile change still saved):{}", failures);
}

void Lifecycle::rename_profile(const std::string& name, const std::string& new_name) {
    rooms_.profiles.rename(name, new_name);
    for (const auto& instance : rooms_.instances.list()) {
        const std::scoped_lock lock(instance->change_lock());
        auto row = instance->record()->row;
        auto& used = row.put.profiles;
        if (std::find(used.begin(), used.end(), name) == used.end()) continue;
        std::replace(used.begin(), used.end(), name, new_name);
        instance->set_record(rooms_.instances.expand(std::move(row)));
        keep_backup_file(*instance);
    }
}

void Lifecycle::cpus_changed() {
    {
        // Of a CPU that was gone, cgroup v1 forgets who had it.
        const std::scoped_lock lock(balance_mutex_);
        cpu_sets_.clear();
    }
    balance_cpus();
}

void Lifecycle::balance_cpus() {
    const std::scoped_lock lock(balance_mutex_);
    std::vector<std::shared_ptr<const Record>> running;
    std::map<std::string, pid_t> inits;
    for (const auto& instance : rooms_.instances.list())
        if (const auto live = instance->live(); live.running) {
            running.push_back(instance->record());
            inits[running.back()->row.name] = live.running->init_pid;
        }
    std::erase_if(cpu_sets_, [&](const auto& row) {
        const auto found = inits.find(row.first.first);
        return found == inits.end() || found->second != row.first.second;
    });
    for (const auto& [name, cpus] : balanced_cpus(running, rooms_)) {
        auto& written = cpu_sets_[{name, inits[name]}];
        if (written == cpus) continue;
        try {
            rooms_.runtime.set_cgroup(name, "cpuset.cpus", cpus);
            written = cpus;
        } catch (const std::exception& error) {
            rooms_.log.debug("Failed balancing the CPUs of an instance", {{"instance", name}, {"err", error.what()}});
        }
    }
}

} // namespace instance
