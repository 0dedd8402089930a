#include "daemon/storage/btrfs.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/btrfs_quota.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/subvolume.h"
#include "schema/error.h"

namespace storage {

namespace {

using base::fail;

bool stays_as_it_is(const VolumeId& volume) {
    return volume.type == VolumeType::image || !volume.snapshot.empty();
}

/// "btrfs-progs v6.2" -> "6.2"
std::string tools_version() {
    try {
        const auto said = base::run_or_throw({.argv = {"btrfs", "version"}});
        const auto begin = said.find(" v");
        return begin == std::string::npos ? ""
                                          : said.substr(begin + 2, said.find_first_of(" \n", begin + 2) - begin - 2);
    } catch (const std::exception&) { // The driver works without them; only its version is theirs.
        return "";
    }
}

} // namespace

std::string BtrfsDriver::version() const {
    static const std::string version = tools_version();
    return version;
}

std::string BtrfsDriver::path(const VolumeId& volume) const {
    return layout::path(pool_.path(), volume);
}

void BtrfsDriver::leave(const std::string& making, const VolumeId& volume) const {
    subvolume::remove(making);
    if (!volume.snapshot.empty()) ::rmdir(layout::snapshots_folder(pool_.path(), volume).c_str());
}

std::string BtrfsDriver::parent(const VolumeId& volume) const {
    if (volume.snapshot.empty()) return layout::folder(pool_.path(), volume);
    auto folder = layout::snapshots_folder(pool_.path(), volume);
    if (!base::exists(folder)) base::make_dir(folder, 0711);
    return folder;
}

bool BtrfsDriver::exists(const VolumeId& volume) const {
    return base::exists(path(volume));
}

std::vector<std::string> BtrfsDriver::list(VolumeType type) const {
    auto names = layout::names_in(layout::folder(pool_.path(), {type, ""}));
    std::erase_if(names, [](const auto& name) { return name.starts_with('.'); });
    return names;
}

std::vector<std::string> BtrfsDriver::snapshots(const VolumeId& volume) const {
    auto names = layout::names_in(layout::snapshots_folder(pool_.path(), volume));
    std::erase_if(names, layout::is_temporary);
    return names;
}

void BtrfsDriver::create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    const auto folder = parent(volume);
    const auto making = layout::temporary_path(folder);
    base::Rollback rollback;
    rollback.add([&] { leave(making, volume); });
    subvolume::create(making);
    layout::set_first_mode(making, volume.type);
    fill(making);
    layout::set_last_mode(making, volume.type);
    if (stays_as_it_is(volume)) subvolume::set_read_only(subvolume::open(making).get(), true);
    subvolume::sync(making);
    layout::rename_new(making, path(volume));
    rollback.dismiss();
    base::sync_folder(folder);
}

void BtrfsDriver::clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
                        const Progress&) {
    cancel.check();
    if (exists(target)) throw schema::conflict("Volume \"{}\" exists already", path(target));
    const auto folder = parent(target);
    const auto making = layout::temporary_path(folder);
    base::Rollback rollback;
    rollback.add([&] { leave(making, target); });
    subvolume::snapshot(path(source), making, false);
    layout::set_last_mode(making, target.type);
    if (stays_as_it_is(target)) subvolume::set_read_only(subvolume::open(making).get(), true);
    layout::rename_new(making, path(target));
    rollback.dismiss();
    base::sync_folder(folder);
}

void BtrfsDriver::take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress&) {
    cancel.check();
    if (exists(snapshot)) throw schema::conflict("Volume \"{}\" exists already", path(snapshot));
    const auto folder = parent(snapshot);
    const auto making = layout::temporary_path(folder);
    base::Rollback rollback;
    rollback.add([&] { leave(making, snapshot); });
    subvolume::snapshot(path({snapshot.type, snapshot.name}), making, true);
    layout::rename_new(making, path(snapshot));
    rollback.dismiss();
    base::sync_folder(folder);
}

void BtrfsDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress&) {
    cancel.check();
    const VolumeId volume{snapshot.type, snapshot.name};
    const auto folder = parent(volume);
    const auto making = layout::temporary_path(folder);
    subvolume::snapshot(path(snapshot), making, false);
    base::Rollback rollback;
    rollback.add([&] { subvolume::remove(making); });
    // The limit is the volume's, not its content's.
    if (const auto bytes = btrfs_quota::limit(subvolume::open(path(volume)).get()); bytes > 0) set_limit(making, bytes);
    if (::renameat2(AT_FDCWD, making.c_str(), AT_FDCWD, path(volume).c_str(), RENAME_EXCHANGE) < 0)
        fail("Failed exchanging " + path(volume));
    rollback.dismiss();
    base::sync_folder(folder);
    removal_.remove(making);
}

void BtrfsDriver::rename(const VolumeId& volume, const std::string& new_name) {
    if (!volume.snapshot.empty()) {
        layout::rename_new(path(volume), path({volume.type, volume.name, new_name}));
        return base::sync_folder(parent(volume));
    }
    const VolumeId target{volume.type, new_name};
    const auto before = layout::snapshots_folder(pool_.path(), volume);
    const auto after = layout::snapshots_folder(pool_.path(), target);
    base::Rollback rollback;
    if (base::exists(before)) {
        layout::rename_new(before, after);
        rollback.add([&] { layout::rename_new(after, before); });
    }
    if (exists(volume) || !exists(target)) layout::rename_new(path(volume), path(target));
    rollback.dismiss();
    base::sync_folder(parent(target));
}

void BtrfsDriver::remove(const VolumeId& volume) {
    const auto snapshots_folder = layout::snapshots_folder(pool_.path(), volume);
    if (!exists(volume)) {
        ::rmdir(snapshots_folder.c_str()); // of one that was never made whole
        return;
    }
    const auto leaving =
        layout::temporary_path(volume.snapshot.empty() ? layout::folder(pool_.path(), volume) : snapshots_folder);
    // Gone under its name at once: a crash among nested subvolumes leaves no half of it there.
    if (::rename(path(volume).c_str(), leaving.c_str()) < 0) fail("Failed removing " + path(volume));
    base::sync_folder(parent(volume)); // before its row goes
    if (volume.snapshot.empty())
        removal_.remove(leaving);
    else
        subvolume::remove(leaving);    // shares most of what it holds, and lies in a folder that may go with it
    ::rmdir(snapshots_folder.c_str()); // stays where there are others
}

std::optional<int64_t> BtrfsDriver::usage(const VolumeId& volume) const {
    const auto used = btrfs_quota::usage(subvolume::open(path(volume)).get());
    if (!used) return {};
    return used->exclusive;
}

void BtrfsDriver::limit(const VolumeId& volume, int64_t bytes) {
    set_limit(path(volume), bytes);
}

void BtrfsDriver::check_limit(const VolumeId& volume, int64_t bytes) {
    const auto place = path(volume);
    const auto opened = subvolume::open(place);
    subvolume::sync(place); // what is not on the disk yet is not counted
    btrfs_quota::begin(opened.get());
    const auto used = btrfs_quota::usage(opened.get());
    if (used && used->referenced > bytes)
        throw schema::failure("Failed limiting {} to {} bytes, as it holds {}: Disk quota exceeded", place, bytes,
                              used->referenced);
}

void BtrfsDriver::set_limit(const std::string& path, int64_t bytes) const {
    const auto place = subvolume::open(pool_.path());
    btrfs_quota::set_limit(place.get(), subvolume::id(subvolume::open(path).get()), bytes);
    subvolume::commit(place.get());
}

void BtrfsDriver::delete_pool() {
    removal_.wait();
    pool_.remove();
}

void BtrfsDriver::unmount_pool() {
    removal_.end();
    pool_.unmount();
}

void BtrfsDriver::clean_up() {
    removal_.wait(); // its trees have such names
    for (const auto& path : layout::leftovers(pool_.path())) {
        if (subvolume::is_subvolume(path))
            subvolume::remove(path);
        else
            base::remove_tree(path);
    }
    layout::remove_empty_snapshot_folders(pool_.path());
}

} // namespace storage
