#pragma once
// Mounts with owners of files mapped, and overlays of folders. Called by the driver "overlay".

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sys/types.h>

#include "daemon/base/fd.h"
#include "daemon/storage/id_shift.h"

namespace storage {

/// The lines of a uid_map (or gid_map) for mount_setattr: files that lie on disk with `ids.from` are seen with
/// `ids.to`. The daemon's own root is among those seen, or it could make no file there: as an id that no image has. So
/// is `passing`, the owner of a folder on the way, or the daemon could not get past it.
std::string mount_map(const IdShift& ids, schema::IdKind kind, int64_t passing);

/// User namespaces for id-mapped mounts, kept as long as a few are in use. Thread-safe.
class MappingNamespaces {
public:
    /// Nothing where the map changes no id. Throws std::system_error.
    std::shared_ptr<const base::Fd> get(const IdShift& ids, uid_t passing_uid, gid_t passing_gid);
    /// Just that map, for files that lie on disk with ids as seen inside.
    std::shared_ptr<const base::Fd> get(const schema::IdMap& ids);

private:
    std::shared_ptr<const base::Fd> get(const std::string& uids, const std::string& gids);

    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const base::Fd>> by_map_;
};

/// A folder to mount on: what is mounted there and the folder go with the last reference.
using ScratchMount = std::shared_ptr<const std::string>;
ScratchMount scratch_folder(std::string path);

/// The filesystem of `folder` from there on, without what is mounted below, on a new folder `target`.
ScratchMount mount_again(const std::string& folder, const std::string& target, const base::Fd* user_namespace);
/// The same, reached by its descriptor alone.
base::Fd detached_mount(const std::string& folder);

/// Mounts what is mounted on `path` once more, on top, with owners mapped.
void map_mount(const std::string& path, bool recursive, const base::Fd& user_namespace);

struct Layers {
    std::vector<base::Fd> lower; // folders, uppermost first
    base::Fd upper;              // none: read-only
    base::Fd work;               // empty, in the same mount as upper
};
/// Throws std::system_error, also where the overlay could be mounted but not written to.
void mount_overlay(const Layers& layers, const std::string& target);

/// Whatever is mounted there, in use or not. Not an error when nothing is.
void detach_mounts(const std::string& path);
/// The same for everything below a folder.
void detach_mounts_below(const std::string& folder);

} // namespace storage
