#include "daemon/storage/daemon_storage.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/sync_tree.h"
#include "daemon/storage/tree_copy.h"
#include "schema/error.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

/// What a link leads to whose volume was given up.
constexpr const char* nowhere = "out-of-reach";

std::string fresh_path(const DaemonFolder& folder) {
    return folder.path() + ".new";
}

std::string name_of(const DaemonFolder& folder) {
    return fs::path(folder.path()).filename();
}

bool is_there(const std::string& path) {
    return fs::symlink_status(path).type() != fs::file_type::not_found;
}

std::optional<std::string> link_target(const std::string& path) {
    if (!fs::is_symlink(fs::symlink_status(path))) return {};
    return fs::read_symlink(path).string();
}

void sync_parent(const DaemonFolder& folder) {
    base::sync_folder(fs::path(folder.path()).parent_path());
}

void make_link(const std::string& path, const std::string& target) {
    if (::symlink(target.c_str(), path.c_str()) < 0) base::fail("Failed making the link " + path);
}

/// Of a link, or of nothing.
void replace_by_link(const DaemonFolder& folder, const std::string& target) {
    const auto temporary = folder.path() + ".link";
    base::remove_tree(temporary);
    make_link(temporary, target);
    base::rename_durably(temporary, folder.path());
}

void exchange(const DaemonFolder& folder) {
    const auto fresh = fresh_path(folder);
    if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, folder.path().c_str(), RENAME_EXCHANGE) < 0)
        base::fail("Failed exchanging " + fresh + " and " + folder.path());
}

/// Without what filesystems have of their own.
std::vector<std::string> content(const std::string& folder) {
    auto names = layout::names_in(folder);
    std::erase_if(names, [](const std::string& name) { return name == "lost+found" || name == ".zfs"; });
    return names;
}

void empty(const std::string& folder) {
    for (const auto& name : content(folder)) base::remove_tree(fmt::format("{}/{}", folder, name));
    base::sync_folder(folder);
}

/// Removes one that holds folders without files and nothing else.
void remove_folder_without_files(const std::string& folder) {
    for (const auto& name : layout::names_in(folder)) ::rmdir(fmt::format("{}/{}", folder, name).c_str());
    if (::rmdir(folder.c_str()) < 0) base::fail("Failed removing " + folder);
}

base::Fd open_through_links(const std::string& folder) {
    return base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
}

void copy_content(const std::string& from, const std::string& to) {
    const auto source = open_through_links(from);
    const auto target = open_through_links(to);
    const auto names = content(from);
    copy_parts(source.get(), {{"", names}}, target.get(), {.cancel = {}, .progress = {}, .threads = copying_threads()});
    for (const auto& name : names)
        if (::renameat(target.get(), ("0/" + name).c_str(), target.get(), name.c_str()) < 0)
            base::fail("Failed moving " + name);
    if (::unlinkat(target.get(), "0", AT_REMOVEDIR) < 0) base::fail("Failed removing a folder of " + to);
    sync_tree(fs::canonical(to));
}

void make_subfolders(const DaemonStorage::Place& place, const std::string& folder) {
    for (const auto& name : place.subfolders) base::make_dir(fmt::format("{}/{}", folder, name), 0700);
}

} // namespace

// --- volumes ------------------------------------------------------------------------------------------------------

VolumePlace DaemonStorage::target(const Place& place, const std::string& volume) const {
    const auto slash = volume.find('/');
    if (slash == std::string::npos || volume.find('/', slash + 1) != std::string::npos)
        throw schema::failure("Failed validation of {:?}: Invalid syntax for volume, must be <pool>/<volume>",
                              place.key);
    return {volume.substr(0, slash), volume.substr(slash + 1)};
}

