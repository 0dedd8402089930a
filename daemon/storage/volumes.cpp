#include "daemon/storage/volumes.h"

#include <algorithm>
#include <chrono>

#include <fmt/ranges.h>

#include "daemon/base/rollback.h"
#include "schema/error.h"
#include "schema/keys/volume.h"
#include "schema/units.h"
#include "schema/unset.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr auto running_users = "Volume is still in use by running instances";
constexpr int64_t default_block_size = 10LL << 30;

schema::Time now() {
    return std::chrono::system_clock::now();
}

/// LXD answers bad options of volumes with 500; clients see the same text.
void check_config(const schema::VolumeKind& kind, const std::string& name, const schema::Config& config) {
    try {
        schema::check_volume_config(kind, kind.type == "custom" ? custom_volume(name).name : name, config);
    } catch (const schema::Error& error) {
        throw schema::failure("{}", error.what());
    }
}

/// Options in which two differ.
std::set<std::string> changed_options(const schema::Config& before, const schema::Config& after) {
    std::set<std::string> changed;
    for (const auto& [key, value] : before)
        if (schema::get(after, key) != value) changed.insert(key);
    for (const auto& [key, value] : after)
        if (schema::get(before, key) != value) changed.insert(key);
    return changed;
}

void check_kept(const std::set<std::string>& changed) {
    for (const auto* option : {"lvm.stripes", "lvm.stripes.size"})
        if (changed.contains(option)) throw schema::failure("{} cannot be changed", option);
}

constexpr std::string_view project = "default_";

} // namespace

VolumeId custom_volume(const std::string& name, const std::string& snapshot) {
    return {VolumeType::custom, std::string(project) + name, snapshot};
}

std::string custom_name(const VolumeId& volume) {
    return volume.name.substr(project.size());
}

schema::VolumeKind Volumes::kind(const std::string& pool, std::string_view type, std::string_view content_type) const {
    const auto driver = this->driver(pool);
    return {driver->name(), type, content_type, pools_.is_thin(pool)};
}

// --- after a crash ------------------------------------------------------------------------------------------------

void Volumes::repair_all(const std::string& pool) {
    for (const auto& row : stores_.volumes.list(pool)) {
        if (row.type != "custom") continue;
        try {
            const auto hold = locks_.exclusive(lock_key({row.pool, row.name}), {});
            // What is under way on a pool that has just come back is over now.
            if (const auto now = stores_.volumes.find(row.pool, row.type, row.name); now && now->id == row.id)
                repair(*now);
        } catch (const std::exception& error) {
            log_.error("Failed repairing a storage volume",
                       {{"pool", row.pool}, {"volume", row.name}, {"err", error.what()}});
        }
    }
}

void Volumes::repair(const state::VolumeRow& row) {
    if (row.incomplete) {
        log_.warning("Removing a storage volume that was never completed", {{"pool", row.pool}, {"volume", row.name}});
        return remove_all(row);
    }
    auto repaired = row;
    if (!row.new_name.empty()) {
        // Forward: a driver may have moved a part of it.
        if (const auto driver = this->driver(row.pool); driver->exists(custom_volume(row.name)))
            driver->rename(custom_volume(row.name), custom_volume(row.new_name).name);
        stores_.volumes.rename(row.id);
        repaired.name = row.new_name;
    }
    repair_restore(repaired);
    for (const auto& snapshot : stores_.volumes.snapshots(row.id)) {
        if (snapshot.incomplete) remove_snapshot_of(repaired, snapshot);
        if (snapshot.incomplete || snapshot.new_name.empty()) continue;
        const auto old_id = custom_volume(repaired.name, snapshot.name);
        if (const auto driver = this->driver(row.pool); driver->exists(old_id))
            driver->rename(old_id, snapshot.new_name);
        stores_.volumes.rename_snapshot(snapshot.id);
    }
    repair_owners(repaired);
    repair_update(repaired);
}

void Volumes::repair_restore(const state::VolumeRow& row) {
    const auto& name = schema::get(row.config, restoring_key);
    if (name.empty()) return;
    const auto snapshot = stores_.volumes.find_snapshot(row.id, name);
    const auto driver = this->driver(row.pool);
    if (snapshot && driver->exists(custom_volume(row.name, name))) return bring_back(row, *snapshot, {}, {});
    if (snapshot && !driver->exists(custom_volume(row.name))) return; // perhaps the snapshot's files come back
    set_volatile({row.pool, row.name}, {{restoring_key, ""}});
}

void Volumes::repair_update(const state::VolumeRow& row) {
    const auto& options = schema::get(row.config, updating_key);
    if (options.empty()) return;
    std::set<std::string> changed;
    for (const auto option : schema::split(options, ',')) changed.emplace(option);
    try {
        apply(row, changed);
    } catch (const schema::Error& error) { // It would have been refused.
        log_.warning("Failed finishing the change of a storage volume's options",
                     {{"pool", row.pool}, {"volume", row.name}, {"err", error.what()}});
    }
    set_volatile({row.pool, row.name}, {{updating_key, ""}});
}

