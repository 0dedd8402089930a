#include "daemon/storage/daemon_storage.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <optional>
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

/// Of copy_parts(): what is being copied.
constexpr const char* unfinished = "0";

std::string name_of(const DaemonFolder& folder) {
    return fs::path(folder.path()).filename();
}

std::string beside(const DaemonFolder& folder, const char* ending) {
    const fs::path path(folder.path());
    return path.parent_path() / ("." + path.filename().string() + ending);
}

std::string partial_path(const DaemonFolder& folder) {
    return beside(folder, ".partial");
}

std::string fresh_path(const DaemonFolder& folder) {
    return beside(folder, ".new");
}

bool is_there(const std::string& path) {
    return fs::symlink_status(path).type() != fs::file_type::not_found;
}

bool is_link(const std::string& path) {
    return fs::is_symlink(fs::symlink_status(path));
}

/// As a key names it: POOL/VOLUME for a link to a volume; empty for a folder, and for a link of the administrator's,
/// which is one for us; nothing where there is nothing. However LXD_DIR was spelled when the link was made.
std::optional<std::string> lies_in(const std::string& path) {
    if (!is_there(path)) return {};
    if (!is_link(path)) return "";
    const fs::path volume = fs::read_symlink(path);
    const auto type = volume.parent_path();
    const auto pool = type.parent_path();
    const auto name = volume.filename().string();
    const auto prefix = custom_volume("").name;
    if (type.filename() != "custom" || pool.parent_path().filename() != "storage-pools" || !name.starts_with(prefix))
        return "";
    return pool.filename().string() + "/" + name.substr(prefix.size());
}

void sync_parent(const DaemonFolder& folder) {
    base::sync_folder(fs::path(folder.path()).parent_path());
}

void make_link(const std::string& path, const std::string& target) {
    if (::symlink(target.c_str(), path.c_str()) < 0) base::fail("Failed making the link " + path);
}

void relink(const DaemonFolder& folder, const std::string& target) {
    const auto link = beside(folder, ".link");
    base::remove_tree(link);
    make_link(link, target);
    base::rename_durably(link, folder.path());
}

void exchange(const DaemonFolder& folder) {
    const auto fresh = fresh_path(folder);
    if (!is_there(folder.path())) return fs::rename(fresh, folder.path());
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

dev_t device_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) < 0) base::fail("Failed looking at " + path);
    return status.st_dev;
}

/// Neither can a mount be renamed, nor is what is mounted inside copied.
void check_can_move(const DaemonFolder& folder) {
    const auto& path = folder.path();
    const auto device = device_of(path);
    const bool own = !lies_in(path).value_or("").empty(); // a volume, which may be a filesystem
    if (!own && is_link(path)) throw schema::failure("{} is a link that is not LXD's: it cannot be moved", path);
    if (!own && device != device_of(fs::path(path).parent_path()))
        throw schema::failure("{} is a filesystem or subvolume of its own: it cannot be moved", path);
    for (const auto& entry : fs::recursive_directory_iterator(path))
        if (entry.is_directory() && !entry.is_symlink() && device_of(entry.path()) != device)
            throw schema::failure("{} is on another filesystem than {}: it cannot be moved", entry.path().string(),
                                  path);
}

void copy_content(const std::string& from, const std::string& to) {
    const auto source = open_through_links(from);
    const auto target = open_through_links(to);
    const auto names = content(from);
    copy_parts(source.get(), {{"", names}}, target.get(), {.cancel = {}, .progress = {}, .threads = copying_threads()});
    for (const auto& name : names)
        if (::renameat(target.get(), fmt::format("{}/{}", unfinished, name).c_str(), target.get(), name.c_str()) < 0)
            base::fail("Failed moving " + name);
    if (::unlinkat(target.get(), unfinished, AT_REMOVEDIR) < 0) base::fail("Failed removing a folder of " + to);
    sync_tree(fs::canonical(to));
}

