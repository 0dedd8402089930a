#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <limits>
#include <memory>

#include "daemon/base/fd.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/block_content.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/tree_copy.h"
#include "daemon/storage/volumes.h"
#include "schema/error.h"
#include "schema/keys/volume.h"
#include "schema/values.h"

namespace storage {

namespace {

/// What a refresh calls what it brings until that is the volume's content: no user can name a snapshot so.
constexpr auto refreshed = ".refreshed";

using layout::open_folder;

/// What comes from a pool of another driver may have options that this one does not know.
schema::Config config_on(const schema::VolumeKind& kind, const std::string& name, schema::Config config) {
    config = schema::without_unknown_options(kind, std::move(config));
    try {
        schema::check_volume_config(kind, custom_volume(name).name, config);
    } catch (const schema::Error& error) {
        throw schema::failure("{}", error.what());
    }
    return config;
}

schema::Error no_snapshot(const VolumePlace& volume, const std::string& name) {
    return schema::not_found(
        "Storage volume {:?} in project \"default\" of type \"custom\" does not exist on pool {:?}: "
        "Storage volume not found",
        volume.name + "/" + name, volume.pool);
}

struct SourceName {
    std::string volume;
    std::string snapshot; // empty: the volume itself
};

SourceName source_of(const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return {name, ""};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

} // namespace

void copy_volume(Driver& from, const VolumeId& source, Driver& to, const VolumeId& target,
                 const std::optional<VolumeId>& alike, const base::CancelToken& cancel, const Progress& progress) {
    if (&from == &to) return to.clone(source, target, cancel, progress);
    const auto view = from.view(source);
    to.create(target, [&](const std::string& making) {
        TreeCopyOptions options;
        options.cancel = cancel;
        options.progress = progress;
        if (alike && to.shares_content()) options.alike = to.path(*alike);
        copy_tree(open_folder(*view).get(), open_folder(making).get(), options);
    });
}

namespace {

/// A part of a volume with that row.
void copy_part(const state::VolumeRow& row, Driver& from, const VolumeId& source, Driver& to, const VolumeId& target,
               const std::optional<VolumeId>& alike, const base::CancelToken& cancel, const Progress& progress) {
    if (&from == &to || row.content_type != "block")
        return copy_volume(from, source, to, target, alike, cancel, progress);
    if (from.blocks() == nullptr || to.blocks() == nullptr)
        throw schema::failure("Storage pool does not support custom volumes of type block");
    const auto device = from.blocks()->device(source);
    to.blocks()->create_block(target, size_of_blocks(open_blocks(*device).get()),
                              [&](const std::string& made) { copy_blocks(*device, made, cancel, progress); });
}

} // namespace

state::VolumeRow Volumes::copied_row(const std::string& pool, const schema::StorageVolumesPost& post,
                                     const state::VolumeRow& source) const {
    auto row = source;
    row.pool = pool;
    row.name = post.name;
    row.new_name.clear();
    if (!post.description.empty()) row.description = post.description;
    if (post.config) row.config = *post.config;
    // The files are as the source's, whatever the order says.
    const auto& on_disk = schema::get(source.config, "volatile.idmap.last");
    row.config.erase("volatile.idmap.next");
    drop_marks(row.config);
    if (on_disk.empty())
        row.config.erase("volatile.idmap.last");
    else
        row.config["volatile.idmap.last"] = on_disk;
    const auto kind = this->kind(pool, "custom", row.content_type);
    row.config = config_on(kind, row.name, std::move(row.config));
    row.config = schema::with_volume_defaults(kind, std::move(row.config), pools_.settings(pool).config);
    return row;
}

void Volumes::add_snapshot(const state::VolumeRow& volume, state::VolumeSnapshotRow snapshot,
                           const std::function<void(Driver& driver, const VolumeId& place)>& fill) {
    snapshot.config =
        config_on(kind(volume.pool, "custom", volume.content_type), volume.name, std::move(snapshot.config));
    snapshot.incomplete = true;
    const auto id = stores_.volumes.insert_snapshot(volume.id, snapshot);
    base::Rollback rollback;
    rollback.add([&] { stores_.volumes.remove_snapshot(id); });
    fill(*driver(volume.pool), custom_volume(volume.name, snapshot.name));
    stores_.volumes.set_snapshot_incomplete(id, false);
    rollback.dismiss();
}

void Volumes::copy_snapshot(const state::VolumeRow& source, const state::VolumeSnapshotRow& snapshot,
                            const state::VolumeRow& target, std::optional<VolumeId>& alike,
                            const base::CancelToken& cancel) {
    add_snapshot(target, snapshot, [&](Driver& to, const VolumeId& place) {
        copy_part(source, *driver(source.pool), custom_volume(source.name, snapshot.name), to, place, alike, cancel,
                  {});
    });
    alike = custom_volume(target.name, snapshot.name);
}

void Volumes::create_by(state::VolumeRow row, const std::vector<state::VolumeSnapshotRow>& snapshots,
                        const std::function<void(Driver& driver, const VolumeId& volume)>& fill,
                        const base::CancelToken& cancel) {
    const auto hold = locks_.exclusive(lock_key({row.pool, row.name}), cancel);
    const auto kind = this->kind(row.pool, "custom", row.content_type);
    row.config = config_on(kind, row.name, std::move(row.config));
    row.config = schema::with_volume_defaults(kind, std::move(row.config), pools_.settings(row.pool).config);
    make(row, [&](Driver& driver) {
        const auto made = *stores_.volumes.find(row.pool, "custom", row.name);
        std::vector<int64_t> ids;
        ids.reserve(snapshots.size());
        for (auto snapshot : snapshots) {
            snapshot.config = config_on(kind, row.name, std::move(snapshot.config));
            snapshot.incomplete = true;
            ids.push_back(stores_.volumes.insert_snapshot(made.id, snapshot));
        }
        fill(driver, custom_volume(row.name));
        for (const auto id : ids) stores_.volumes.set_snapshot_incomplete(id, false);
        // A block volume is as large as its content.
        if (const auto& size = schema::get(made.config, "size"); !size.empty() && made.content_type == "filesystem")
            limit(made, size);
    });
}

void Volumes::read(const VolumePlace& volume, const base::CancelToken& cancel,
                   const std::function<void(const state::VolumeRow& row,
                                            const std::vector<state::VolumeSnapshotRow>& snapshots)>& work) {
    const auto hold = locks_.shared(lock_key(volume), cancel);
    const auto source = row(volume);
    work(source, snapshot_rows(volume));
}

void Volumes::copy_content(const state::VolumeRow& source, const state::VolumeRow& target, bool with_snapshots,
                           const base::CancelToken& cancel, const Progress& progress) {
    std::optional<VolumeId> alike;
    if (with_snapshots)
        for (const auto& snapshot : stores_.volumes.snapshots(source.id))
            if (!snapshot.incomplete) copy_snapshot(source, snapshot, target, alike, cancel);
    copy_part(source, *driver(source.pool), custom_volume(source.name), *driver(target.pool),
              custom_volume(target.name), alike, cancel, progress);
    if (const auto& size = schema::get(target.config, "size"); !size.empty()) limit(target, size);
}

std::vector<KeyedLock::Hold> Volumes::hold_pair(const VolumePlace& source, const VolumePlace& target,
                                                const base::CancelToken& cancel) {
    std::vector<KeyedLock::Hold> holds;
    const auto from = lock_key(source);
    const auto to = lock_key(target);
    if (from == to) throw schema::failure("A volume cannot be copied onto itself");
    // In one order for all, or two copies could wait for each other.
    if (from < to) holds.push_back(locks_.shared(from, cancel));
    holds.push_back(locks_.exclusive(to, cancel));
    if (from > to) holds.push_back(locks_.shared(from, cancel));
    return holds;
}

state::VolumeRow Volumes::source_row(const VolumePlace& volume, const std::string& snapshot) const {
    auto source = row(volume);
    if (!snapshot.empty()) static_cast<schema::StorageVolumePut&>(source) = snapshot_row(source, snapshot);
    return source;
}

void Volumes::copy(const std::string& pool, const schema::StorageVolumesPost& post, const base::CancelToken& cancel,
                   const Progress& progress) {
    const auto named = source_of(post.source.name);
    const VolumePlace place{post.source.pool, named.volume};
    const auto holds = hold_pair(place, {pool, post.name}, cancel);
    state::VolumeRow source;
    try {
        source = source_row(place, named.snapshot);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed generating volume copy config: {}", error.what()));
    }
    const auto target = copied_row(pool, post, source);
    make(target, [&](Driver&) {
        const auto made = *stores_.volumes.find(pool, "custom", target.name);
        if (named.snapshot.empty()) return copy_content(source, made, !post.source.volume_only, cancel, progress);
        copy_part(source, *driver(source.pool), custom_volume(named.volume, named.snapshot), *driver(pool),
                  custom_volume(target.name), {}, cancel, progress);
        if (const auto& size = schema::get(target.config, "size"); !size.empty()) limit(made, size);
    });
}

void Volumes::refresh(const std::string& pool, const schema::StorageVolumesPost& post, const base::CancelToken& cancel,
                      const Progress& progress) {
    const auto named = source_of(post.source.name);
    const VolumePlace place{post.source.pool, named.volume};
    const auto holds = hold_pair(place, {pool, post.name}, cancel);
    state::VolumeRow source;
    try {
        source = source_row(place, named.snapshot);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed generating volume refresh config: {}", error.what()));
    }
    const auto target = row({pool, post.name});
    if (source.content_type != target.content_type)
        throw schema::failure("Volumes of different content types cannot be refreshed from one another");
    check_unused({pool, post.name}, "Volume is still in use by running instances");
    std::optional<VolumeId> alike;
    if (!post.source.volume_only && named.snapshot.empty()) {
        const auto wanted = stores_.volumes.snapshots(source.id);
        const auto has = [](const auto& list, const auto& one) {
            return std::ranges::any_of(list, [&](const auto& other) {
                return other.name == one.name && other.created_at == one.created_at && !other.incomplete;
            });
        };
        for (const auto& snapshot : stores_.volumes.snapshots(target.id)) {
            if (has(wanted, snapshot)) continue;
            stores_.volumes.set_snapshot_incomplete(snapshot.id, true);
            remove_snapshot_of(target, snapshot);
        }
        const auto kept = stores_.volumes.snapshots(target.id);
        for (const auto& snapshot : wanted)
            if (!snapshot.incomplete && !has(kept, snapshot)) copy_snapshot(source, snapshot, target, alike, cancel);
    }
    state::VolumeSnapshotRow whole;
    whole.name = refreshed;
    whole.incomplete = true;
    // The files will be as the source's.
    if (const auto& on_disk = schema::get(source.config, "volatile.idmap.last"); !on_disk.empty())
        whole.config["volatile.idmap.last"] = on_disk;
    whole.id = stores_.volumes.insert_snapshot(target.id, whole);
    base::Rollback rollback;
    rollback.add([&] { remove_snapshot_of(target, whole); });
    const auto to = driver(pool);
    copy_part(source, *driver(source.pool), custom_volume(source.name, named.snapshot), *to,
              custom_volume(target.name, refreshed), alike, cancel, progress);
    try {
        bring_back(target, whole, cancel, {});
    } catch (...) {
        // The snapshot is what a restore that is to be done again needs.
        if (!schema::get(row({pool, post.name}).config, restoring_key).empty()) rollback.dismiss();
        throw;
    }
    rollback.dismiss();
    remove_snapshot_of(target, whole);
}

void Volumes::move(const VolumePlace& volume, const VolumePlace& target, const base::CancelToken& cancel,
                   const Progress& progress) {
    std::vector<KeyedLock::Hold> holds;
    for (const auto& key : std::set<std::string>{lock_key(volume), lock_key(target)})
        holds.push_back(locks_.exclusive(key, cancel));
    const auto source = row(volume);
    check_can_rename(volume);
    check_unused(volume, "Volume is still in use by running instances");
    schema::StorageVolumesPost post;
    post.name = target.name;
    auto moved = copied_row(target.pool, post, source);
    base::Rollback rollback;
    make_incomplete(moved);
    rollback.add([&] { remove_all(moved); });
    copy_content(source, moved, true, cancel, progress);
    stores_.volumes.replace(source.id, moved.id);
    rollback.dismiss();
    remove_all(source);
}

// --- snapshots ----------------------------------------------------------------------------------------------------

namespace {

std::string next_name(const std::vector<state::VolumeSnapshotRow>& snapshots) {
    int64_t next = 0;
    for (const auto& snapshot : snapshots)
        if (snapshot.name.starts_with("snap"))
            if (const auto number = schema::parse_integer(std::string_view(snapshot.name).substr(4)))
                if (*number < std::numeric_limits<int64_t>::max()) next = std::max(next, *number + 1);
    return fmt::format("snap{}", next);
}

} // namespace

void Volumes::insert_taken(const state::VolumeRow& volume, state::VolumeSnapshotRow& taken) {
    if (!taken.name.empty()) {
        taken.id = stores_.volumes.insert_snapshot(volume.id, taken);
        return;
    }
    while (taken.id == 0) {
        auto name = next_name(stores_.volumes.snapshots(volume.id));
        if (name == taken.name) throw schema::conflict("Snapshot by that name already exists");
        taken.name = std::move(name);
        try {
            taken.id = stores_.volumes.insert_snapshot(volume.id, taken);
        } catch (const schema::Error& error) {
            if (error.kind() != schema::ErrorKind::conflict) throw; // else another one got it meanwhile
        }
    }
}

std::string Volumes::take(const VolumePlace& volume, const std::string& snapshot,
                          std::optional<schema::Time> expires_at, const base::CancelToken& cancel,
                          const Progress& progress) {
    const auto hold = locks_.shared(lock_key(volume), cancel);
    const auto source = row(volume);
    check_can_snapshot(volume);
    state::VolumeSnapshotRow taken;
    static_cast<schema::StorageVolumePut&>(taken) = source;
    taken.name = snapshot;
    taken.created_at = std::chrono::system_clock::now();
    taken.expires_at = expires_at.value_or(schema::Time{});
    taken.incomplete = true;
    drop_marks(taken.config);
    insert_taken(source, taken);
    base::Rollback rollback;
    rollback.add([&] { remove_snapshot_of(source, taken); });
    driver(volume.pool)->take(custom_volume(volume.name, taken.name), cancel, progress);
    stores_.volumes.set_snapshot_incomplete(taken.id, false);
    rollback.dismiss();
    return taken.name;
}

state::VolumeSnapshotRow Volumes::snapshot_row(const state::VolumeRow& volume, const std::string& name) const {
    auto row = stores_.volumes.find_snapshot(volume.id, name);
    if (!row || row->incomplete) throw no_snapshot({volume.pool, volume.name}, name);
    return *std::move(row);
}

state::VolumeSnapshotRow Volumes::spare_snapshot_row(const state::VolumeRow& volume, const std::string& name) const {
    auto row = snapshot_row(volume, name);
    if (schema::get(volume.config, restoring_key) == name)
        throw schema::failure("Snapshot \"{}/{}\" is needed: its restore is not complete", volume.name, name);
    return row;
}

void Volumes::rename_snapshot(const VolumePlace& volume, const std::string& snapshot, const std::string& new_name) {
    const auto hold = locks_.exclusive(lock_key(volume), {});
    const auto source = row(volume);
    const auto taken = spare_snapshot_row(source, snapshot);
    if (stores_.volumes.find_snapshot(source.id, new_name))
        throw schema::conflict("Snapshot by that name already exists");
    const auto driver = this->driver(volume.pool);
    base::Rollback rollback;
    stores_.volumes.set_snapshot_new_name(taken.id, new_name);
    rollback.add([&] { stores_.volumes.set_snapshot_new_name(taken.id, ""); });
    driver->rename(custom_volume(volume.name, snapshot), new_name);
    rollback.add([&] { driver->rename(custom_volume(volume.name, new_name), snapshot); });
    stores_.volumes.rename_snapshot(taken.id);
    rollback.dismiss();
}

void Volumes::update_snapshot(const VolumePlace& volume, const std::string& snapshot, const std::string& description,
                              std::optional<schema::Time> expires_at) {
    const auto hold = locks_.shared(lock_key(volume), {});
    const auto taken = snapshot_row(row(volume), snapshot);
    stores_.volumes.update_snapshot(taken.id, description, expires_at.value_or(schema::Time{}));
}

void Volumes::describe_snapshot(const VolumeKey& key, const std::string& snapshot, const std::string& description) {
    const auto taken = stores_.instance_snapshots.find(key.name, snapshot);
    if (!taken || taken->incomplete) throw schema::not_found("Storage pool volume not found");
    stores_.instance_snapshots.set_volume_description(taken->id, description);
}

void Volumes::remove_snapshot(const VolumePlace& volume, const std::string& snapshot) {
    const auto hold = locks_.exclusive(lock_key(volume), {});
    const auto source = row(volume);
    const auto taken = spare_snapshot_row(source, snapshot);
    stores_.volumes.set_snapshot_incomplete(taken.id, true);
    remove_snapshot_of(source, taken);
}

void Volumes::bring_back(const state::VolumeRow& row, const state::VolumeSnapshotRow& snapshot,
                         const base::CancelToken& cancel, const Progress& progress) {
    const VolumePlace place{row.pool, row.name};
    const auto driver = this->driver(row.pool);
    base::Rollback rollback;
    // Where it left no volume, it is to be done again.
    rollback.add([&] {
        if (driver->exists(custom_volume(row.name))) set_volatile(place, {{restoring_key, ""}});
    });
    set_volatile(place, {{restoring_key, snapshot.name}});
    driver->restore(custom_volume(row.name, snapshot.name), cancel, progress);
    rollback.dismiss(); // the files are the snapshot's: should this fail, the next start does it again
    // Some backends can go back to a snapshot only by way of losing the later ones.
    if (const auto left = snapshots_after_restore(*driver, custom_volume(row.name, snapshot.name)))
        for (const auto& other : stores_.volumes.snapshots(row.id))
            if (!other.incomplete && !left->contains(other.name)) stores_.volumes.remove_snapshot(other.id);
    set_volatile(place, {{restoring_key, ""},
                         {"volatile.idmap.last", schema::get(snapshot.config, "volatile.idmap.last")},
                         {"volatile.idmap.next", schema::get(snapshot.config, "volatile.idmap.next")}});
}

void Volumes::restore(const VolumePlace& volume, const std::string& snapshot, const base::CancelToken& cancel,
                      const Progress& progress) {
    const auto hold = locks_.exclusive(lock_key(volume), cancel);
    const auto source = row(volume);
    check_unused(volume, "Cannot restore custom volume used by running instances");
    const auto taken = stores_.volumes.find_snapshot(source.id, snapshot);
    if (!taken || taken->incomplete) throw schema::failure("Snapshot not found");
    bring_back(source, *taken, cancel, progress);
    if (const auto& size = schema::get(source.config, "size"); !size.empty()) limit(source, size);
}

} // namespace storage
