// The restores of the driver "dir". Where the filesystem tells which files still lie on the same blocks as their copies
// in the snapshot, a volume of which most does is restored in place: what differs is copied first, and changes places
// with what is there once all of it is on the disk. That costs what was changed, in time and in space. Any other volume
// is replaced as a whole, as is one that a crash has left half changed.

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
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
    parts.reserve(difference.folders.size());
    for (const auto& [path, folder] : difference.folders) parts.push_back({path, folder.put});
    return parts;
}

unsigned comparing_threads() {
    return std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
}

} // namespace

/// Where a volume is while it holds some of both: nobody finds it under its own name, whatever happens meanwhile.
std::string DirDriver::changing_folder(const VolumeId& volume) const {
    return fmt::format("{}/.restoring-{}", folder(volume), volume.name);
}

void DirDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    const auto volume = whole(snapshot);
    if (exists(volume)) drop_changing(volume); // what was left of one that was replaced
    if (shares_content() && exists(volume) && restore_in_place(snapshot, cancel)) return;
    replace(snapshot, cancel, progress);
    drop_changing(volume);
}

/// Whether that was done: else nothing was changed, or the volume is where only `replace` looks for it.
bool DirDriver::restore_in_place(const VolumeId& snapshot, const base::CancelToken& cancel) {
    const auto volume = whole(snapshot);
    const auto staged = layout::temporary_path(folder(volume));
    base::Rollback removal;
    try {
        const auto from = open_volume(snapshot);
        const auto to = open_volume(volume);
        if (!tells_extents(to.get())) return false;
        const auto difference = tree_difference(from.get(), to.get(), {share_all_extents, cancel, comparing_threads()});
        if (!difference.reachable || difference.changed > difference.same) return false;
        if (difference.folders.empty()) {
            sync_filesystem(to.get()); // how it came to be so, too
            return true;
        }
        base::make_dir(staged, 0700);
        removal.add([&] { removal_.remove(staged); });
        const auto beside = layout::open_folder(staged);
        if (counts_projects_) carry_limit_over(project_kernel(), to.get(), beside.get());
        TreeCopyOptions options;
        options.cancel = cancel;
        options.threads = copying_threads();
        copy_parts(from.get(), parts_of(difference), beside.get(), options);
        sync_tree(staged);
        change(volume, [&] { exchange_trees(from.get(), beside.get(), to.get(), difference); });
    } catch (const std::exception&) {
        return false; // such as a file that may not be renamed: the other way may do, and tells what is wrong
    }
    // The log of an xfs is in order: what was changed before is on the disk with it.
    base::sync_folder(folder(volume));
    return true;
}

void DirDriver::change(const VolumeId& volume, const std::function<void()>& work) {
    layout::rename_new(path(volume), changing_folder(volume));
    try {
        work();
    } catch (const HalfExchanged&) {
        throw;
    } catch (...) {
        layout::rename_new(changing_folder(volume), path(volume));
        throw;
    }
    layout::rename_new(changing_folder(volume), path(volume));
}

void DirDriver::replace(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    const auto volume = whole(snapshot);
    const bool is_there = exists(volume);
    const auto making = layout::temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    rollback.add([&] { leaving(making); });
    copy(snapshot, making, cancel, progress);
    if (counts_projects_) {
        const auto before = is_there ? open_volume(volume) : layout::open_folder(changing_folder(volume));
        carry_limit_over(project_kernel(), before.get(), layout::open_folder(making).get());
    }
    if (!is_there) {
        layout::rename_new(making, path(volume));
        rollback.dismiss();
        return base::sync_folder(folder(volume));
    }
    if (::renameat2(AT_FDCWD, making.c_str(), AT_FDCWD, path(volume).c_str(), RENAME_EXCHANGE) < 0)
        base::fail("Failed exchanging " + path(volume));
    rollback.dismiss();
    base::sync_folder(folder(volume));
    this->leaving(making);
    removal_.remove(making);
}

/// Once the volume is there anew, or nobody wants it any more.
void DirDriver::drop_changing(const VolumeId& volume) {
    const auto gone = layout::temporary_path(folder(volume));
    if (::rename(changing_folder(volume).c_str(), gone.c_str()) < 0) return;
    base::sync_folder(folder(volume));
    removal_.remove(gone);
}

} // namespace storage
