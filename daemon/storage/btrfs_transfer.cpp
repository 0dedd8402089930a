#include "daemon/storage/btrfs_transfer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/commands.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/received_subvolume.h"
#include "daemon/storage/subvolume.h"
#include "daemon/storage/subvolume_streams.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr std::string_view announcement =
    "nested-subvolume"; // then "r" (read-only) or "w", its path's length, the path

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

} // namespace

void BtrfsTransfer::send(const VolumeId& volume, const std::string& parent, int to, const base::CancelToken& cancel) {
    auto root = driver_.path(volume);
    base::Rollback cleaning;
    if (volume.snapshot.empty()) {
        root = subvolume_streams::temporary(pool_path_, volume);
        subvolume::snapshot(driver_.path(volume), root, true);
        cleaning.add([&] { subvolume::remove(root); });
    }
    subvolume_streams::send(root, parent.empty() ? "" : driver_.path({volume.type, volume.name, parent}), to, cancel);
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
        subvolume_streams::send(copy, "", to, cancel);
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
    const auto making = subvolume_streams::temporary(pool_path_, volume);
    base::Rollback rollback;
    rollback.add([&] { subvolume::remove(making); });
    const auto find_parent = [&](const std::string& uuid) { return find_snapshot(volume, uuid); };
    const auto received = receive_subvolume(stream, making, find_parent, cancel);
    std::vector<subvolume::Nested> nested;
    while (const auto found = announced(stream)) {
        if (!stream.begin()) throw schema::bad_request("Bad btrfs stream: it is cut off");
        const auto beside = subvolume_streams::temporary(pool_path_, volume);
        subvolume_streams::receive_nested(stream, {making, found->path, beside}, {}, cancel);
        nested.push_back(*found);
    }
    subvolume_streams::set_read_only(making, nested);
    if (::chmod(making.c_str(), layout::volume_mode(volume.type, received.mode)) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed setting the mode of " + making);
    const auto opened = subvolume::open(making);
    if (!volume.snapshot.empty()) {
        subvolume::set_received(opened.get(), received.uuid, received.transaction);
        subvolume::set_read_only(opened.get(), true);
    }
    subvolume::sync(making);
    layout::rename_new(making, driver_.path(volume));
    rollback.dismiss();
    base::sync_folder(making.substr(0, making.rfind('/')));
}

} // namespace storage
