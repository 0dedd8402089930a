#include "daemon/instance/copy.h"

#include <algorithm>
#include <set>

#include "daemon/base/rollback.h"
#include "daemon/instance/brought_back.h"
#include "daemon/instance/volatile_keys.h"
#include "daemon/storage/shift.h"
#include "schema/error.h"

namespace instance {

using schema::Status;

namespace {

constexpr const char* disk_map_key = "volatile.last_state.idmap";

} // namespace

bool is_copied(const std::string& key) {
    // The one helps later copies to other hosts, the other says how the copied files are shifted.
    if (key == "volatile.base_image" || key == "volatile.last_state.idmap") return true;
    return !key.starts_with("volatile.");
}

void thaw_sources_of_copies(const Rooms& rooms) {
    std::set<std::string> sources;
    for (const auto& instance : rooms.instances.list())
        sources.insert(schema::get(instance->record()->row.put.config, frozen_source_key));
    for (const auto& snapshot : rooms.snapshots.list())
        if (snapshot.incomplete) sources.insert(schema::get(snapshot.put.config, frozen_source_key));
    sources.erase("");
    for (const auto& source : sources) {
        try {
            const auto running = rooms.runtime.find(source);
            if (running && (running->state == RunState::frozen || running->state == RunState::freezing))
                rooms.runtime.unfreeze(source);
        } catch (const std::exception& error) {
            rooms.log.error("Failed thawing an instance that was frozen to be copied",
                            {{"instance", source}, {"err", error.what()}});
        }
    }
}

storage::Pools::Source Lifecycle::copy_source(const std::string& name) const {
    const auto slash = name.find('/');
    const auto instance = name.substr(0, slash);
    const auto snapshot = slash == std::string::npos ? std::string() : name.substr(slash + 1);
    return {rooms_.instances.get(instance)->record()->row.pool, instance, snapshot};
}

schema::InstancePut Lifecycle::source_put(const std::string& name) const {
    const auto slash = name.find('/');
    const auto source = rooms_.instances.find(name.substr(0, slash));
    if (slash != std::string::npos) return whole_snapshot(name.substr(0, slash), name.substr(slash + 1)).put;
    if (!source)
        throw schema::not_found("Failed to fetch instance {:?} in project \"default\": Instance not found", name);
    return source->record()->row.put;
}

Creation Lifecycle::check_copy(schema::InstancesPost post) const {
    const auto& name = post.source.source;
    if (name.empty()) throw schema::bad_request("Must specify a source instance");
    const auto original = source_put(name);
    if (!post.wanted_profiles) post.wanted_profiles = original.profiles;
    for (const auto& [key, value] : original.config)
        if (is_copied(key)) post.config.try_emplace(key, value);
    for (const auto& [device, options] : original.devices) post.devices.try_emplace(device, options);
    if (!post.source.base_image.empty()) post.config["volatile.base_image"] = post.source.base_image;
    post.type = "container";
    post.architecture = original.architecture;
    auto creation = check(post, {});
    creation.source = name;
    const bool is_snapshot = name.find('/') != std::string::npos;
    const auto owner = name.substr(0, name.find('/'));
    if (post.stateful && creation.name != owner)
        throw schema::bad_request(
            "Copying stateful instances requires that source {:?} and target {:?} name be identical", owner,
            creation.name);
    creation.with_snapshots = !is_snapshot && !post.source.instance_only;
    creation.refresh = post.source.refresh && rooms_.instances.find(creation.name);
    if (creation.refresh && creation.name == owner)
        throw schema::bad_request("Instance {:?} cannot be refreshed from itself", owner);
    return creation;
}

std::vector<state::SnapshotRow> Lifecycle::snapshots_along(const Creation& creation) const {
    if (creation.source.empty() || !creation.with_snapshots) return {};
    auto snapshots = rooms_.snapshots.list(creation.source);
    std::erase_if(snapshots, [](const auto& snapshot) { return snapshot.incomplete; });
    return snapshots;
}

/// Without what is the source's own, like its addresses: LXD's copies get that back when they are restored.
state::SnapshotRow Lifecycle::copied_snapshot(const state::SnapshotRow& snapshot, const Record& copy) const {
    auto row = snapshot;
    row.instance = copy.row.name;
    row.new_name.clear();
    std::erase_if(row.put.config, [](const auto& entry) { return !is_copied(entry.first); });
    auto owner = copy.row;
    owner.put = row.put;
    row.put.devices = with_root_in(copy.row.pool, owner, rooms_.instances);
    return row;
}

/// In LXD's words, which differ for an instance made otherwise.
void Lifecycle::check_pool_of_copy(const std::string& pool) const {
    try {
        rooms_.pools.settings(pool);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed creating instance record: Failed initialising instance: "
                                                      "Failed loading storage pool: {}",
                                                      error.what()));
    }
}

