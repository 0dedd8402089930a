#include "schema/keys/volume.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/keys/pattern.h"
#include "schema/units.h"
#include "schema/unset.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;
using enum VolumeScope;

void filesystem_kind(std::string_view value) {
    if (value != "btrfs" && value != "ext4" && value != "xfs")
        throw bad_request("Invalid value {} (not one of [btrfs ext4 xfs])", quoted(value));
}

void zfs_blocksize(std::string_view value) {
    const auto bytes = parse_bytes(value);
    if (bytes < 512 || bytes > 16 << 20 || (bytes & (bytes - 1)) != 0)
        throw bad_request("Value should be between 512 and 16MiB, and be power of 2");
}

// clang-format off
constexpr std::array rows = {
    VolumeKey{"lvm", "block.filesystem", optional<filesystem_kind>, filesystem, true, "Filesystem of a new volume; ext4",
              "ext4"},
    VolumeKey{"lvm", "block.mount_options", any, filesystem, true, "Options of its mount; discard", "discard"},
    VolumeKey{"lvm", "lvm.stripes", optional<uint32>, thick, true, "Stripes of a new volume, in a pool that is not thin"},
    VolumeKey{"lvm", "lvm.stripes.size", optional<size>, thick, true, "Size of a stripe"},
    VolumeKey{"", "security.shifted", optional<boolean>, custom_filesystem, true,
              "Let instances with different ids share the volume"},
    VolumeKey{"", "security.unmapped", optional<boolean>, custom_filesystem, true, "Leave the owners of files alone"},
    VolumeKey{"", "size", optional<size>, custom, true, "How much it may hold"},
    VolumeKey{"", "snapshots.expiry", snapshot_expiry, every, true, "How long a snapshot is kept"},
    VolumeKey{"", "snapshots.pattern", any, every, true, "Name of a scheduled snapshot"},
    VolumeKey{"", "snapshots.schedule", optional<volume_snapshot_schedule>, every, true, "When one is taken"},
    VolumeKey{"", "user.*", any, every, false, "Free for users"},
    VolumeKey{"", "volatile.idmap.last", any, filesystem, false, "Ids that its files lie on disk with"},
    VolumeKey{"", "volatile.idmap.next", any, filesystem, false, "Ids of the instance that used it last"},
    VolumeKey{"", "volatile.rootfs.size", optional<integer>, image, false, "Size of an image's root filesystem"},
    VolumeKey{"zfs", "zfs.blocksize", optional<zfs_blocksize>, every, true, "Size of its blocks"},
    VolumeKey{"zfs", "zfs.remove_snapshots", optional<boolean>, every, true,
              "Remove later snapshots when one is restored"},
    VolumeKey{"zfs", "zfs.reserve_space", optional<boolean>, every, true, "Reserve its size"},
    VolumeKey{"zfs", "zfs.use_refquota", optional<boolean>, every, true, "Let snapshots not count"},
};
// clang-format on

bool is_for(const VolumeKey& row, const VolumeKind& kind) {
    if (!row.driver.empty() && row.driver != kind.driver) return false;
    const bool has_files = kind.content_type == "filesystem";
    switch (row.scope) {
    case custom:
        return kind.type == "custom";
    case filesystem:
        return has_files;
    case custom_filesystem:
        return kind.type == "custom" && has_files;
    case image:
        return kind.type == "image";
    case thick:
        return !kind.is_thin;
    case every:
        break;
    }
    return true;
}

const VolumeKey* find(const VolumeKind& kind, std::string_view key) {
    const auto* const row = std::find_if(rows.begin(), rows.end(), [&](const VolumeKey& candidate) {
        return matches_storage_key(candidate.name, key) && is_for(candidate, kind);
    });
    return row == rows.end() ? nullptr : row;
}

} // namespace

std::span<const VolumeKey> volume_keys() noexcept {
    return rows;
}

const VolumeKey* find_volume_default(std::string_view driver, std::string_view key) noexcept {
    const auto* const row = std::find_if(rows.begin(), rows.end(), [&](const VolumeKey& candidate) {
        return candidate.is_default && candidate.name == key &&
               (candidate.driver.empty() || candidate.driver == driver);
    });
    return row == rows.end() ? nullptr : row;
}

Config with_volume_defaults(const VolumeKind& kind, Config config, const Config& pool_config) {
    constexpr std::string_view prefix = "volume.";
    for (const auto& [key, value] : pool_config) {
        if (!key.starts_with(prefix)) continue;
        const auto name = key.substr(prefix.size());
        if (find(kind, name) != nullptr && get(config, name).empty()) config[name] = value;
    }
    for (const auto& row : rows)
        if (!row.value.empty() && is_for(row, kind) && get(config, std::string(row.name)).empty())
            config[std::string(row.name)] = row.value;
    drop_unset(config);
    return config;
}

void check_volume_config(const VolumeKind& kind, std::string_view name, const Config& config) {
    for (const auto& [key, value] : config) {
        const auto* const row = find(kind, key);
        if (row == nullptr) continue;
        try {
            row->check(value);
        } catch (const Error& error) {
            throw bad_request("Invalid value for volume {} option {}: {}", quoted(name), quoted(key), error.what());
        }
    }
    auto thick_kind = kind;
    thick_kind.is_thin = false;
    for (const auto& [key, value] : config)
        if (find(kind, key) == nullptr && find(thick_kind, key) == nullptr)
            throw bad_request("Invalid option for volume {} option {}", quoted(name), quoted(key));
    for (const auto& [key, value] : config)
        if (find(kind, key) == nullptr && !value.empty())
            throw bad_request("{} cannot be used with thin pool volumes", key);
}

Config without_unknown_options(const VolumeKind& kind, Config config) {
    std::erase_if(config, [&](const auto& option) { return find(kind, option.first) == nullptr; });
    return config;
}

} // namespace schema
