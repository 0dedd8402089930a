// The restores of the driver "dir". A volume of which most is as in the snapshot is restored in place: what differs is
// copied first, and changes places with what is there once all of it is on the disk. That costs what was changed, in
// time and in space. Where a crash comes in between, the copies' folder has a name that says what was going on, and the
// same is done again. Any other volume is replaced as a whole.

#include <array>
#include <climits>
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
#include "daemon/storage/sync_tree.h"
#include "daemon/storage/tree_copy.h"
#include "daemon/storage/tree_difference.h"
#include "daemon/storage/tree_exchange.h"

namespace storage {

namespace {

using base::fail;

constexpr std::string_view restoring_prefix = ".restoring-";
constexpr const char* snapshot_link = "snapshot"; // beside the copies, which are in folders with numbers

VolumeId whole(const VolumeId& snapshot) {
    return {snapshot.type, snapshot.name};
}

/// A power cut may lose a file's new ctime but not its new content: what was copied before it tells nothing.
timespec boot_time() {
    constexpr long second = 1000000000;
    timespec now{};
    timespec running{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::clock_gettime(CLOCK_BOOTTIME, &running);
    timespec boot{now.tv_sec - running.tv_sec, now.tv_nsec - running.tv_nsec};
    if (boot.tv_nsec < 0) boot = {boot.tv_sec - 1, boot.tv_nsec + second};
    return boot;
}

std::vector<TreePart> parts_of(const TreeDifference& difference) {
    std::vector<TreePart> parts;
    parts.reserve(difference.folders.size());
    for (const auto& [path, folder] : difference.folders) parts.push_back({path, folder.put});
    return parts;
}

std::vector<std::string> paths_of(const TreeDifference& difference) {
    std::vector<std::string> paths;
    paths.reserve(difference.folders.size());
    for (const auto& [path, folder] : difference.folders) paths.push_back(path);
    return paths;
}

} // namespace

std::string DirDriver::restoring_folder(const VolumeId& volume) const {
    return fmt::format("{}/{}{}", folder(volume), restoring_prefix, volume.name);
}

void DirDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    const auto volume = whole(snapshot);
    const auto left_alone = same_in(snapshot);
    if (left_alone && !base::exists(restoring_folder(volume))) {
        const auto difference =
            tree_difference(open_volume(snapshot).get(), open_volume(volume).get(), {cancel, *left_alone, boot_time()});
        if (difference.reachable && difference.changed <= difference.same)
            return restore_in_place(snapshot, difference, cancel);
    }
    replace(snapshot, cancel, progress);
    restored(volume);
}

void DirDriver::replace(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    const auto volume = whole(snapshot);
    const auto making = layout::temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    rollback.add([&] { leaving(making); });
    copy(snapshot, making, cancel, progress);
    carry_limit_to(making, volume);
    if (::renameat2(AT_FDCWD, making.c_str(), AT_FDCWD, path(volume).c_str(), RENAME_EXCHANGE) < 0)
        fail("Failed exchanging " + path(volume));
    rollback.dismiss();
    base::sync_folder(folder(volume));
    this->leaving(making);
    removal_.remove(making);
}

void DirDriver::restore_in_place(const VolumeId& snapshot, const TreeDifference& difference,
                                 const base::CancelToken& cancel) {
    const auto volume = whole(snapshot);
    const auto staged = stage(snapshot, difference, cancel);
    const auto target = open_volume(volume);
    try {
        exchange_trees(open_volume(snapshot).get(), layout::open_folder(staged).get(), target.get(), difference);
    } catch (const HalfExchanged&) {
        throw;
    } catch (...) {
        restored(volume);
        throw;
    }
    sync_folders(target.get(), paths_of(difference));
    restored(volume);
}

std::string DirDriver::stage(const VolumeId& snapshot, const TreeDifference& difference,
                             const base::CancelToken& cancel) {
    const auto volume = whole(snapshot);
    const auto making = layout::temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    TreeCopyOptions options;
    options.cancel = cancel;
    options.threads = copying_threads();
    copy_parts(open_volume(snapshot).get(), parts_of(difference), layout::open_folder(making).get(), options);
    carry_limit_to(making, volume);
    const auto link = fmt::format("{}/{}", making, snapshot_link);
    if (::symlink(snapshot.snapshot.c_str(), link.c_str()) < 0) fail("Failed making " + link);
    sync_tree(making);
    auto restoring = restoring_folder(volume);
    layout::rename_new(making, restoring);
    rollback.dismiss();
    base::sync_folder(folder(volume));
    return restoring;
}

void DirDriver::restored(const VolumeId& volume) {
    const auto gone = layout::temporary_path(folder(volume));
    if (::rename(restoring_folder(volume).c_str(), gone.c_str()) < 0) {
        if (errno == ENOENT) return;
        fail("Failed removing " + restoring_folder(volume));
    }
    base::sync_folder(folder(volume)); // once it is acknowledged, nothing restores it once more
    removal_.remove(gone);
}

void DirDriver::finish_restore(const VolumeId& volume) {
    if (!volume.snapshot.empty()) return;
    const std::scoped_lock lock(finishing_);
    const auto link = fmt::format("{}/{}", restoring_folder(volume), snapshot_link);
    std::array<char, NAME_MAX> text{};
    const auto length = ::readlink(link.c_str(), text.data(), text.size());
    if (length < 0 && errno == ENOENT) return;
    if (length < 0) fail("Failed reading " + link);
    const VolumeId snapshot{volume.type, volume.name, std::string(text.data(), static_cast<size_t>(length))};
    if (!exists(volume) || !exists(snapshot)) return restored(volume);
    restore(snapshot, {}, {});
}

void DirDriver::finish_restores() {
    for (const auto type : {VolumeType::container, VolumeType::custom}) {
        for (const auto& name : layout::names_in(folder({type, ""}))) {
            if (!name.starts_with(restoring_prefix)) continue;
            try {
                finish_restore({type, name.substr(restoring_prefix.size())});
            } catch (const std::exception&) { // Tried again before the volume is used, which can tell of it.
            }
        }
    }
}

} // namespace storage
