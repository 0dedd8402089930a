#include "schema/keys/pool.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/keys/pattern.h"
#include "schema/keys/volume.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;

void zfs_clone_copy(std::string_view value) {
    if (value != "rebase") boolean(value);
}

// clang-format off
constexpr std::array rows = {
    PoolKey{"dir", "source", any, false, "Folder that holds the pool; a folder of the daemon's where it is not set"},
    PoolKey{"overlay", "source", any, false,
            "Folder that holds the pool; a folder of the daemon's where it is not set"},
    PoolKey{"btrfs", "source", any, false, "A block device, or a folder on btrfs; a file of the daemon's where it is not set"},
    PoolKey{"btrfs", "size", optional<size>, true, "Of the file, which can grow; a fifth of the disk, from 5 to 30 GiB"},
    PoolKey{"btrfs", "btrfs.mount_options", any, true, "For block devices and files; user_subvol_rm_allowed"},
    PoolKey{"lvm", "source", any, false, "A block device, or a volume group; a file of the daemon's where it is not set"},
    PoolKey{"lvm", "size", optional<size>, true, "Of the file, which can grow; a fifth of the disk, from 5 to 30 GiB"},
    PoolKey{"lvm", "lvm.thinpool_name", any, true, "LXDThinPool"},
    PoolKey{"lvm", "lvm.thinpool_metadata_size", optional<size>, false, "Left to LVM where it is not set"},
    PoolKey{"lvm", "lvm.use_thinpool", optional<boolean>, false, "true; without, snapshots reserve their whole size"},
    PoolKey{"lvm", "lvm.vg.force_reuse", optional<boolean>, true, "Take a volume group that is not empty"},
    PoolKey{"lvm", "lvm.vg_name", any, true, "The pool's name"},
    PoolKey{"zfs", "source", any, false, "A block device, or a zpool or dataset; a file of the daemon's where it is not set"},
    PoolKey{"zfs", "size", optional<size>, true, "Of the file, which can grow; a fifth of the disk, from 5 to 30 GiB"},
    PoolKey{"zfs", "zfs.clone_copy", optional<zfs_clone_copy>, true, "true: copies share with their source; rebase: with its image alone; false: with nothing"},
    PoolKey{"zfs", "zfs.export", optional<boolean>, true, "Export the zpool when it is unmounted; true"},
    PoolKey{"zfs", "zfs.pool_name", any, false, "The pool's name"},
    PoolKey{"", "rsync.bwlimit", optional<size>, true, "For copies by rsync to other hosts"},
    PoolKey{"", "rsync.compression", optional<boolean>, true, "For copies by rsync to other hosts"},
    PoolKey{"", "user.*", any, true, "Free for users"},
    PoolKey{"", "volatile.initial_source", any, false, "The source that the pool was made with"},
};
// clang-format on

const PoolKey* find(std::string_view driver, std::string_view key) {
    const auto* row = std::find_if(rows.begin(), rows.end(), [&](const PoolKey& r) {
        return (r.driver.empty() || r.driver == driver) && matches_storage_key(r.name, key);
    });
    return row == rows.end() ? nullptr : row;
}

/// nullptr for a key that there is not.
Check check_of(std::string_view driver, std::string_view key) {
    constexpr std::string_view defaults = "volume.";
    if (key.starts_with(defaults)) {
        const auto* row = find_volume_default(driver, key.substr(defaults.size()));
        return row == nullptr ? nullptr : row->check;
    }
    const auto* row = find(driver, key);
    return row == nullptr ? nullptr : row->check;
}

} // namespace

std::span<const PoolKey> pool_keys() noexcept {
    return rows;
}

void check_pool_config(std::string_view driver, const Config& config) {
    for (const auto& [key, value] : config) {
        const auto check = check_of(driver, key);
        if (check == nullptr) throw bad_request("Invalid option {}", quoted(key));
        try {
            check(value);
        } catch (const Error& error) {
            throw bad_request("Invalid value for option {}: {}", quoted(key), error.what());
        }
    }
    if (driver != "lvm" || !is_false(get(config, "lvm.use_thinpool"))) return;
    for (const auto* key : {"lvm.thinpool_name", "lvm.thinpool_metadata_size"})
        if (!get(config, key).empty())
            throw bad_request("The key lvm.use_thinpool cannot be set to false when {} is set", key);
}

void check_pool_change(std::string_view driver, const Config& before, const Config& after) {
    const auto check = [&](const std::string& key) {
        const auto* row = find(driver, key);
        if (row == nullptr || row->may_change || get(before, key) == get(after, key)) return;
        throw bad_request("Pool {} cannot be changed", quoted(key));
    };
    for (const auto& [key, value] : before) check(key);
    for (const auto& [key, value] : after) check(key);
}

} // namespace schema
