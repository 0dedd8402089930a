#include "daemon/storage/pool.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/archive.h"
#include "daemon/storage/tree_copy.h"
#include "daemon/storage/volumes.h"
#include "schema/error.h"
#include "schema/keys/pool.h"
#include "schema/names.h"
#include "schema/unset.h"
#include "schema/values.h"

namespace storage {

namespace {

VolumeId container(const std::string& name) {
    return {VolumeType::container, name};
}
VolumeId image(const std::string& fingerprint) {
    return {VolumeType::image, fingerprint};
}

/// Those of volumes, images' among them.
schema::Config presets(const schema::Config& pool) {
    schema::Config found;
    for (const auto& [key, value] : pool)
        if (key.starts_with("volume.")) found.emplace(key, value);
    return found;
}

using base::fail;

/// LXD answers a bad new pool with 500, whatever is bad about it; clients see the same text.
template <class Check> void as_failure(const Check& check) {
    try {
        check();
    } catch (const schema::Error& error) {
        throw schema::failure("{}", error.what());
    }
}

/// Says of a failure what failed with which pool, in the words of `lxd recover`.
template <class Act> void attempt(std::string_view failed, const std::string& pool, const Act& act) {
    try {
        act();
    } catch (const std::exception& error) {
        throw schema::failure("{} pool {:?}: {}", failed, pool, error.what());
    }
}

void check_white_space(const std::string& name) {
    if (name.find_first_of(" \t\n\v\f\r") != std::string::npos)
        throw schema::failure("Storage name cannot contain white space");
}

bool uses_pool(const schema::Profile& profile, const std::string& pool) {
    return std::ranges::any_of(profile.devices, [&](const auto& device) {
        return schema::get(device.second, "type") == "disk" && schema::get(device.second, "pool") == pool;
    });
}

} // namespace

Pools::Pools(state::Paths paths, Stores stores, base::Log& log, MakeDriver make)
    : paths_(std::move(paths)), stores_(stores), log_(log), make_(make) {}

DriverContext Pools::context(const schema::StoragePool& pool) const {
    return {pool.name, paths_.pool(pool.name), pool.config,
            [this, name = pool.name](const VolumeId& volume) { return own_options(name, volume); }};
}

schema::Config Pools::own_options(const std::string& pool, const VolumeId& volume) const {
    struct Row {
        const char* type;
        std::string name;
    };
    const auto [type, name] = volume.type == VolumeType::custom      ? Row{"custom", custom_name(volume)}
                              : volume.type == VolumeType::container ? Row{"container", volume.name}
                                                                     : Row{"image", volume.name};
    const auto row = stores_.volumes.find(pool, type, name);
    return row ? row->config : schema::Config{};
}

bool Pools::is_thin(const std::string& pool) const {
    const auto row = this->row(pool);
    return row.driver == "lvm" && !schema::is_false(schema::get(row.config, "lvm.use_thinpool"));
}

Pools::DriverRef Pools::driver(const std::string& pool) const {
    const std::scoped_lock lock(mutex_);
    const auto found = drivers_.find(pool);
    if (found != drivers_.end()) return found->second;
    row(pool);
    throw schema::Error(schema::ErrorKind::unavailable, "Storage pool is unavailable on this server");
}

schema::StoragePool Pools::row(const std::string& name) const {
    auto pool = stores_.pools.find(name);
    if (!pool) throw schema::not_found("Storage pool not found");
    return *std::move(pool);
}

void Pools::mount_all() {
    for (const auto& pool : stores_.pools.list()) {
        try {
            if (pool.status == pending)
                remove_half_made(pool);
            else
                mount_one(pool);
        } catch (const std::exception& error) {
            log_.error("Failed mounting storage pool", {{"pool", pool.name}, {"err", error.what()}});
            has_missing_ = true;
        }
    }
}

void Pools::mount_one(const schema::StoragePool& pool) {
    DriverRef driver = make_(pool.driver, context(pool));
    driver->mount_pool();
    driver->clean_up();
    settle_images(*driver, pool.name);
    const std::scoped_lock lock(mutex_);
    drivers_[pool.name] = std::move(driver);
}

std::vector<std::string> Pools::mount_missing() {
    const std::scoped_lock changing(changing_);
    std::vector<std::string> mounted;
    has_missing_ = false;
    for (const auto& pool : stores_.pools.list()) {
        if (is_available(pool.name)) continue;
        try {
            // One that is being made now would hold the lock.
            if (pool.status == pending) {
                remove_half_made(pool);
                continue;
            }
            mount_one(pool);
            log_.info("A storage pool is available again", {{"pool", pool.name}});
            mounted.push_back(pool.name);
        } catch (const std::exception&) { // The log says why since the start.
            has_missing_ = true;
        }
    }
    return mounted;
}

Pools::~Pools() {
    if (!unmounts_) return;
    for (const auto& [pool, driver] : drivers_) {
        try {
            driver->unmount_pool();
        } catch (const std::exception& error) {
            log_.error("Failed unmounting storage pool", {{"pool", pool}, {"err", error.what()}});
        }
    }
}

bool Pools::is_available(const std::string& pool) const {
    const std::scoped_lock lock(mutex_);
    return drivers_.contains(pool);
}

/// The unpacked copies that are there, and the rows that tell of them.
void Pools::settle_images(Driver& driver, const std::string& pool) const {
    for (const auto& fingerprint : stores_.images.unpacked_on(pool))
        if (!driver.exists(image(fingerprint))) stores_.images.remove_from_pool(fingerprint, pool);
    for (const auto& fingerprint : driver.list(VolumeType::image)) {
        if (stores_.images.find(fingerprint)) {
            stores_.images.add_to_pool(fingerprint, pool);
            continue;
        }
        log_.info("Removing the unpacked copy of a deleted image", {{"pool", pool}, {"fingerprint", fingerprint}});
        driver.remove(image(fingerprint));
    }
}

std::vector<schema::StoragePool> Pools::list() const {
    std::vector<schema::StoragePool> pools;
    for (const auto& pool : stores_.pools.list()) pools.push_back(get(pool.name));
    return pools;
}

schema::StoragePool Pools::settings(const std::string& name) const {
    auto pool = row(name);
    const std::scoped_lock lock(mutex_);
    if (!drivers_.contains(name)) pool.status = "Unavailable";
    return pool;
}

schema::StoragePool Pools::get(const std::string& name) const {
    auto pool = settings(name);
    pool.used_by = used_by(name);
    // As LXD, whose dir keeps none unpacked.
    if (pool.driver != "dir")
        for (const auto& fingerprint : stores_.images.unpacked_on(name))
            pool.used_by.push_back("/1.0/images/" + fingerprint);
    std::ranges::sort(pool.used_by);
    return pool;
}

void Pools::create(schema::StoragePool pool) {
    schema::check_pool_name(pool.name);
    if (pool.driver.empty()) throw schema::bad_request("No driver provided");
    const std::scoped_lock changing(changing_);
    if (stores_.pools.find(pool.name))
        throw schema::conflict("The storage pool already exists: The record already exists");
    if (schema::get(pool.config, "source").empty()) pool.config.erase("source");
    auto context = this->context(pool);
    context.decided = [begun = pool, this](const schema::Config& config) mutable {
        begun.status = pending;
        begun.config = config;
        stores_.pools.complete(begun);
    };
    DriverRef driver = make_(pool.driver, std::move(context));
    check_white_space(pool.name);
    as_failure([&] { schema::check_pool_config(pool.driver, pool.config); });
    schema::drop_unset(pool.config);

    // The row says whose what is made on disk is: a start after a crash removes both. So nothing may be there before,
    // and the row tells of nothing until that is sure.
    if (base::exists(paths_.pool(pool.name)))
        throw schema::failure("Storage pool directory \"{}\" already exists", paths_.pool(pool.name));
    base::Rollback rollback;
    const auto wanted = std::exchange(pool.config, {});
    pool.status = pending;
    stores_.pools.insert(pool);
    rollback.add([&] { stores_.pools.remove(pool.name); });
    driver->create_pool();
    rollback.add([&] { driver->delete_pool(); });
    pool.config = driver->completed(wanted);
    // What LXD shows and what a restart goes by.
    pool.config.try_emplace("source", paths_.pool(pool.name));
    pool.status = "Created";
    stores_.pools.complete(pool);
    rollback.dismiss();
    driver->update_pool(pool.config); // which no longer tells how it came to be
    const std::scoped_lock lock(mutex_);
    drivers_[pool.name] = std::move(driver);
}

void Pools::look_into(const schema::StoragePool& pool, const std::function<void(Driver& driver)>& look) const {
    if (stores_.pools.find(pool.name)) return look(*driver(pool.name));
    schema::check_pool_name(pool.name);
    std::unique_ptr<Driver> temporary;
    attempt("Failed to initialise unknown", pool.name, [&] { temporary = make_(pool.driver, context(pool)); });
    attempt("Failed config validation for unknown", pool.name,
            [&] { schema::check_pool_config(pool.driver, pool.config); });
    attempt("Failed mounting", pool.name, [&] { temporary->mount_pool(); });
    base::Rollback rollback;
    rollback.add([&] { temporary->unmount_pool(); });
    look(*temporary);
}

void Pools::take_in(schema::StoragePool pool) {
    const std::scoped_lock changing(changing_);
    schema::check_pool_name(pool.name);
    schema::check_pool_config(pool.driver, pool.config);
    DriverRef driver = make_(pool.driver, context(pool));
    driver->mount_pool();
    pool.status = "Created";
    stores_.pools.insert(pool);
    const std::scoped_lock lock(mutex_);
    drivers_[pool.name] = std::move(driver);
}

std::string Pools::described(const std::string& pool, const std::string& instance) const {
    const auto note = stores_.volumes.find(pool, "container", instance);
    return note ? note->description : "";
}

void Pools::take_in_container(const std::string& pool, const std::string& instance) {
    const auto driver = this->driver(pool);
    link_new(*driver, instance);
}

void Pools::update(const std::string& name, schema::StoragePoolPut put) {
    const std::scoped_lock changing(changing_);
    const auto pool = row(name);
    schema::check_pool_config(pool.driver, put.config);
    schema::drop_unset(put.config);
    if (schema::get(pool.config, "source") != schema::get(put.config, "source"))
        throw schema::failure("Pool source cannot be changed when not in pending state");
    schema::check_pool_change(pool.driver, pool.config, put.config);
    if (put.config != pool.config) driver(name)->update_pool(put.config);
    stores_.pools.update(name, put);
    // Made of them, containers would go on being what the pool's presets said before.
    if (presets(put.config) != presets(pool.config)) remove_images(*driver(name), name);
}

std::vector<std::string> Pools::used_by(const std::string& name) const {
    std::vector<std::string> urls;
    std::set<std::string> here;
    for (const auto& instance : stores_.instances.list())
        if (instance.pool == name) urls.push_back("/1.0/instances/" + *here.insert(instance.name).first);
    for (const auto& [instance, snapshot] : stores_.snapshots.names())
        if (here.contains(instance)) urls.push_back(fmt::format("/1.0/instances/{}/snapshots/{}", instance, snapshot));
    for (const auto& profile : stores_.profiles.list())
        if (uses_pool(profile, name)) urls.push_back("/1.0/profiles/" + profile.name);
    for (const auto& volume : stores_.volumes.list(name)) {
        if (volume.type != "custom") continue;
        const auto url = fmt::format("/1.0/storage-pools/{}/volumes/custom/{}", name, volume.name);
        urls.push_back(url);
        for (const auto& snapshot : stores_.volumes.snapshots(volume.id))
            urls.push_back(fmt::format("{}/snapshots/{}", url, snapshot.name));
    }
    std::ranges::sort(urls);
    return urls;
}

Space Pools::space(const std::string& name) const {
    driver(name);
    struct statvfs status{};
    const auto path = paths_.pool(name);
    if (::statvfs(path.c_str(), &status) < 0) fail("Failed reading the space of " + path);
    Space space;
    space.total = status.f_blocks * status.f_frsize;
    space.used = (status.f_blocks - status.f_bfree) * status.f_frsize;
    space.inodes_total = status.f_files;
    space.inodes_used = status.f_files - status.f_ffree;
    return space;
}

std::map<std::string, std::string> Pools::drivers_in_use() const {
    std::map<std::string, std::string> versions;
    const std::scoped_lock lock(mutex_);
    for (const auto& [pool, driver] : drivers_) versions.emplace(driver->name(), driver->version());
    return versions;
}

void Pools::ensure_image(const std::string& pool, const std::string& fingerprint, const base::CancelToken& cancel,
                         const Progress& progress) {
    hold_image(*driver(pool), pool, fingerprint, cancel, progress);
}

KeyedLock::Hold Pools::hold_image(Driver& driver, const std::string& pool, const std::string& fingerprint,
                                  const base::CancelToken& cancel, const Progress& progress) {
    const auto key = image_key(pool, fingerprint);
    for (;;) {
        auto hold = image_locks_.shared(key, cancel);
        if (driver.exists(image(fingerprint))) return hold;
        hold.reset();
        const auto alone = image_locks_.exclusive(key, cancel);
        if (!driver.exists(image(fingerprint))) unpack(driver, pool, fingerprint, cancel, progress);
    }
}

void Pools::unpack(Driver& driver, const std::string& pool, const std::string& fingerprint,
                   const base::CancelToken& cancel, const Progress& progress) {
    const auto file = paths_.images() + "/" + fingerprint;
    if (!stores_.images.find(fingerprint) || !base::exists(file)) throw schema::not_found("Image not found");
    std::optional<std::string> root_file = file + ".rootfs";
    if (!base::exists(*root_file)) root_file.reset();
    const base::Log::Context said{{"imageFile", file}, {"pool", pool}};
    log_.info("Image unpack started", said);
    driver.create(image(fingerprint),
                  [&](const std::string& folder) { unpack_image(file, root_file, folder, cancel, progress); });
    log_.info("Image unpack stopped", said);
    base::Rollback rollback;
    rollback.add([&] { driver.remove(image(fingerprint)); });
    stores_.images.add_to_pool(fingerprint, pool);
    rollback.dismiss();
}

void Pools::remove_image(const std::string& fingerprint) {
    std::map<std::string, DriverRef> drivers;
    {
        const std::scoped_lock lock(mutex_);
        drivers = drivers_;
    }
    for (const auto& [pool, driver] : drivers) remove_image_volume(pool, fingerprint);
}

void Pools::remove_image_volume(const std::string& pool, const std::string& fingerprint) {
    const auto driver = this->driver(pool);
    const auto hold = image_locks_.exclusive(image_key(pool, fingerprint), {});
    driver->remove(image(fingerprint));
    stores_.images.remove_from_pool(fingerprint, pool);
    stores_.volumes.forget(pool, "image", fingerprint);
}

void Pools::create_from_image(const std::string& pool, const std::string& instance, const std::string& fingerprint,
                              const base::CancelToken& cancel, const Progress& progress) {
    const auto driver = this->driver(pool);
    const auto hold = hold_image(*driver, pool, fingerprint, cancel, progress);
    driver->clone(image(fingerprint), container(instance), cancel, {});
    base::Rollback rollback;
    rollback.add([&] { driver->remove(container(instance)); });
    link_container(instance, driver->path(container(instance)));
    rollback.dismiss();
}

void Pools::create_empty(const std::string& pool, const std::string& instance) {
    const auto driver = this->driver(pool);
    driver->create(container(instance), [](const std::string& folder) { base::make_dir(folder + "/rootfs", 0755); });
    base::Rollback rollback;
    rollback.add([&] { driver->remove(container(instance)); });
    link_container(instance, driver->path(container(instance)));
    rollback.dismiss();
}

void Pools::create_by(const std::string& pool, const std::string& instance,
                      const std::function<void(Driver& driver, const VolumeId& volume)>& make) {
    const auto driver = this->driver(pool);
    make(*driver, container(instance));
    base::Rollback rollback;
    rollback.add([&] { remove_volume(*driver, instance); });
    link_new(*driver, instance);
    rollback.dismiss();
}

void Pools::create_filled(const std::string& pool, const std::string& instance, const std::string& fingerprint,
                          const std::vector<VolumePart>& parts, const base::CancelToken& cancel) {
    // The name comes from elsewhere, too: it is nothing until it is found.
    const bool known = !fingerprint.empty() && stores_.images.find(fingerprint);
    std::optional<KeyedLock::Hold> hold;
    if (known) hold = image_locks_.shared(image_key(pool, fingerprint), cancel);
    create_by(pool, instance, [&](Driver& driver, const VolumeId& whole) {
        const auto folder_of = [&driver](const VolumeId& volume) {
            return driver.shares_content() && driver.exists(volume) ? driver.path(volume) : std::string();
        };
        base::Rollback rollback;
        auto alike = known ? folder_of(image(fingerprint)) : std::string();
        for (const auto& part : parts) {
            const VolumeId volume{whole.type, whole.name, part.snapshot};
            driver.create(volume, [&](const std::string& folder) { part.fill(folder, alike); });
            rollback.add([&driver, volume] { driver.remove(volume); });
            alike = folder_of(volume);
        }
        rollback.dismiss();
    });
}

void Pools::read_container(const std::string& pool, const std::string& instance, const std::string& snapshot,
                           const base::CancelToken& cancel,
                           const std::function<void(const std::string& folder)>& read) {
    const auto holds = hold_source({pool, instance, snapshot}, {}, cancel);
    read(*driver(pool)->view({VolumeType::container, instance, snapshot}));
}

void Pools::save_container(const std::string& pool, const std::string& instance,
                           const std::vector<std::string>& snapshots, const base::CancelToken& cancel,
                           const std::function<void(Driver& driver, const VolumeId& volume)>& save) {
    const auto holds = hold_source({pool, instance}, snapshots, cancel);
    save(*driver(pool), container(instance));
}

void Pools::remove_container(const std::string& pool, const std::string& instance) {
    const auto driver = this->driver(pool);
    const auto hold = container_locks_.exclusive(instance, {});
    unlink_container(instance);
    unlink_snapshots(instance);
    remove_volume(*driver, instance);
    stores_.volumes.forget(pool, "container", instance);
}

void Pools::rename_container(const std::string& pool, const std::string& instance, const std::string& new_name) {
    const auto driver = this->driver(pool);
    const auto hold = container_locks_.exclusive(instance, {});
    base::Rollback rollback;
    rollback.add([&] {
        unlink_container(new_name);
        unlink_snapshots(new_name);
        link_container(instance, driver->path(container(instance)));
        link_snapshots(*driver, instance);
    });
    driver->rename(container(instance), new_name);
    rollback.add([&] { driver->rename(container(new_name), instance); });
    link_new(*driver, new_name);
    unlink_container(instance);
    unlink_snapshots(instance);
    stores_.volumes.rename_note(pool, instance, new_name);
    rollback.dismiss();
}

void Pools::mount_container(const std::string& pool, const std::string& instance) {
    driver(pool)->mount(container(instance));
}

schema::IdMap Pools::show_container(const std::string& pool, const std::string& instance, const IdShift& ids) {
    const auto driver = this->driver(pool);
    if (auto* const mapping = driver->id_mapping()) {
        mapping->mount(container(instance), ids);
        return ids.to;
    }
    driver->mount(container(instance));
    return ids.from;
}

bool Pools::maps_ids(const std::string& pool) const {
    return driver(pool)->id_mapping() != nullptr;
}

void Pools::unmount_container(const std::string& pool, const std::string& instance) {
    driver(pool)->unmount(container(instance));
}

std::shared_ptr<const std::string> Pools::view(const std::string& pool, const VolumeId& volume) const {
    return driver(pool)->view(volume);
}

void Pools::give_container_to(const std::string& pool, const std::string& instance, uid_t root_uid) {
    const auto path = container_path(pool, instance);
    if (::chown(path.c_str(), root_uid, 0) < 0) fail("Failed giving " + path + " to its root");
    if (::chmod(path.c_str(), 0100) < 0) fail("Failed setting the mode of " + path);
}

void Pools::check_container_limit(const std::string& pool, const std::string& instance, int64_t bytes) {
    const auto driver = this->driver(pool);
    if (auto* const quotas = driver->quotas(); quotas != nullptr && bytes > 0)
        quotas->check_limit(container(instance), bytes);
}

void Pools::limit_container(const std::string& pool, const std::string& instance, int64_t bytes) {
    const auto driver = this->driver(pool);
    if (auto* const quotas = driver->quotas()) return quotas->limit(container(instance), bytes);
    if (bytes > 0)
        log_.warning("The backing filesystem doesn't support quotas, skipping set quota",
                     {{"driver", std::string(driver->name())}, {"pool", pool}, {"instance", instance}});
}

std::optional<int64_t> Pools::container_usage(const std::string& pool, const std::string& instance) const {
    return driver(pool)->usage(container(instance));
}

bool Pools::has_container(const std::string& pool, const std::string& instance) const {
    return driver(pool)->exists(container(instance));
}

std::string Pools::container_path(const std::string& pool, const std::string& instance) const {
    return driver(pool)->path(container(instance));
}

void Pools::link_container(const std::string& instance, const std::string& target) const {
    const auto link = paths_.container(instance);
    std::error_code missing;
    if (std::filesystem::read_symlink(link, missing) == target) return;
    // A link left by a crash may point to another pool.
    unlink_container(instance);
    if (::symlink(target.c_str(), link.c_str()) < 0) fail("Failed to create symlink " + link);
}

void Pools::link_new(const Driver& driver, const std::string& instance) {
    link_container(instance, driver.path(container(instance)));
    base::Rollback rollback;
    rollback.add([&] { unlink_container(instance); });
    link_snapshots(driver, instance);
    rollback.dismiss();
}

void Pools::unlink_container(const std::string& instance) const {
    const auto link = paths_.container(instance);
    if (::unlink(link.c_str()) < 0 && errno != ENOENT) fail("Failed to remove symlink " + link);
}

} // namespace storage