void Volumes::apply(const state::VolumeRow& row, const std::set<std::string>& options) {
    if (options.contains("size")) limit(row, schema::get(row.config, "size"));
    driver(row.pool)->update(custom_volume(row.name), options);
}

void Volumes::remove_all(const state::VolumeRow& row) {
    const auto driver = this->driver(row.pool);
    const auto volume = custom_volume(row.name);
    for (const auto& snapshot : driver->snapshots(volume)) driver->remove({volume.type, volume.name, snapshot});
    driver->remove(volume);
    stores_.volumes.remove(row.id);
}

void Volumes::remove_snapshot_of(const state::VolumeRow& row, const state::VolumeSnapshotRow& snapshot) {
    driver(row.pool)->remove(custom_volume(row.name, snapshot.name));
    stores_.volumes.remove_snapshot(snapshot.id);
}

// --- creation, change and removal ---------------------------------------------------------------------------------

std::vector<state::VolumeRow> Volumes::rows() const {
    auto rows = stores_.volumes.list();
    std::erase_if(rows, [](const auto& row) { return row.incomplete || row.type != "custom"; });
    return rows;
}

state::VolumeRow Volumes::row(const VolumePlace& volume) const {
    auto row = stores_.volumes.find(volume.pool, "custom", volume.name);
    if (row && !row->incomplete) return *std::move(row);
    pools_.settings(volume.pool); // of which LXD says that it is missing first
    throw schema::not_found(
        "Storage volume {:?} in project \"default\" of type \"custom\" does not exist on pool {:?}: "
        "Storage volume not found",
        volume.name, volume.pool);
}

void Volumes::make_incomplete(state::VolumeRow& row) {
    const auto driver = this->driver(row.pool);
    const auto volume = custom_volume(row.name);
    // What is incomplete, under a lock that is held, was left by an attempt that could not even be undone.
    if (const auto present = stores_.volumes.find(row.pool, "custom", row.name); present && present->incomplete)
        remove_all(*present);
    else if (present)
        throw schema::conflict("Volume by that name already exists");
    if (driver->exists(volume)) throw schema::failure("Volume path {:?} already exists", driver->path(volume));
    row.incomplete = true;
    row.created_at = now();
    row.id = stores_.volumes.insert(row);
}

void Volumes::make(state::VolumeRow row, const std::function<void(Driver&)>& fill) {
    make_incomplete(row);
    base::Rollback rollback;
    rollback.add([&] { remove_all(row); });
    fill(*driver(row.pool));
    stores_.volumes.set_incomplete(row.id, false);
    rollback.dismiss();
}

void Volumes::limit(const state::VolumeRow& row, const std::string& size) {
    const auto driver = this->driver(row.pool);
    const auto bytes = schema::parse_bytes(size);
    if (row.content_type == "block") {
        if (bytes > 0) driver->blocks()->resize_block(custom_volume(row.name), bytes);
    } else if (auto* const quotas = driver->quotas()) {
        quotas->limit(custom_volume(row.name), bytes);
    } else if (bytes > 0) {
        log_.warning("The storage pool's filesystem does not count what a volume holds: its size is no limit",
                     {{"pool", row.pool}, {"volume", row.name}});
    }
}

void Volumes::check_limit(const state::VolumeRow& row) const {
    const auto driver = this->driver(row.pool);
    const auto bytes = schema::parse_bytes(schema::get(row.config, "size"));
    if (auto* const quotas = driver->quotas(); quotas != nullptr && bytes > 0 && row.content_type == "filesystem")
        quotas->check_limit(custom_volume(row.name), bytes);
}

void Volumes::create(const std::string& pool, const schema::StorageVolumesPost& post) {
    const auto hold = locks_.exclusive(lock_key({pool, post.name}), {});
    state::VolumeRow row;
    row.pool = pool;
    row.name = post.name;
    row.description = post.description;
    row.content_type = post.content_type;
    const auto kind = this->kind(pool, "custom", row.content_type);
    check_config(kind, row.name, post.config.value_or(schema::Config{}));
    row.config =
        schema::with_volume_defaults(kind, post.config.value_or(schema::Config{}), pools_.settings(pool).config);
    check_config(kind, row.name, row.config);
    const auto& size = schema::get(row.config, "size");
    make(row, [&](Driver& driver) {
        if (row.content_type == "block") {
            if (driver.blocks() == nullptr)
                throw schema::failure("Storage pool does not support custom volumes of type block");
            driver.blocks()->create_block(custom_volume(row.name),
                                          size.empty() ? default_block_size : schema::parse_bytes(size), {});
        } else {
            driver.create(custom_volume(row.name), [](const std::string&) {});
            if (!size.empty()) limit(row, size);
        }
    });
}

void Volumes::check_unused(const VolumePlace& volume, const char* text) const {
    if (in_use(volume) || daemon_uses(volume)) throw schema::failure("{}", text);
}

