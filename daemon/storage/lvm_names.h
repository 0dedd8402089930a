#pragma once
// What logical volumes are called: LXD's names, so that a real LXD finds its volumes in ours and the reverse. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "daemon/storage/driver.h"

namespace storage::lvm_names {

/// "containers_a--b-snap0" of the snapshot snap0 of a-b; ".block" at the end of a block volume's.
std::string logical_volume(const VolumeId& volume, bool block = false);
/// The reverse; nothing for a name that is none of a volume's.
std::optional<VolumeId> volume(std::string_view name);

/// What a crash leaves: volumes that were being made, and the two of an exchange that was begun.
constexpr std::string_view making = "lxd.partial.";
constexpr std::string_view restoring = "lxd.restoring.";
constexpr std::string_view replaced = "lxd.replaced.";
/// A snapshot's copy that can be mounted.
constexpr std::string_view viewed = "lxd.view.";

} // namespace storage::lvm_names
