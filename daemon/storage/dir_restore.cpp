// The restores of the driver "dir". Where the filesystem tells which files still lie on the same blocks as their copies
// in the snapshot, a volume of which most does is restored in place: what differs is copied first, and changes places
// with what is there once all of it is on the disk. That costs what was changed, in time and in space. Any other volume
// is replaced as a whole.

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/dir.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/project_quota.h"
#include "daemon/storage/shared_extents.h"
#include "daemon/storage/sync_tree.h"
#include "daemon/storage/tree_copy.h"
#include "daemon/storage/tree_difference.h"
#include "daemon/storage/tree_exchange.h"

namespace storage {

namespace {

VolumeId whole(const VolumeId& snapshot) {
    return {snapshot.type, snapshot.name};
}

std::vector<TreePart> parts_of(const TreeDifference& difference) {
    std::vector<TreePart> parts;
    for (const auto& [path, folder] : difference.folders) parts.push_back({path, folder.put});
    return parts;
}

std::vector<std::string> paths_of(const TreeDifference& difference) {
    std::vector<std::string> paths;
    for (const auto& [path, folder] : difference.folders) paths.push_back(path);
    return paths;
}

} // namespace

void DirDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    if (shares_content() && restore_in_place(snapshot, cancel)) return;
    replace(snapshot, cancel, progress);
}

/// Whether that was done: else nothing was changed.
bool DirDriver::restore_in_place(const VolumeId& snapshot, const base::CancelToken& cancel) {
    const auto from = open_volume(snapshot);
    const auto to = open_volume(whole(snapshot));
    if (!tells_extents(to.get())) return false;
    const auto difference =
        tree_difference(from.get(), to.get(), {share_all_extents, cancel, std::thread::hardware_concurrency()});
    if (!difference.reachable || difference.changed > difference.same) return false;
    const auto staged = layout::temporary_path(folder(whole(snapshot)));
    base::make_dir(staged, 0700);
    base::Rollback removal;
    removal.add([&] { removal_.remove(staged); });
    const auto beside = layout::open_folder(staged);
    try {
        if (counts_projects_) carry_limit_over(project_kernel(), to.get(), beside.get());
        TreeCopyOptions options;
        options.cancel = cancel;
        options.threads = copying_threads();
        copy_parts(from.get(), parts_of(difference), beside.get(), options);
        sync_tree(staged);
        exchange_trees(from.get(), beside.get(), to.get(), difference);
    } catch (const std::system_error&) {
        return false; // such as a file that may not be renamed: the other way may do
    }
    sync_folders(to.get(), paths_of(difference));
    return true;
}

void DirDriver::replace(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    const auto volume = whole(snapshot);
    const auto making = layout::temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    rollback.add([&] { leaving(making); });
    copy(snapshot, making, cancel, progress);
    if (counts_projects_)
        carry_limit_over(project_kernel(), open_volume(volume).get(), layout::open_folder(making).get());
    if (::renameat2(AT_FDCWD, making.c_str(), AT_FDCWD, path(volume).c_str(), RENAME_EXCHANGE) < 0)
        base::fail("Failed exchanging " + path(volume));
    rollback.dismiss();
    base::sync_folder(folder(volume));
    this->leaving(making);
    removal_.remove(making);
}

} // namespace storage
