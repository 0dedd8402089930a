#include <filesystem>

#include "daemon/base/durable.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/backing.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/pool.h"
#include "schema/error.h"

namespace storage {

namespace {

/// Whether there is anything but folders.
bool holds_something(const std::string& folder) {
    if (!layout::is_folder(folder)) return base::exists(folder);
    if (layout::is_mount_point(folder)) return true;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_symlink() || !entry.is_directory() || layout::is_mount_point(entry.path())) return true;
    return false;
}

} // namespace

void Pools::remove_half_made(const schema::StoragePool& pool) {
    log_.info("Removing a storage pool that was being made or removed", {{"pool", pool.name}});
    make_(pool.driver, context(pool))->delete_pool();
    sync_removal(pool);
    stores_.pools.remove(pool.name);
}

/// What a pool lay on stays gone: its row is what a second try goes by.
void Pools::sync_removal(const schema::StoragePool& pool) const {
    for (const auto& place : {paths_.pool(pool.name), schema::get(pool.config, "source")}) {
        if (!place.starts_with('/')) continue; // the name of a group, of a zpool
        const auto folder = layout::is_folder(place) ? place : std::filesystem::path(place).parent_path().string();
        if (layout::is_folder(folder)) base::sync_folder(folder);
    }
}

void Pools::remove_images(Driver& driver, const std::string& pool) {
    for (const auto& fingerprint : driver.list(VolumeType::image)) {
        const auto hold = image_locks_.exclusive(image_key(pool, fingerprint), {});
        driver.remove({VolumeType::image, fingerprint});
        stores_.images.remove_from_pool(fingerprint, pool);
    }
}

void Pools::remove(const std::string& name) {
    const std::scoped_lock changing(changing_);
    auto pool = row(name);
    if (!used_by(name).empty()) throw schema::bad_request("The storage pool is currently in use");
    if (!is_available(name)) {
        if (pool.status == pending) return remove_half_made(pool);
        if (const auto why = why_missing(pool)) return forget(name, *why);
    }
    const auto gone = driver(name);
    {
        const std::scoped_lock lock(mutex_);
        drivers_.erase(name);
    }
    base::Rollback rollback;
    rollback.add([&] {
        const std::scoped_lock lock(mutex_);
        drivers_[name] = gone;
    });
    // The next start finishes what a crash cuts off.
    rollback.add([this, before = pool] { stores_.pools.complete(before); });
    pool.status = pending;
    stores_.pools.complete(pool);
    for (const auto& fingerprint : gone->list(VolumeType::image)) stores_.volumes.forget(name, "image", fingerprint);
    remove_images(*gone, name);
    gone->delete_pool();
    sync_removal(pool);
    stores_.pools.remove(name);
    rollback.dismiss();
}

std::optional<std::string> Pools::why_missing(const schema::StoragePool& pool) {
    try {
        mount_one(pool);
        return {};
    } catch (const std::exception& error) {
        return error.what();
    }
}

/// It may be here again one day: nothing of what it lies on is removed, and nothing is where it could be seen.
void Pools::forget(const std::string& pool, const std::string& why) {
    const auto path = paths_.pool(pool);
    auto kept = loop_file(path, pool);
    if (!base::exists(kept)) kept = holds_something(path) ? path : "";
    if (!kept.empty())
        throw schema::failure("Storage pool {:?} is unavailable ({}) and may have volumes in {}: move that away, and "
                              "the pool can be deleted",
                              pool, why, kept);
    base::remove_tree(path);
    base::sync_folder(paths_.pools());
    for (const auto& fingerprint : stores_.images.unpacked_on(pool)) {
        stores_.images.remove_from_pool(fingerprint, pool);
        stores_.volumes.forget(pool, "image", fingerprint);
    }
    stores_.pools.remove(pool);
    log_.warning("Deleted a storage pool that was unavailable, without what it lies on",
                 {{"pool", pool}, {"err", why}});
}

} // namespace storage
