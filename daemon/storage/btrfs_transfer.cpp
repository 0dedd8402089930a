#include "daemon/storage/btrfs_transfer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/commands.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/received_subvolume.h"
#include "daemon/storage/subvolume.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr std::string_view announcement =
    "nested-subvolume"; // then "r" (read-only) or "w", its path's length, the path

void send_one(const std::string& path, const std::string& parent, int to, const base::CancelToken& cancel) {
    Words words{"btrfs", "send", "-q"};
    if (!parent.empty()) words.insert(words.end(), {"-p", parent});
    words.push_back(path);
    const auto output = host_commands()->run(words, cancel, -1, to);
    if (!output.exit.ok()) throw schema::failure("{}", failure_text(words, output));
}

void announce(const subvolume::Nested& found, int to) {
    std::string text(announcement);
    text += found.read_only ? 'r' : 'w';
    text += static_cast<char>(found.path.size() & 0xFFU);
    text += static_cast<char>(found.path.size() >> 8U);
    base::write_all(to, text + found.path);
}

/// The path that announces the next stream; nothing at the end.
std::optional<subvolume::Nested> announced(send_stream::Reader& stream) {
    const auto head = stream.raw(announcement.size() + 1);
    if (!head) return {};
    if (!head->starts_with(announcement)) throw schema::bad_request("Bad btrfs stream: more than one volume");
    const auto size = stream.raw(2).value_or(std::string(2, '\0'));
    const size_t length = static_cast<unsigned char>(size[0]) + 256U * static_cast<unsigned char>(size[1]);
    if (length == 0) throw schema::bad_request("Bad btrfs stream: a nested subvolume without a path");
    subvolume::Nested found;
    found.path = stream.raw(length).value_or("");
    found.read_only = head->back() == 'r';
    return found;
}

/// Beside, and then into its place: what streams come to is never reached through a path of theirs.
void receive_nested(send_stream::Reader& stream, const subvolume::Nested& found, const std::string& outer,
                    const std::string& beside, const base::CancelToken& cancel) {
    if (!stream.begin()) throw schema::bad_request("Bad btrfs stream: it is cut off");
    base::Rollback rollback;
    rollback.add([&] { subvolume::remove(beside); });
    struct stat status{};
    receive_subvolume(stream, beside, [](const std::string&) { return base::Fd(); }, cancel);
    const auto slash = found.path.rfind('/');
    const auto folder = slash == std::string::npos ? "." : found.path.substr(0, slash);
    const auto name = slash == std::string::npos ? found.path : found.path.substr(slash + 1);
    const auto place = base::open_beneath(subvolume::open(outer).get(), folder, O_RDONLY | O_DIRECTORY);
    if (name == "." || name == ".." || ::fstatat(place.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        throw schema::bad_request("Bad btrfs stream: the path {:?}", found.path);
    constexpr mode_t mode = 0755; // of its top folder, which a stream only says in passing
    if (::chmod(beside.c_str(), mode) < 0 || ::renameat(AT_FDCWD, beside.c_str(), place.get(), name.c_str()) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed placing subvolume " + found.path);
    rollback.dismiss();
    if (!found.read_only) return;
    const auto placed =
        base::checked(::openat(place.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), found.path);
    subvolume::set_read_only(placed.get(), true);
}

} // namespace

std::string BtrfsTransfer::temporary(const VolumeId& volume) const {
    auto folder = layout::folder(pool_path_, volume);
    if (!volume.snapshot.empty()) {
        folder = layout::snapshots_folder(pool_path_, volume);
        base::make_dir(folder, 0711);
    }
    return layout::temporary_path(folder);
}

void BtrfsTransfer::send(const VolumeId& volume, const std::string& parent, int to, const base::CancelToken& cancel) {
    auto root = driver_.path(volume);
    base::Rollback cleaning;
    if (volume.snapshot.empty()) {
        root = temporary(volume);
        subvolume::snapshot(driver_.path(volume), root, true);
        cleaning.add([&] { subvolume::remove(root); });
    }
    send_one(root, parent.empty() ? "" : driver_.path({volume.type, volume.name, parent}), to, cancel);
    send_nested(root, to, cancel);
}

void BtrfsTransfer::send_nested(const std::string& root, int to, const base::CancelToken& cancel) const {
    const auto opened = subvolume::open(root);
    for (const auto& found : subvolume::nested(opened.get())) {
        const auto child = subvolume::open_nested(opened.get(), found);
        if (!child) continue;
        const auto copy = layout::temporary_path(layout::folder(pool_path_, {VolumeType::custom, ""}));
        subvolume::snapshot_alone(child.get(), copy);
        base::Rollback cleaning;
        cleaning.add([&] { subvolume::remove(copy); });
        subvolume::set_read_only(subvolume::open(copy).get(), true);
        announce(found, to);
        send_one(copy, "", to, cancel);
    }
}

base::Fd BtrfsTransfer::find_snapshot(const VolumeId& volume, const std::string& uuid) const {
    for (const auto& name : driver_.snapshots(volume)) {
        auto opened = subvolume::open(driver_.path({volume.type, volume.name, name}));
        const auto known = subvolume::identity(opened.get());
        if (known.uuid == uuid || known.received == uuid) return opened;
    }
    return {};
}

void BtrfsTransfer::receive(const VolumeId& volume, int from, const base::CancelToken& cancel) {
    if (driver_.exists(volume)) throw schema::conflict("Volume \"{}\" exists already", driver_.path(volume));
    send_stream::Reader stream(from);
    if (!stream.begin()) throw schema::bad_request("Bad btrfs stream: it is empty");
    const auto making = temporary(volume);
    base::Rollback rollback;
    rollback.add([&] { subvolume::remove(making); });
    const auto find_parent = [&](const std::string& uuid) { return find_snapshot(volume, uuid); };
    const auto received = receive_subvolume(stream, making, find_parent, cancel);
    while (const auto found = announced(stream)) receive_nested(stream, *found, making, temporary(volume), cancel);
    if (::chmod(making.c_str(), layout::volume_mode(volume.type)) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed setting the mode of " + making);
    const auto opened = subvolume::open(making);
    if (!volume.snapshot.empty()) {
        subvolume::set_received(opened.get(), received.uuid, received.transaction);
        subvolume::set_read_only(opened.get(), true);
    }
    subvolume::sync(making);
    layout::rename_new(making, driver_.path(volume));
    rollback.dismiss();
    layout::sync_folder(making.substr(0, making.rfind('/')));
}

} // namespace storage
