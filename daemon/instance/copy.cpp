#include "daemon/instance/copy.h"

#include <algorithm>

#include "daemon/base/rollback.h"
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
    for (const auto& instance : rooms.instances.list()) {
        const auto source = schema::get(instance->record()->row.put.config, frozen_source_key);
        if (source.empty()) continue;
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

Creation Lifecycle::check_copy(schema::InstancesPost post) const {
    const auto& name = post.source.source;
    if (name.empty()) throw schema::bad_request("Must specify a source instance");
    const auto source = rooms_.instances.find(name);
    if (!source) {
        const auto slash = name.find('/');
        if (slash == std::string::npos)
            throw schema::not_found("Failed to fetch instance {:?} in project \"default\": Instance not found", name);
        throw schema::not_found("Failed to fetch snapshot {:?} of instance {:?} in project \"default\": "
                                "InstanceSnapshot not found",
                                name.substr(slash + 1), name.substr(0, slash));
    }
    const auto record = source->record();
    const auto& original = record->row.put;
    if (!post.wanted_profiles) post.wanted_profiles = original.profiles;
    for (const auto& [key, value] : original.config)
        if (is_copied(key)) post.config.try_emplace(key, value);
    for (const auto& [device, options] : original.devices) post.devices.try_emplace(device, options);
    if (!post.source.base_image.empty()) post.config["volatile.base_image"] = post.source.base_image;
    post.type = "container";
    post.architecture = original.architecture;
    auto creation = check(post, {});
    creation.source = name;
    if (post.stateful && creation.name != name)
        throw schema::bad_request(
            "Copying stateful instances requires that source {:?} and target {:?} name be identical", name,
            creation.name);
    if (post.source.refresh && rooms_.instances.find(creation.name))
        throw schema::Error(schema::ErrorKind::not_implemented, "A copy that is there cannot be refreshed yet");
    return creation;
}

/// In LXD's words, which differ for an instance made otherwise.
void Lifecycle::check_pool_of_copy(const std::string& pool) const {
    try {
        rooms_.pools.get(pool);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed creating instance record: Failed initialising instance: "
                                                      "Failed loading storage pool: {}",
                                                      error.what()));
    }
}

void Lifecycle::copy_root(const std::string& source, const state::InstanceRow& row, const Caller& caller,
                          const storage::Progress& progress) {
    const auto original = rooms_.instances.get(source);
    const auto frozen = freeze_for_copy(original, row.name);
    const auto record = original->record();
    const auto check_owners = [&] {
        const auto now = original->record();
        const auto folder = rooms_.pools.container_path(now->row.pool, now->row.name);
        if (storage::has_shift_journal(folder) ||
            schema::get(now->row.put.config, disk_map_key) != schema::get(row.put.config, disk_map_key))
            throw schema::failure("The files of instance {:?} get other owners: it can be copied after that", source);
    };
    check_owners();
    rooms_.pools.copy_container(record->row.pool, record->row.name, row.pool, row.name, caller.cancel, progress);
    base::Rollback rollback;
    rollback.add([&] { rooms_.pools.remove_container(row.pool, row.name); });
    check_owners(); // a start may have begun meanwhile
    rollback.dismiss();
}

std::shared_ptr<void> Lifecycle::freeze_for_copy(const std::shared_ptr<Instance>& source, const std::string& target) {
    const std::scoped_lock lock(copies_mutex_);
    const auto held = hold(*source);
    const auto name = source->record()->row.name;
    auto live = source->live();
    if (!live.running) return nullptr;
    const bool first = !copies_.contains(source.get());
    if (first && status(*source) == Status::frozen) return nullptr;
    rooms_.rows.set_config(target, {{frozen_source_key, name}});
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