void Volumes::rename(const VolumePlace& volume, const std::string& new_name) {
    const auto first = locks_.exclusive(std::min(lock_key(volume), lock_key({volume.pool, new_name})), {});
    const auto second = locks_.exclusive(std::max(lock_key(volume), lock_key({volume.pool, new_name})), {});
    const auto row = this->row(volume);
    check_can_rename(volume);
    check_unused(volume, running_users);
    if (stores_.volumes.find(volume.pool, "custom", new_name))
        throw schema::conflict("Volume by that name already exists");
    const auto driver = this->driver(volume.pool);
    if (driver->exists(custom_volume(new_name)))
        throw schema::failure("Volume path {:?} already exists", driver->path(custom_volume(new_name)));
    base::Rollback rollback;
    stores_.volumes.set_new_name(row.id, new_name);
    rollback.add([&] { stores_.volumes.set_new_name(row.id, ""); });
    driver->rename(custom_volume(volume.name), custom_volume(new_name).name);
    rollback.add([&] { driver->rename(custom_volume(new_name), custom_volume(volume.name).name); });
    stores_.volumes.rename(row.id);
    rollback.dismiss();
}

void Volumes::update(const VolumeKey& key, schema::StorageVolumePut put) {
    const auto hold = locks_.exclusive(lock_key({key.pool, key.name}), {});
    if (key.type != "custom") return update_note(key, std::move(put));
    const auto row = this->row({key.pool, key.name});
    check_config(kind(key.pool, "custom", row.content_type), row.name, put.config);
    schema::drop_unset(put.config);
    // What the files lie on disk with is not for a client to forget, nor how.
    for (const auto& [option, value] : row.config)
        if (option.starts_with("volatile.") || option == "block.filesystem") put.config.try_emplace(option, value);
    put.config.erase(updating_key);
    const auto changed = changed_options(row.config, put.config);
    if (changed.contains("block.filesystem"))
        throw schema::failure("Custom volume 'block.filesystem' property cannot be changed");
    check_kept(changed);
    const bool unmapped = schema::is_true(schema::get(put.config, "security.unmapped"));
    if (unmapped && schema::is_true(schema::get(put.config, "security.shifted")))
        throw schema::failure("security.unmapped and security.shifted are mutually exclusive");
    if ((changed.contains("security.shifted") || changed.contains("security.unmapped")) && in_use({key.pool, key.name}))
        throw schema::failure("Cannot modify shifting with running instances using the volume");
    base::Rollback rollback;
    auto changing = row;
    static_cast<schema::StorageVolumePut&>(changing) = put;
    if (changed.contains("size")) check_limit(changing);
    // Before what is on the disk, which goes by what is stored; the next start finishes what a crash cuts off.
    if (!changed.empty()) changing.config[updating_key] = fmt::format("{}", fmt::join(changed, ","));
    stores_.volumes.update(row.id, changing);
    rollback.add([&] { stores_.volumes.update(row.id, row); });
    if (changed.contains("size")) rollback.add([&] { limit(row, schema::get(row.config, "size")); });
    apply(changing, changed);
    if (!changed.empty()) stores_.volumes.update(row.id, put);
    rollback.dismiss();
}

void Volumes::update_note(const VolumeKey& key, schema::StorageVolumePut put) {
    const auto present = get(key);
    check_config(kind(key.pool, key.type, "filesystem"), key.name, put.config);
    schema::drop_unset(put.config);
    const auto changed = changed_options(present.config, put.config);
    if (key.type == "image" && !changed.empty()) throw schema::failure("Volume config is not editable");
    for (const auto* option : {"size", "block.filesystem"})
        if (!schema::get(put.config, option).empty() && changed.contains(option))
            throw schema::failure("Instance volume {:?} property cannot be changed", option);
    check_kept(changed);
    const auto before = stores_.volumes.find(key.pool, key.type, key.name);
    state::VolumeRow row;
    if (before) row = *before;
    static_cast<schema::StorageVolumePut&>(row) = put;
    row.pool = key.pool;
    row.type = key.type;
    row.name = key.name;
    base::Rollback rollback;
    if (before) {
        stores_.volumes.update(row.id, put);
        rollback.add([&] { stores_.volumes.update(row.id, *before); });
    } else {
        row.created_at = now();
        row.id = stores_.volumes.insert(row);
        rollback.add([&] { stores_.volumes.remove(row.id); });
    }
    if (!changed.empty()) driver(key.pool)->update({VolumeType::container, key.name}, changed);
    rollback.dismiss();
}

void Volumes::set_volatile(const VolumePlace& volume, const schema::Config& changes) {
    auto row = this->row(volume);
    for (const auto& [key, value] : changes) row.config[key] = value;
    schema::drop_unset(row.config);
    stores_.volumes.update(row.id, row);
}

void Volumes::remove(const VolumePlace& volume) {
    const auto hold = locks_.exclusive(lock_key(volume), {});
    const auto row = this->row(volume);
    if (in_use(volume) || daemon_uses(volume)) throw schema::bad_request("The storage volume is still in use");
    stores_.volumes.set_incomplete(row.id, true);
    remove_all(row);
}

} // namespace storage