void DaemonStorage::check_target(const Place& place, const std::string& volume) const {
    const auto place_of = target(place, volume);
    const auto found = [&](const auto& look, const std::string& attempt, const char* text) {
        try {
            return look();
        } catch (const schema::Error& error) {
            if (error.kind() != schema::ErrorKind::not_found) throw;
            throw schema::not_found("Failed validation of {:?}: {}: {}", place.key, attempt, text);
        }
    };
    found([&] { return rooms_.pools.settings(place_of.pool); },
          fmt::format("Unable to load storage pool {:?}", place_of.pool), "Storage pool not found");
    const auto row = found([&] { return rooms_.volumes.row(place_of); },
                           fmt::format("Failed loading storage volume {:?} in \"default\" project", volume),
                           "Storage volume not found");
    if (row.content_type != "filesystem")
        throw schema::failure(
            "Failed validation of {:?}: Storage volume {:?} in \"default\" project is not filesystem content type",
            place.key, volume);
    if (!rooms_.volumes.snapshot_rows(place_of).empty())
        throw schema::failure("Failed validation of {:?}: Storage volumes for use by LXD itself cannot have snapshots",
                              place.key);
    // A container could put links among the files, which the daemon would follow.
    if (const auto users = rooms_.volumes.used_by({place_of.pool, "custom", place_of.name}); !users.empty())
        throw schema::failure("Failed validation of {:?}: Storage volume {:?} is used by {}", place.key, volume,
                              users.front());
}

std::string DaemonStorage::begin_use(const Place& place, const VolumePlace& volume) {
    return rooms_.volumes
        .use(volume, {Volumes::daemon, name_of(place.folder), {}}, {[](const std::string&) { return true; }, [] {}})
        .path;
}

void DaemonStorage::end_use(const Place& place, const VolumePlace& volume) {
    rooms_.volumes.release(volume, Volumes::daemon, name_of(place.folder));
}

std::optional<VolumePlace> DaemonStorage::volume_at(const fs::path& folder) const {
    const auto pool = folder.parent_path().parent_path().filename().string();
    for (const auto& row : rooms_.volumes.rows())
        if (row.pool == pool && custom_volume(row.name).name == folder.filename()) return VolumePlace{pool, row.name};
    return {};
}

// --- start and end ------------------------------------------------------------------------------------------------

void DaemonStorage::open_all() {
    const std::scoped_lock lock(changing_);
    const auto config = rooms_.server_config.get();
    for (const auto& place : places_) try_open(place, schema::get(config, place.key));
}

void DaemonStorage::try_open(const Place& place, const std::string& volume) {
    if (is_open(place)) return;
    try {
        open(place, volume);
    } catch (const std::exception& error) {
        place.folder.close(fmt::format("The folder of {} isn't available: {}", place.key, error.what()));
        rooms_.log.error("Failed opening a folder of the daemon's",
                         {{"folder", place.folder.path()}, {"volume", volume}, {"err", error.what()}});
    }
}

void DaemonStorage::open(const Place& place, const std::string& volume) {
    base::Rollback rollback;
    repair(place, volume);
    if (!volume.empty()) {
        const auto used = target(place, volume);
        begin_use(place, used);
        rollback.add([this, &place, used] { end_use(place, used); });
    }
    make_subfolders(place, place.folder.path());
    place.clean_up();
    rollback.dismiss();
    place.folder.open();
    open_.insert(place.key);
}

void DaemonStorage::repair(const Place& place, const std::string& volume) {
    const auto& folder = place.folder;
    std::optional<std::string> wanted;
    if (!volume.empty()) wanted = rooms_.volumes.path(target(place, volume));
    const auto is_right = [&] { return is_there(folder.path()) && link_target(folder.path()) == wanted; };
    if (is_there(fresh_path(folder))) {
        if (!is_right()) exchange(folder);
        try {
            sync_parent(folder);
            discard(place, false);
        } catch (const std::exception& error) { // The next start or move does it; the folder itself can be used.
            rooms_.log.error("Failed removing what a move of the daemon's files left",
                             {{"folder", fresh_path(folder)}, {"err", error.what()}});
        }
    }
    if (!is_right()) put_right(place, wanted);
}

void DaemonStorage::put_right(const Place& place, const std::optional<std::string>& wanted) const {
    const auto& path = place.folder.path();
    if (is_there(path) && !link_target(path)) remove_folder_without_files(path);
    if (wanted) return replace_by_link(place.folder, *wanted);
    base::remove_tree(path);
    base::make_dir(path, 0700);
    sync_parent(place.folder);
}

