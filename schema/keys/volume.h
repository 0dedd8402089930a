#pragma once
// The table of storage volume options, by driver. Read by the storage room; those of custom volumes and a pool's
// `volume.*`, which new volumes get, are checked by it.

#include <span>
#include <string_view>

#include "schema/checks.h"
#include "schema/config.h"

namespace schema {

/// What an option is for.
enum class VolumeScope {
    every,
    custom,            // custom volumes
    filesystem,        // any type with files
    custom_filesystem, // custom volumes with files
    image,
    thick, // any type, but where volumes are parts of a thin pool
};

struct VolumeKey {
    std::string_view driver; // empty: every driver
    std::string_view name;   // `*` as in the instance table
    Check check;
    VolumeScope scope;
    bool is_default; // whether a pool can have it as volume.NAME
    std::string_view words;
    std::string_view value{}; // of a volume that neither its creator nor its pool says anything for
};

std::span<const VolumeKey> volume_keys() noexcept;

/// A volume as far as its options go.
struct VolumeKind {
    std::string_view driver;
    std::string_view type = "custom";
    std::string_view content_type = "filesystem";
    bool is_thin = false;
};

/// The option of a pool that new volumes get; nullptr where there is none. `key` is without "volume.".
const VolumeKey* find_volume_default(std::string_view driver, std::string_view key) noexcept;
/// What a new volume has: its own options, and what its pool says of those that it leaves out.
Config with_volume_defaults(const VolumeKind& kind, Config config, const Config& pool_config);
/// Throws bad_request (where LXD answers 500) with its text for the first option (in order) that is bad, or is none
/// of such a volume.
void check_volume_config(const VolumeKind& kind, std::string_view name, const Config& config);
/// Without what is no option of such a volume, as when it comes from a pool of another driver.
Config without_unknown_options(const VolumeKind& kind, Config config);

} // namespace schema