void Lifecycle::check_owners_kept(const Instance& source, const schema::Config& before) const {
    const auto now = source.record();
    const auto folder = rooms_.pools.container_path(now->row.pool, now->row.name);
    if (storage::has_shift_journal(folder) ||
        schema::get(now->row.put.config, disk_map_key) != schema::get(before, disk_map_key))
        throw schema::failure("The files of instance {:?} get other owners: it can be copied after that",
                              now->row.name);
}

void Lifecycle::copy_root(const Creation& creation, const state::InstanceRow& row,
                          const std::vector<state::SnapshotRow>& along, const Caller& caller,
                          const storage::Progress& progress) {
    const auto source = copy_source(creation.source);
    const auto original = rooms_.instances.get(source.instance);
    const bool whole = source.snapshot.empty();
    std::shared_ptr<void> frozen;
    if (whole)
        frozen = freeze_for_copy(original,
                                 [&] { rooms_.rows.set_config(row.name, {{frozen_source_key, source.instance}}); });
    if (whole) check_owners_kept(*original, row.put.config);
    std::vector<std::string> snapshots;
    snapshots.reserve(along.size());
    for (const auto& snapshot : along) snapshots.push_back(snapshot.name);
    rooms_.pools.copy_container(source, snapshots, row.pool, row.name, caller.cancel, progress);
    base::Rollback rollback;
    rollback.add([&] { rooms_.pools.remove_container(row.pool, row.name); });
    if (whole) check_owners_kept(*original, row.put.config); // a start may have begun meanwhile
    rollback.dismiss();
}

std::shared_ptr<void> Lifecycle::freeze_for_copy(const std::shared_ptr<Instance>& source,
                                                 const std::function<void()>& note) {
    const std::scoped_lock lock(copies_mutex_);
    const auto held = hold(*source);
    const auto name = source->record()->row.name;
    auto live = source->live();
    if (!live.running) return nullptr;
    const bool first = !copies_.contains(source.get());
    if (first && status(*source) == Status::frozen) return nullptr;
    if (note) note();
    if (first) {
        rooms_.runtime.freeze(name);
        live.status = Status::frozen;
        source->set_live(live);
    }
    ++copies_[source.get()];
    return {nullptr, [this, source](void*) { thaw_after_copy(*source); }};
}

void Lifecycle::thaw_after_copy(Instance& source) {
    const std::scoped_lock lock(copies_mutex_);
    const auto copies = copies_.find(&source);
    if (--copies->second > 0) return;
    copies_.erase(copies);
    const std::scoped_lock held(source.change_lock());
    auto live = source.live();
    const auto name = source.record()->row.name;
    // It may have been stopped, or thawed, by its user.
    if (!live.running || rooms_.instances.find(name).get() != &source || status(source) != Status::frozen) return;
    try {
        rooms_.runtime.unfreeze(name);
        live.status = Status::running;
        source.set_live(live);
    } catch (const std::exception& error) {
        rooms_.log.error("Failed thawing an instance after it was copied", {{"instance", name}, {"err", error.what()}});
    }
}

} // namespace instance