void DaemonStorage::end() {
    const std::scoped_lock lock(changing_);
    const auto config = rooms_.server_config.get();
    for (const auto& place : places_) {
        const auto& volume = schema::get(config, place.key);
        if (!is_open(place) || volume.empty()) continue;
        try {
            end_use(place, target(place, volume));
        } catch (const std::exception& error) {
            rooms_.log.error("Failed unmounting a volume of the daemon's", {{"volume", volume}, {"err", error.what()}});
        }
    }
}

// --- moves --------------------------------------------------------------------------------------------------------

void DaemonStorage::discard(const Place& place, bool in_use) {
    const auto fresh = fresh_path(place.folder);
    const auto link = link_target(fresh);
    if (const auto volume = link ? volume_at(*link) : std::nullopt) {
        base::Rollback end;
        if (!in_use) {
            begin_use(place, *volume);
            end.add([&] { end_use(place, *volume); });
        }
        empty(*link);
    }
    base::remove_tree(fresh);
    sync_parent(place.folder);
}

/// Throws where there is something that could be copied: only what is out of reach is given up.
std::string DaemonStorage::given_up(const Place& place) const {
    auto link = link_target(place.folder.path());
    const auto volume = link ? volume_at(*link) : std::nullopt;
    if (!volume || rooms_.pools.is_available(volume->pool))
        throw schema::failure("The folder {} cannot be moved as long as it cannot be used", place.folder.path());
    return *std::move(link);
}

void DaemonStorage::begin_move(const Place& place, const std::string& volume, base::Rollback& rollback) {
    const auto& folder = place.folder;
    const auto fresh = fresh_path(folder);
    if (is_there(fresh)) discard(place, false); // of an earlier one
    const auto former = is_open(place) ? std::string() : given_up(place);
    if (volume.empty()) {
        base::make_dir(fresh, 0700);
    } else {
        check_target(place, volume);
        const auto used = target(place, volume);
        const auto path = begin_use(place, used);
        rollback.add([this, &place, used] { end_use(place, used); });
        if (!content(path).empty())
            throw schema::failure("Failed validation of {:?}: Storage volume {:?} isn't empty", place.key, volume);
        if (::chown(path.c_str(), 0, 0) < 0 || ::chmod(path.c_str(), 0700) < 0)
            base::fail("Failed to set ownership and permissions on " + path);
        make_link(fresh, path);
    }
    const auto before = link_target(folder.path());
    rollback.add([this, &place, before] {
        if (link_target(place.folder.path()) == before) discard(place, true); // else it could not be exchanged back
    });
    sync_parent(folder);
    if (is_open(place)) {
        copy_content(folder.path(), fresh);
    } else {
        rooms_.log.warning("Beginning anew without what is on a storage volume that isn't available",
                           {{"folder", folder.path()}, {"volume", former}});
        make_subfolders(place, fresh);
        replace_by_link(folder, nowhere);
        rollback.add([&folder, former] { replace_by_link(folder, former); });
    }
    exchange(folder);
    rollback.add([&folder] { exchange(folder); });
    sync_parent(folder);
}

void DaemonStorage::end_move(const Place& place, const std::string& former) {
    try {
        discard(place, true);
        if (is_open(place) && !former.empty()) end_use(place, target(place, former));
    } catch (const std::exception& error) { // The next start does it.
        rooms_.log.warning("Failed emptying where files of the daemon's were",
                           {{"folder", place.folder.path()}, {"volume", former}, {"err", error.what()}});
    }
    place.folder.open();
    open_.insert(place.key);
}

void DaemonStorage::follow(const schema::Config& before, const schema::Config& after,
                           const std::function<void()>& store) {
    const std::scoped_lock lock(changing_);
    std::vector<const Place*> moved;
    std::vector<DaemonFolder::Hold> holds;
    base::Rollback rollback;
    for (const auto& place : places_) {
        if (schema::get(before, place.key) == schema::get(after, place.key)) continue;
        holds.push_back(place.folder.moving());
        try_open(place, schema::get(before, place.key));
        begin_move(place, schema::get(after, place.key), rollback);
        moved.push_back(&place);
    }
    store();
    rollback.dismiss();
    for (const auto* place : moved) end_move(*place, schema::get(before, place->key));
}

} // namespace storage
