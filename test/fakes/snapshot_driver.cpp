#include "test/fakes/snapshot_driver.h"

#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace fakes {

namespace fs = std::filesystem;

void SnapshotDriver::create_pool() {
    if (!fs::create_directory(context_.pool_path)) throw schema::failure("The pool's folder exists already");
}

void SnapshotDriver::delete_pool() {
    volumes_.clear();
    fs::remove_all(context_.pool_path);
}

std::string SnapshotDriver::path(const storage::VolumeId& volume) const {
    return context_.pool_path + "/" + std::to_string(static_cast<int>(volume.type)) + "-" + volume.name +
           (volume.snapshot.empty() ? "" : "@" + volume.snapshot);
}

std::vector<std::string> SnapshotDriver::list(storage::VolumeType type) const {
    std::vector<std::string> names;
    for (const auto& [key, tree] : volumes_)
        if (std::get<0>(key) == type && std::get<2>(key).empty()) names.push_back(std::get<1>(key));
    return names;
}

std::vector<std::string> SnapshotDriver::snapshots(const storage::VolumeId& volume) const {
    std::vector<std::string> names;
    for (const auto& [key, tree] : volumes_)
        if (std::get<0>(key) == volume.type && std::get<1>(key) == volume.name && !std::get<2>(key).empty())
            names.push_back(std::get<2>(key));
    return names;
}

std::shared_ptr<const SnapshotDriver::Tree> SnapshotDriver::tree(const storage::VolumeId& volume) const {
    if (fs::exists(path(volume))) return std::make_shared<const Tree>(capture(path(volume)));
    return volumes_.at(key(volume));
}

void SnapshotDriver::take(const storage::VolumeId& snapshot, const base::CancelToken& cancel,
                          const storage::Progress&) {
    cancel.check();
    if (exists(snapshot)) throw schema::conflict("The snapshot exists already");
    volumes_[key(snapshot)] = tree({snapshot.type, snapshot.name});
}

void SnapshotDriver::restore(const storage::VolumeId& snapshot, const base::CancelToken& cancel,
                             const storage::Progress&) {
    cancel.check();
    volumes_.at(key({snapshot.type, snapshot.name})) = volumes_.at(key(snapshot));
}

void SnapshotDriver::move(const storage::VolumeId& volume, const storage::VolumeId& target) {
    auto node = volumes_.extract(key(volume));
    node.key() = key(target);
    volumes_.insert(std::move(node));
    if (fs::exists(path(volume))) fs::rename(path(volume), path(target));
}

void SnapshotDriver::create(const storage::VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    if (exists(volume)) throw schema::conflict("The volume exists already");
    const TemporaryFolder folder;
    fill(folder.path());
    volumes_[key(volume)] = std::make_shared<const Tree>(capture(folder.path()));
}

void SnapshotDriver::clone(const storage::VolumeId& source, const storage::VolumeId& target,
                           const base::CancelToken& cancel, const storage::Progress&) {
    cancel.check();
    if (exists(target)) throw schema::conflict("The volume exists already");
    if (!exists(source)) throw schema::not_found("The source is not there");
    volumes_[key(target)] = volumes_.at(key(source));
}

void SnapshotDriver::rename(const storage::VolumeId& volume, const std::string& new_name) {
    auto target = volume;
    (volume.snapshot.empty() ? target.name : target.snapshot) = new_name;
    if (exists(target) && !exists(volume) && volume.snapshot.empty()) return;
    if (exists(target)) throw schema::conflict("The volume exists already");
    if (!exists(volume)) throw schema::not_found("The volume is not there");
    if (volume.snapshot.empty())
        for (const auto& name : snapshots(volume))
            move({volume.type, volume.name, name}, {target.type, target.name, name});
    move(volume, target);
}

void SnapshotDriver::remove(const storage::VolumeId& volume) {
    volumes_.erase(key(volume));
    fs::remove_all(path(volume));
}

void SnapshotDriver::mount(const storage::VolumeId& volume) {
    if (fs::exists(path(volume))) return;
    fs::create_directory(path(volume));
    write_out(*volumes_.at(key(volume)), path(volume));
}

void SnapshotDriver::unmount(const storage::VolumeId& volume) {
    if (!fs::exists(path(volume))) return;
    volumes_.at(key(volume)) = std::make_shared<const Tree>(capture(path(volume)));
    fs::remove_all(path(volume));
}

SnapshotDriver::Tree SnapshotDriver::capture(const std::string& folder) {
    Tree tree;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const auto status = entry.symlink_status();
        std::string content;
        if (status.type() == fs::file_type::regular) content = read(entry.path().string());
        if (status.type() == fs::file_type::symlink) content = fs::read_symlink(entry.path()).string();
        tree[fs::relative(entry.path().parent_path(), folder) / entry.path().filename()] = {
            status.type(), status.permissions(), content};
    }
    return tree;
}

void SnapshotDriver::write_out(const Tree& tree, const std::string& folder) {
    for (const auto& [path, file] : tree) { // parents sort before what is in them
        const auto place = fs::path(folder) / path;
        if (file.type == fs::file_type::directory) fs::create_directory(place);
        if (file.type == fs::file_type::symlink) fs::create_symlink(file.content, place);
        if (file.type == fs::file_type::regular) write(place.string(), file.content);
        if (file.type != fs::file_type::symlink) fs::permissions(place, file.mode);
    }
}

} // namespace fakes
