// The driver lvm without a thin pool: a snapshot hangs on its volume, whose former blocks it keeps, and the two are
// active together. Nothing shares blocks but those two, so copies copy.

#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/block_copy.h"
#include "daemon/storage/block_filesystem.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/lvm.h"
#include "daemon/storage/lvm_names.h"
#include "schema/error.h"
#include "schema/values.h"

namespace storage {

/// What `lvs` says of a volume and its snapshots, whichever of them is named.
std::string LvmDriver::of_family(const std::string& logical, const std::string& field) const {
    auto head = std::string(
        schema::stripped(commands_->must({"lvs", "--noheadings", "-o", "origin", pool_.in_group(logical)})));
    if (head.empty()) head = logical;
    const auto chosen = fmt::format("lv_name=\"{0}\" || origin=\"{0}\"", head);
    return commands_->must({"lvs", "--noheadings", "-o", field, "--select", chosen, pool_.group()});
}

bool LvmDriver::is_family_open(const std::string& logical) const {
    return of_family(logical, "lv_device_open").find("open") != std::string::npos;
}

bool LvmDriver::has_snapshots(const std::string& logical) const {
    const auto chosen = fmt::format("origin=\"{}\"", logical);
    const auto said = commands_->must({"lvs", "--noheadings", "-o", "lv_name", "--select", chosen, pool_.group()});
    return !schema::stripped(said).empty();
}

void LvmDriver::check_resize(const std::string& logical, bool smaller) const {
    if (pool_.is_thin() || !has_snapshots(logical)) return;
    if (smaller) throw schema::bad_request("A volume with snapshots cannot be shrunk without a thin pool");
    if (is_family_open(logical))
        throw schema::bad_request("A volume with snapshots cannot grow without a thin pool while it is in use");
}

void LvmDriver::resize_logical(const std::string& logical, int64_t bytes) const {
    const std::scoped_lock lock(activity_);
    if (!pool_.is_thin() && has_snapshots(logical)) set_active(logical, false); // or LVM refuses
    commands_->must({"lvresize", "-L", fmt::format("{}b", bytes), "-f", pool_.in_group(logical)});
}

base::Fd LvmDriver::open_device(const std::string& logical, int flags) const {
    const std::scoped_lock lock(activity_);
    set_active(logical, true);
    const auto path = device_path(logical);
    return base::checked(::open(path.c_str(), flags | O_CLOEXEC), "Failed opening " + path);
}

void LvmDriver::copy_bytes(const std::string& from, const std::string& to, const base::CancelToken& cancel,
                           const Progress& progress) const {
    base::Rollback closing;
    const auto close_later = [&](const std::string& logical) {
        closing.add([this, logical] {
            const std::scoped_lock lock(activity_);
            set_active(logical, false);
        });
    };
    close_later(from);
    close_later(to);
    const auto source = open_device(from, O_RDONLY);
    const auto target = open_device(to, O_RDWR);
    copy_block_device(source.get(), target.get(), cancel, progress);
}

void LvmDriver::copy_block(const std::string& from, const VolumeId& target, const std::string& making,
                           const base::CancelToken& cancel, const Progress& progress) const {
    create_logical(target, making, size_of(from));
    copy_bytes(from, making, cancel, progress);
    commands_->must({"lvchange", "--setactivationskip", "y", pool_.in_group(making)});
    if (!target.snapshot.empty()) commands_->must({"lvchange", "--permission", "r", pool_.in_group(making)});
}

/// A btrfs that is mounted beside its original must have an id of its own, which a snapshot can only get here: there
/// are no snapshots of snapshots.
void LvmDriver::take_thick(const std::string& from, const std::string& name) const {
    const std::scoped_lock lock(activity_);
    if (type_of_active(from) == "btrfs") {
        const auto making = fmt::format("{}{}", lvm_names::making, base::random_hex(8));
        snapshot_logical(from, making, false);
        base::Rollback rollback;
        rollback.add([&] { remove_logical(making); });
        set_active(making, true);
        block_filesystem::renew_id(*commands_, "btrfs", device_path(making));
        commands_->must({"lvchange", "--permission", "r", pool_.in_group(making)});
        rename_logical(making, name);
        rollback.dismiss();
    } else {
        snapshot_logical(from, name, true);
    }
    set_active(from, false);
}

/// The volume stays, for its snapshots hang on it, and gets another content. What is begun is ended; what a crash cuts
/// off is asked for again by whoever asked.
void LvmDriver::restore_content(const VolumeId& snapshot, const Progress& progress) {
    const VolumeId volume{snapshot.type, snapshot.name};
    const auto present = must_find(volume);
    unmount(volume);
    if (present.ends_with(".block")) return copy_bytes(must_find(snapshot), present, {}, progress);
    with_mounted(volume, present, [&](const std::string& place) {
        for (const auto& name : layout::names_in(place)) base::remove_tree(fmt::format("{}/{}", place, name));
        copy(snapshot, place, {}, progress);
    });
}

} // namespace storage
