#pragma once
// Where volumes lie in a pool that is one filesystem, as LXD lays them out, and the small steps on such folders that
// drivers share. Called by drivers alone.

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "daemon/base/fd.h"
#include "daemon/storage/driver.h"

namespace storage::layout {

struct Folder {
    const char* name;
    mode_t mode;
};
/// The instances' folders must be passable for their mapped roots.
inline constexpr std::array folders{
    Folder{"containers", 0711}, Folder{"containers-snapshots", 0711},
    Folder{"custom", 0700},     Folder{"custom-snapshots", 0700},
    Folder{"images", 0700},
};

/// Makes those that are missing.
void make_folders(const std::string& pool_path);
/// For trees that have nothing to do with each other: ext4, whose flag for that ("T" of chattr) this is, gives each a
/// place of its own on the disk. Else it would look for inodes among those that were freed a moment ago, which it does
/// not take for minutes, and a tree made after another was removed would take ten times as long.
void make_folder_of_trees(const std::string& path, mode_t mode);
/// Of volumes of a type, or (with a snapshot's id) of all their snapshots.
std::string folder(const std::string& pool_path, const VolumeId& volume);
/// Of the snapshots of one volume.
std::string snapshots_folder(const std::string& pool_path, const VolumeId& volume);
std::string path(const std::string& pool_path, const VolumeId& volume);
/// A container's folder is for its root alone, who needs no more than to pass through it.
mode_t volume_mode(VolumeType type);
/// Of one that came with a mode, which a custom volume keeps: its top folder is its users' own.
mode_t volume_mode(VolumeType type, mode_t brought);
/// Before a volume is filled: what fills a custom one may bring the mode that its users gave it.
void set_first_mode(const std::string& path, VolumeType type);
/// Of the others, once they are filled, whatever filled them.
void set_last_mode(const std::string& path, VolumeType type);

/// A name in `parent` that no volume can have; and whether a name is such.
std::string temporary_path(const std::string& parent);
bool is_temporary(std::string_view name);
/// What is in the pool under such names: a crash left it.
std::vector<std::string> leftovers(const std::string& pool_path);

/// Folders for the snapshots of one volume that hold none.
void remove_empty_snapshot_folders(const std::string& pool_path);
/// The folder that a volume or a snapshot is mounted on, and those above it.
void make_place(const std::string& pool_path, const VolumeId& volume);
/// The same before `make`; it goes again where that throws.
void with_place(const std::string& pool_path, const VolumeId& volume, const std::function<void()>& make);
/// Removes folders that nothing is mounted on and whose volume or snapshot is not there.
void remove_stale_places(const std::string& pool_path, const std::function<bool(const VolumeId& volume)>& is_there);
/// Whether a pool was ever laid out there: what is left of one whose filesystem is not mounted is not.
bool is_laid_out(const std::string& pool_path);

/// Without "." and ".."; nothing of a folder that does not exist.
std::vector<std::string> names_in(const std::string& folder);
bool is_folder(const std::string& path);
/// For reading; no link.
base::Fd open_folder(const std::string& path);
/// Whether something is mounted exactly there.
bool is_mount_point(const std::string& path);
/// Throws conflict where the new name is taken.
void rename_new(const std::string& from, const std::string& to);
/// LXD_DIR, with the slash, of a pool's path in LXD_DIR/storage-pools; empty for a path that is elsewhere.
std::string lxd_dir(const std::string& pool_path);

} // namespace storage::layout
