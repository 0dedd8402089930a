#include "schema/keys/server.h"

#include <algorithm>
#include <array>

#include "schema/compression.h"
#include "schema/error.h"
#include "schema/keys/pattern.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;

void server_integer(std::string_view value) {
    if (!parse_integer(value)) throw bad_request("invalid integer");
}

void lvm_filesystem(std::string_view value) {
    if (value != "ext4" && value != "xfs") throw bad_request("{} is none of ext4, xfs", quoted(value));
}

// clang-format off
constexpr std::array rows = {
    ServerKey{"backups.compression_algorithm", optional<check_compression>, "string", "gzip", "",
              "Compressor of backups: bzip2, gzip, lzma, pigz, pzstd, squashfs, xz, zstd or none, perhaps with its strength"},
    ServerKey{"core.shutdown_timeout", optional<server_integer>, "integer", "5", "",
              "Minutes that a shutdown waits for running operations"},
    ServerKey{"images.compression_algorithm", optional<check_compression>, "string", "gzip", "",
              "Compressor of published images, as of backups"},
    ServerKey{"images.remote_cache_expiry", optional<server_integer>, "integer", "10", "",
              "Days after their last use that downloaded images are removed; 0 keeps them"},
    ServerKey{"storage.backups_volume", any, "string", "", "",
              "POOL/VOLUME where backups are kept: an empty custom volume without snapshots, which nothing else uses"},
    ServerKey{"storage.images_volume", any, "string", "", "",
              "POOL/VOLUME where the archives of images are kept, likewise"},
    ServerKey{"storage.lvm_fstype", optional<lvm_filesystem>, "string", "ext4", "",
              "With storage.lvm_vg_name: ext4 or xfs on new volumes"},
    ServerKey{"storage.lvm_thinpool_name", any, "string", "LXDThinPool", "",
              "With storage.lvm_vg_name: the thin pool in it, which is made where it is missing"},
    ServerKey{"storage.lvm_vg_name", any, "string", "", "",
              "Makes the pool \"default\" in this volume group, where there is none"},
    ServerKey{"storage.lvm_volume_size", optional<size>, "size", "10GiB", "",
              "With storage.lvm_vg_name: of new volumes"},
    ServerKey{"storage.zfs_pool_name", any, "string", "", "",
              "Makes the pool \"default\" in this zpool or dataset, where there is none"},
    ServerKey{"storage.zfs_remove_snapshots", optional<boolean>, "bool", "false", "",
              "With storage.zfs_pool_name: a restore removes the snapshots that are in its way"},
    ServerKey{"user.*", any, "string", "", "",
              "Free for users"},
};
// clang-format on

static_assert(std::is_sorted(rows.begin(), rows.end(),
                             [](const ServerKey& a, const ServerKey& b) { return a.name < b.name; }));

} // namespace

std::span<const ServerKey> server_keys() noexcept {
    return rows;
}

const ServerKey* find_server_key(std::string_view key) noexcept {
    const auto* row =
        std::find_if(rows.begin(), rows.end(), [&](const ServerKey& r) { return matches_key(r.name, key); });
    return row == rows.end() ? nullptr : row;
}

void check_server_config(const Config& config) {
    for (const auto& [key, value] : config) {
        const auto* row = find_server_key(key);
        if (row == nullptr) throw bad_request("cannot set '{}' to '{}': unknown key", key, value);
        try {
            row->check(value);
        } catch (const Error& error) {
            throw bad_request("cannot set '{}' to '{}': {}", key, value, error.what());
        }
    }
}

} // namespace schema
