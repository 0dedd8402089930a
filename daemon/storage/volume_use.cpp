#include <algorithm>
#include <array>

#include "daemon/base/files.h"
#include "daemon/storage/shift.h"
#include "daemon/storage/volumes.h"
#include "schema/error.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr auto last_key = "volatile.idmap.last";
constexpr auto next_key = "volatile.idmap.next";
constexpr std::array daemon_volume_keys{"storage.backups_volume", "storage.images_volume"};

/// The journal lies beside the volume's folder: what is in it is the instances'.
OwnedTree tree_at(const std::string& path) {
    const auto slash = path.rfind('/');
    return {path, path.substr(0, slash) + "/.owners-" + path.substr(slash + 1)};
}

bool is_on(const schema::Config& config, const char* key) {
    return schema::is_true(schema::get(config, key));
}

} // namespace

/// Whether the mount is to map ids, with the files' owners on disk as that needs them.
bool Volumes::give_to(const state::VolumeRow& row, const User& user, const UseRules& rules) {
    if (is_on(row.config, "security.unmapped")) return false;
    const bool shared = is_on(row.config, "security.shifted");
    const auto path = driver(row.pool)->path(custom_volume(row.name));
    const bool can_map = rules.can_map_ids(path);
    const bool maps = !user.id_map.empty() && can_map;
    if (shared && !user.id_map.empty() && !can_map)
        throw schema::bad_request("Required idmapping abilities not available");

    const auto last = schema::id_map_from(schema::get(row.config, last_key));
    if (user.instance == daemon) return false; // it has those alone that had no users
    const auto& text = schema::get(row.config, next_key);
    const bool same_user = !text.empty() && schema::same_ids(schema::id_map_from(text), user.id_map);
    if (!shared && !same_user) rules.check_others();
    const auto wanted = can_map ? schema::IdMap{} : user.id_map;
    if (!schema::same_ids(last, wanted)) {
        if (in_use({row.pool, row.name}))
            throw schema::failure("Idmaps of container and storage volume are not identical");
        const auto tree = tree_at(path);
        shift_owners(tree, {last, wanted}, {}, {});
        set_volatile({row.pool, row.name}, {{last_key, schema::to_json(wanted)}});
        forget_shift(tree);
    }
    set_volatile({row.pool, row.name},
                 {{last_key, schema::to_json(wanted)}, {next_key, shared ? "[]" : schema::to_json(user.id_map)}});
    return maps;
}

void Volumes::repair_owners(const state::VolumeRow& row) {
    const auto driver = this->driver(row.pool);
    const auto volume = custom_volume(row.name);
    const auto tree = tree_at(driver->path(volume));
    if (!has_shift_journal(tree)) return;
    if (schema::same_ids(aim_of_shift(tree), schema::id_map_from(schema::get(row.config, last_key))))
        return forget_shift(tree);
    log_.warning("Giving a storage volume's files the owners back that they had before a change that was cut off",
                 {{"pool", row.pool}, {"volume", row.name}});
    driver->mount(volume);
    undo_shift(tree);
    driver->unmount(volume);
}

Volumes::Use Volumes::use(const VolumePlace& volume, const User& user, const UseRules& rules) {
    const auto key = lock_key(volume);
    // Not while it is renamed, restored or removed; nor, for the daemon, while a snapshot is being taken.
    const auto hold = user.instance == daemon ? locks_.exclusive(key, {}) : locks_.shared(key, {});
    const auto alone = mount_locks_.exclusive(key, {});
    const auto row = this->row(volume);
    if (row.content_type != "filesystem") throw schema::failure("Only filesystem volumes are supported for containers");
    if (user.instance == daemon ? has_other_users(volume, user) : daemon_uses(volume))
        throw schema::failure("Storage volume \"{}/{}\" is used by {}", volume.pool, volume.name,
                              user.instance == daemon ? "running instances or LXD itself" : "LXD itself");
    const auto driver = this->driver(volume.pool);
    const auto id = custom_volume(volume.name);
    driver->mount(id);
    try {
        if (user.instance != daemon && !row.config.contains(used_key)) set_volatile(volume, {{used_key, "true"}});
        const Use use{driver->path(id), give_to(this->row(volume), user, rules)};
        const std::scoped_lock lock(mutex_);
        users_[key].insert(user.key());
        return use;
    } catch (...) {
        if (!in_use(volume)) driver->unmount(id);
        throw;
    }
}

void Volumes::release(const VolumePlace& volume, const std::string& instance, const std::string& device) {
    const auto key = lock_key(volume);
    const auto alone = mount_locks_.exclusive(key, {});
    {
        const std::scoped_lock lock(mutex_);
        const auto found = users_.find(key);
        if (found == users_.end() || found->second.erase({instance, device}) == 0 || !found->second.empty()) return;
        users_.erase(found);
    }
    driver(volume.pool)->unmount(custom_volume(volume.name));
}

bool Volumes::in_use(const VolumePlace& volume) const {
    const std::scoped_lock lock(mutex_);
    return users_.contains(lock_key(volume));
}

void Volumes::check_can_rename(const VolumePlace& volume) const {
    if (daemon_uses(volume)) throw schema::failure("Volume is used by LXD itself and cannot be renamed");
}

void Volumes::check_can_snapshot(const VolumePlace& volume) const {
    if (daemon_uses(volume)) throw schema::bad_request("Volumes used by LXD itself cannot have snapshots");
}

bool Volumes::has_other_users(const VolumePlace& volume, const User& user) const {
    const std::scoped_lock lock(mutex_);
    const auto found = users_.find(lock_key(volume));
    return found != users_.end() && (found->second.size() > 1 || !found->second.contains(user.key()));
}

bool Volumes::had_users(const state::VolumeRow& row) {
    return row.config.contains(used_key) || row.config.contains(next_key);
}

bool Volumes::daemon_uses(const VolumePlace& volume) const {
    const auto config = stores_.server_config.get();
    const auto names = [&](const char* key) { return schema::get(config, key) == lock_key(volume); };
    if (std::ranges::any_of(daemon_volume_keys, names)) return true;
    const std::scoped_lock lock(mutex_);
    const auto found = users_.find(lock_key(volume));
    return found != users_.end() &&
           std::ranges::any_of(found->second, [](const auto& user) { return user.first == daemon; });
}

} // namespace storage
