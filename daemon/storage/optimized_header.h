#pragma once
// The optimized_header.yaml of LXD's backups of btrfs volumes: the subvolumes in them. Pure. Called by the driver
// btrfs.

#include <string>
#include <vector>

namespace storage {

struct BackedUpSubvolume {
    std::string snapshot; // empty: of the volume itself
    std::string path;     // in it, without a slash before it; empty: its own subvolume
    bool read_only = false;

    bool operator==(const BackedUpSubvolume&) const = default;
};

std::string optimized_header(const std::vector<BackedUpSubvolume>& subvolumes);
/// Throws bad_request where it is none, or a path leads elsewhere, or the volume itself or one of these snapshots, or
/// no other, is not there once, with what is nested in it after it.
std::vector<BackedUpSubvolume> optimized_header_from(const std::string& text,
                                                     const std::vector<std::string>& snapshots);
/// What LXD takes where a backup has no header.
std::vector<BackedUpSubvolume> without_nested(const std::vector<std::string>& snapshots);

/// "snapshots/s0_rootfs-a--b.bin", as LXD calls the stream of such a subvolume of an instance ("volume-snapshots/..."
/// of a custom volume).
std::string stream_name(bool custom, const std::string& snapshot, const std::string& path = {});

} // namespace storage