/// Its own mode, too: it may be older than we are.
void make_private(const DaemonStorage::Place& place) {
    std::vector<std::string> folders{place.folder.path()};
    for (const auto& name : place.subfolders) folders.push_back(fmt::format("{}/{}", folders.front(), name));
    for (const auto& folder : folders) {
        base::make_dir(folder, 0700);
        fs::permissions(folder, fs::perms(0700));
    }
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
    const auto wanted = target(place, volume);
    const auto found = [&](const auto& look, const std::string& attempt, const char* text) {
        try {
            return look();
        } catch (const schema::Error& error) {
            if (error.kind() != schema::ErrorKind::not_found) throw;
            throw schema::not_found("Failed validation of {:?}: {}: {}", place.key, attempt, text);
        }
    };
    found([&] { return rooms_.pools.settings(wanted.pool); },
          fmt::format("Unable to load storage pool {:?}", wanted.pool), "Storage pool not found");
    const auto row = found([&] { return rooms_.volumes.row(wanted); },
                           fmt::format("Failed loading storage volume {:?} in \"default\" project", volume),
                           "Storage volume not found");
    if (row.content_type != "filesystem")
        throw schema::failure(
            "Failed validation of {:?}: Storage volume {:?} in \"default\" project is not filesystem content type",
            place.key, volume);
    if (!rooms_.volumes.snapshot_rows(wanted).empty())
        throw schema::failure("Failed validation of {:?}: Storage volumes for use by LXD itself cannot have snapshots",
                              place.key);
    if (const auto users = rooms_.volumes.used_by({wanted.pool, "custom", wanted.name}); !users.empty())
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

/// Of one that holds nothing.
std::string DaemonStorage::begin_new_use(const Place& place, const std::string& volume, base::Rollback& rollback) {
    check_target(place, volume);
    const auto used = target(place, volume);
    auto path = begin_use(place, used);
    rollback.add([this, &place, used] { end_use(place, used); });
    if (!content(path).empty())
        throw schema::failure("Failed validation of {:?}: Storage volume {:?} isn't empty", place.key, volume);
    if (!rooms_.volumes.snapshot_rows(used).empty()) // one that was being taken
        throw schema::failure("Failed validation of {:?}: Storage volumes for use by LXD itself cannot have snapshots",
                              place.key);
    // A container that still has its folder open could put links among the files, which the daemon would follow.
    if (Volumes::had_users(rooms_.volumes.row(used)))
        throw schema::failure(
            "Failed validation of {:?}: Storage volume {:?} was used by instances: a new one is needed", place.key,
            volume);
    if (::chown(path.c_str(), 0, 0) < 0 || ::chmod(path.c_str(), 0700) < 0)
        base::fail("Failed to set ownership and permissions on " + path);
    return path;
}

// --- start and end ------------------------------------------------------------------------------------------------

void DaemonStorage::open_all() {
    const std::unique_lock lock(changing_, std::try_to_lock);
    if (!lock) return; // a move is under way, which may take long: later
    const auto config = rooms_.server_config.get();
    for (const auto& place : places_) try_open(place, schema::get(config, place.key));
}

void DaemonStorage::set_open(const Place& place, bool open) {
    if (open) {
        place.folder.open();
        open_.insert(place.key);
    } else {
        open_.erase(place.key);
    }
    closed_ = open_.size() < places_.size();
}

void DaemonStorage::try_open(const Place& place, const std::string& volume) {
    if (is_open(place)) return;
    try {
        open(place, volume);
    } catch (const std::exception& error) {
        // It is tried again and again: told once.
        if (!place.folder.close(fmt::format("The folder of {} isn't available: {}", place.key, error.what()))) return;
        rooms_.log.error("Failed opening a folder of the daemon's",
                         {{"folder", place.folder.path()}, {"volume", volume}, {"err", error.what()}});
    }
}

void DaemonStorage::open(const Place& place, const std::string& volume) {
    base::Rollback rollback;
    repair(place, volume);
    if (!volume.empty()) {
        const auto used = target(place, volume);
        const auto path = begin_use(place, used);
        rollback.add([this, &place, used] { end_use(place, used); });
        // LXD_DIR may have been copied or moved.
        if (std::error_code missing; !fs::equivalent(path, place.folder.path(), missing)) relink(place.folder, path);
    }
    make_private(place);
    place.clean_up();
    try {
        discard_left(place); // now that what X holds can be read
    } catch (const std::exception& error) {
        rooms_.log.error("Failed removing what a move of the daemon's files left",
                         {{"folder", place.folder.path()}, {"err", error.what()}});
    }
    rollback.dismiss();
    set_open(place, true);
}

void DaemonStorage::repair(const Place& place, const std::string& volume) const {
    const auto& folder = place.folder;
    const auto fresh = lies_in(fresh_path(folder));
    if (lies_in(folder.path()) == volume) return;
    if (fresh == volume) {
        exchange(folder);
        return sync_parent(folder);
    }
    if (fresh && is_there(folder.path()))
        throw schema::failure("Neither {} nor {} is what {} says: one of them has to be taken away", folder.path(),
                              fresh_path(folder), place.key);
    put_right(place, volume);
}

/// As long as X holds nothing, or leads to a volume that no row tells of: then the database was lost.
void DaemonStorage::put_right(const Place& place, const std::string& volume) const {
    const auto& path = place.folder.path();
    const auto here = lies_in(path);
    const auto leads_to = volume.empty() ? std::string() : rooms_.volumes.path(target(place, volume));
    if (here && is_link(path) && (here->empty() || is_known(*here)))
        throw schema::failure("{} leads to {}, but {} is {:?}", path, fs::read_symlink(path).string(), place.key,
                              volume);
    if (here == "") remove_folder_without_files(path);
    if (here)
        rooms_.log.warning("A folder of the daemon's is not where it should be: making it anew",
                           {{"folder", path}, {"found", *here}, {"wanted", volume}});
    base::remove_tree(path);
    if (volume.empty())
        base::make_dir(path, 0700);
    else
        make_link(path, leads_to);
    sync_parent(place.folder);
}

bool DaemonStorage::is_known(const std::string& volume) const {
    return std::ranges::any_of(rooms_.volumes.rows(),
                               [&](const auto& row) { return row.pool + "/" + row.name == volume; });
}

void DaemonStorage::end() {
    const std::scoped_lock lock(changing_);
    const auto config = rooms_.server_config.get();
    for (const auto& place : places_) {
        const auto& volume = schema::get(config, place.key);
        if (!is_open(place) || volume.empty()) continue;
        place.folder.close("The daemon is shutting down");
        try {
            end_use(place, target(place, volume));
        } catch (const std::exception& error) {
            rooms_.log.error("Failed unmounting a volume of the daemon's", {{"volume", volume}, {"err", error.what()}});
        }
    }
}

// --- moves --------------------------------------------------------------------------------------------------------

void DaemonStorage::discard_left(const Place& place) {
    for (const auto& path : {partial_path(place.folder), fresh_path(place.folder)})
        if (is_there(path)) discard(place, path, false);
}

void DaemonStorage::discard(const Place& place, const std::string& path, bool in_use) {
    if (const auto volume = lies_in(path).value_or(""); !volume.empty()) {
        try {
            in_use ? empty(rooms_.volumes.path(target(place, volume))) : empty_spare(place, volume);
        } catch (const std::exception& error) { // Copies do no harm; later the volume may be somebody else's.
            rooms_.log.warning("Copies of the daemon's files are left in a storage volume",
                               {{"folder", place.folder.path()}, {"volume", volume}, {"err", error.what()}});
        }
    }
    base::remove_tree(path);
    sync_parent(place.folder);
}

/// One that nobody but a move can have put anything in.
void DaemonStorage::empty_spare(const Place& place, const std::string& volume) {
    check_target(place, volume);
    const auto used = target(place, volume);
    if (Volumes::had_users(rooms_.volumes.row(used))) throw schema::failure("it was used by instances");
    const auto path = begin_use(place, used);
    base::Rollback end;
    end.add([&] { end_use(place, used); });
    auto ours = content(place.folder.path());
    ours.emplace_back(unfinished);
    for (const auto& name : content(path))
        if (std::ranges::find(ours, name) != ours.end()) base::remove_tree(fmt::format("{}/{}", path, name));
    base::sync_folder(path);
}

void DaemonStorage::begin_move(const Place& place, const std::string& volume, base::Rollback& rollback) {
    const auto& folder = place.folder;
    const auto partial = partial_path(folder);
    const auto fresh = fresh_path(folder);
    check_can_move(folder);
    discard_left(place);
    if (volume.empty())
        base::make_dir(partial, 0700);
    else
        make_link(partial, begin_new_use(place, volume, rollback));
    const auto before = lies_in(folder.path());
    rollback.add([this, &place, before, partial, fresh] {
        if (lies_in(place.folder.path()) != before) return; // it could not be exchanged back: both hold everything
        for (const auto& path : {partial, fresh})
            if (is_there(path)) discard(place, path, true);
    });
    sync_parent(folder);
    copy_content(folder.path(), partial);
    base::rename_durably(partial, fresh);
    rollback.add([this, &place, before] {
        try {
            if (lies_in(place.folder.path()) != before) exchange(place.folder);
            sync_parent(place.folder);
        } catch (const std::exception& error) { // It is tried again before anybody writes.
            place.folder.close(fmt::format("The folder of {} isn't available: {}", place.key, error.what()));
            set_open(place, false);
        }
    });
    exchange(folder);
    sync_parent(folder);
}

bool DaemonStorage::can_use(const Place& place, const std::string& volume) {
    try {
        const auto used = target(place, volume);
        begin_use(place, used);
        end_use(place, used);
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

/// The volume may come back: nothing on it is lost.
void DaemonStorage::give_up(const Place& place, const std::string& former, const std::string& volume,
                            base::Rollback& rollback) {
    const auto& folder = place.folder;
    const auto fresh = lies_in(fresh_path(folder));
    if (former.empty() || can_use(place, former) || (fresh && fresh != volume) ||
        (lies_in(folder.path()) == "" && !volume.empty()))
        throw schema::failure("{} cannot be moved: {}", folder.path(), place.folder.closed());
    if (!volume.empty() && fresh != volume) begin_new_use(place, volume, rollback);
    if (lies_in(folder.path()).value_or("").empty()) return;
    rooms_.log.warning("Beginning anew without what is on a storage volume that cannot be used",
                       {{"folder", folder.path()}, {"volume", former}});
    const auto leads_to = fs::read_symlink(folder.path()).string();
    rollback.add([&folder, leads_to] {
        if (!is_there(folder.path())) make_link(folder.path(), leads_to);
    });
    base::remove_tree(folder.path());
    sync_parent(folder);
}

void DaemonStorage::end_move(const Place& place, const std::string& former, const std::string& volume) {
    if (!is_open(place)) return try_open(place, volume); // given up
    base::Rollback end;                                  // the unmounting fails while somebody reads a file there
    if (!former.empty()) end.add([&] { end_use(place, target(place, former)); });
    try {
        discard(place, fresh_path(place.folder), true);
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed removing what was a folder of the daemon's before it moved",
                           {{"folder", fresh_path(place.folder)}, {"err", error.what()}});
    }
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
        is_open(place) ? begin_move(place, schema::get(after, place.key), rollback)
                       : give_up(place, schema::get(before, place.key), schema::get(after, place.key), rollback);
        moved.push_back(&place);
    }
    store();
    rollback.dismiss();
    for (const auto* place : moved) end_move(*place, schema::get(before, place->key), schema::get(after, place->key));
}

} // namespace storage
