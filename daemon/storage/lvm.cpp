#include "daemon/storage/lvm.h"

#include <fcntl.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/block_filesystem.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/lvm_names.h"
#include "daemon/storage/mount_options.h"
#include "daemon/storage/tree_copy.h"
#include "schema/error.h"
#include "schema/strconv.h"
#include "schema/units.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr int absent = 5; // how LVM's tools end where there is no such thing

using base::fail;

std::string temporary(std::string_view prefix) {
    return std::string(prefix) + base::random_hex(8);
}

/// What LVM counts in.
int64_t rounded(int64_t bytes) {
    return std::max<int64_t>(bytes / 512, 1) * 512;
}

using layout::open_folder;

VolumeId volume_of(const VolumeId& snapshot) {
    return {snapshot.type, snapshot.name};
}

} // namespace

/// "2.03.16(2) (2022-05-18) / 1.02.185 (2022-05-18) / 4.48.0": of the tools, the library and the kernel.
std::string LvmDriver::version() const {
    if (base::find_program("lvm").empty()) return "";
    std::string version;
    const auto said = commands_->run({"lvm", "version"}).out;
    for (const auto line : schema::split(said, '\n')) {
        const auto colon = std::string_view(line).find(':');
        if (colon == std::string_view::npos || std::string_view(line).find("version") == std::string_view::npos)
            continue;
        version.append(version.empty() ? "" : " / ").append(schema::stripped(std::string_view(line).substr(colon + 1)));
    }
    return version;
}

void LvmDriver::delete_pool() {
    // In a group that others use, too, nobody knows whose a volume is: what the pool did not remove, stays.
    if (base::exists(pool_.path()) && !schema::is_true(pool_.option("lvm.vg.force_reuse"))) {
        clean_up();
        for (const auto& logical : all()) {
            const auto volume = lvm_names::volume(logical);
            if (volume && !volume->snapshot.empty()) remove(*volume);
        }
        for (const auto& logical : all())
            if (const auto volume = lvm_names::volume(logical)) remove(*volume);
    }
    pool_.remove();
}

std::string LvmDriver::path(const VolumeId& volume) const {
    return layout::path(pool_.path(), volume);
}

std::string LvmDriver::device_path(const std::string& logical) const {
    return "/dev/" + pool_.in_group(logical);
}

int64_t LvmDriver::first_size(const VolumeId& volume) const {
    const auto bytes = schema::parse_bytes(pool_.option(volume, "size"));
    constexpr int64_t ten_gib = 10LL << 30;
    return bytes > 0 ? bytes : ten_gib;
}

std::string LvmDriver::filesystem(const VolumeId& volume) const {
    auto type = pool_.option(volume, "block.filesystem");
    return type.empty() ? "ext4" : type;
}

// --- logical volumes ---------------------------------------------------------------------------------------------

bool LvmDriver::is_there(const std::string& logical) const {
    return commands_->ask({"lvs", "--noheadings", "-o", "lv_name", pool_.in_group(logical)}, absent).has_value();
}

std::optional<std::string> LvmDriver::find(const VolumeId& volume) const {
    auto name = lvm_names::logical_volume(volume);
    if (is_there(name)) return name;
    if (volume.type != VolumeType::custom) return {};
    name = lvm_names::logical_volume(volume, true);
    if (is_there(name)) return name;
    return {};
}

std::string LvmDriver::must_find(const VolumeId& volume) const {
    auto found = find(volume);
    if (!found) throw schema::not_found("Volume \"{}\" doesn't exist", path(volume));
    return *std::move(found);
}

std::vector<std::string> LvmDriver::all() const {
    std::vector<std::string> names;
    if (pool_.group().empty()) return names; // of a pool whose creation ended before it had one
    const auto said = commands_->ask({"lvs", "--noheadings", "-o", "lv_name", pool_.group()}, absent).value_or("");
    for (const auto line : schema::split(said, '\n'))
        if (const auto name = schema::stripped(line); !name.empty()) names.emplace_back(name);
    return names;
}

/// What a full thin pool refuses fails in many ways, few of which name it.
void LvmDriver::with_room(const std::function<void()>& work) const {
    constexpr std::string_view full = "No space left on device";
    try {
        work();
    } catch (const std::exception& error) {
        const std::string_view said = error.what();
        if (said.find(full) != std::string_view::npos || !pool_.is_full()) throw;
        throw schema::failure("{}: the thin pool {} is full ({})", full, schema::quoted(pool_.thin_pool()), said);
    }
}

void LvmDriver::create_logical(const VolumeId& volume, const std::string& logical, int64_t bytes) const {
    Words words{"lvcreate", "--name", logical, "--yes", "--wipesignatures", "y"};
    const auto size = fmt::format("{}b", rounded(bytes));
    if (pool_.is_thin()) {
        words.insert(words.end(), {"--thin", "--virtualsize", size, pool_.in_group(pool_.thin_pool())});
    } else {
        words.insert(words.end(), {"--size", size, pool_.group()});
        if (const auto stripes = pool_.option(volume, "lvm.stripes"); !stripes.empty()) {
            words.insert(words.end(), {"--stripes", stripes});
            if (const auto stripe = schema::parse_bytes(pool_.option(volume, "lvm.stripes.size")); stripe > 0)
                words.insert(words.end(), {"--stripesize", fmt::format("{}b", rounded(stripe))});
        }
    }
    with_room([&] { commands_->must(words); });
}

/// LVM freezes what is mounted while it takes a snapshot, but no btrfs: what was written goes to disk before.
void LvmDriver::settle(const VolumeId& volume) const {
    const auto place = path(volume);
    if (!commands_->is_mounted(place)) return;
    with_room([&] {
        if (::syncfs(open_folder(place).get()) < 0) fail("Failed syncing " + place);
    });
}

void LvmDriver::snapshot_logical(const std::string& source, const std::string& target, bool read_only) const {
    Words words{"lvcreate", "-n", target, "-s", pool_.in_group(source), "--setactivationskip", "y"};
    if (!pool_.is_thin()) words.insert(words.end(), {"-l", "100%ORIGIN"});
    words.emplace_back(read_only ? "-pr" : "-prw");
    with_room([&] { commands_->must(words); });
}

void LvmDriver::rename_logical(const std::string& from, const std::string& to) const {
    commands_->must({"lvrename", pool_.group(), from, to});
}

void LvmDriver::remove_logical(const std::string& logical) const {
    commands_->must({"lvremove", "-f", pool_.in_group(logical)});
}

void LvmDriver::set_active(const std::string& logical, bool active) const {
    if (!active && !pool_.is_thin() && is_family_open(logical)) return;
    Words words{"lvchange", "--activate", active ? "y" : "n", "--ignoreactivationskip", pool_.in_group(logical)};
    if (!pool_.is_thin()) words.insert(words.begin() + 1, "--yes"); // it would ask about the family
    commands_->must(words);
}

std::string LvmDriver::type_of_active(const std::string& logical) const {
    set_active(logical, true);
    return block_filesystem::type_of(*commands_, device_path(logical));
}

int64_t LvmDriver::size_of(const std::string& logical) const {
    return sizes_of(logical).bytes;
}

LvmDriver::Sizes LvmDriver::sizes_of(const std::string& logical) const {
    const auto said = commands_->must(
        {"lvs", "--noheadings", "--nosuffix", "--units", "b", "-o", "lv_size,vg_extent_size", pool_.in_group(logical)});
    const auto words = schema::split(schema::stripped(said), ' ');
    return {schema::parse_integer(words.front()).value_or(0),
            std::max<int64_t>(schema::parse_integer(words.back()).value_or(0), 1)};
}

/// LVM refuses to give a volume the extents that it has.
int64_t LvmDriver::in_extents(int64_t bytes, int64_t extent) {
    return (rounded(bytes) + extent - 1) / extent * extent;
}

// --- mounts ------------------------------------------------------------------------------------------------------

void LvmDriver::mount_logical(const VolumeId& volume, const std::string& logical, const std::string& place,
                              bool read_only) const {
    const auto chosen = pool_.option(volume, "block.mount_options");
    const std::scoped_lock lock(activity_);
    const auto type = type_of_active(logical);
    const auto extra = block_filesystem::extra_options(type, read_only);
    auto options = mount_options((chosen.empty() ? "discard" : chosen) + extra);
    if (read_only) options.flags |= MS_RDONLY;
    commands_->mount(device_path(logical), place, type, options);
}

void LvmDriver::unmount_logical(const std::string& logical, const std::string& place) const {
    if (!commands_->is_mounted(place)) return;
    const std::scoped_lock lock(activity_);
    commands_->unmount(place);
    set_active(logical, false);
}

void LvmDriver::with_mounted(const VolumeId& volume, const std::string& logical,
                             const std::function<void(const std::string&)>& work) const {
    const auto place = layout::temporary_path(layout::folder(pool_.path(), {VolumeType::custom, ""}));
    base::make_dir(place, 0700);
    base::Rollback unmounting;
    unmounting.add([&] { ::rmdir(place.c_str()); });
    with_room([&] {
        mount_logical(volume, logical, place, false);
        unmounting.add([&] { unmount_logical(logical, place); });
        const auto folder = open_folder(place);
        work(place);
        // That the thin pool was full would be seen by nobody when it is unmounted.
        if (::syncfs(folder.get()) < 0) fail("Failed writing to the logical volume " + logical);
    });
}

void LvmDriver::mount(const VolumeId& volume) {
    const std::scoped_lock lock(mounting_);
    if (commands_->is_mounted(path(volume))) return;
    const auto logical = must_find(volume);
    if (logical.ends_with(".block")) {
        const std::scoped_lock activity(activity_);
        return set_active(logical, true);
    }
    layout::make_place(pool_.path(), volume);
    if (volume.snapshot.empty()) return mount_logical(volume, logical, path(volume), volume.type == VolumeType::image);
    if (!pool_.is_thin() || type_of_active(logical) != "btrfs")
        return mount_logical(volume, logical, path(volume), true);
    // A btrfs can only be mounted beside its original with an id of its own.
    const auto copy = std::string(lvm_names::viewed) + logical;
    if (!is_there(copy)) {
        snapshot_logical(logical, copy, false);
        set_active(copy, true);
        block_filesystem::renew_id(*commands_, "btrfs", device_path(copy));
    }
    mount_logical(volume, copy, path(volume), true);
}

void LvmDriver::unmount(const VolumeId& volume) {
    const std::scoped_lock lock(mounting_);
    // Block volumes, which only custom ones are, are used without being mounted.
    if (volume.type != VolumeType::custom && !commands_->is_mounted(path(volume))) return;
    const auto logical = find(volume);
    if (!logical) return;
    if (logical->ends_with(".block")) {
        const std::scoped_lock activity(activity_);
        return set_active(*logical, false);
    }
    unmount_logical(*logical, path(volume));
    if (const auto copy = std::string(lvm_names::viewed) + *logical; !volume.snapshot.empty() && is_there(copy))
        remove_logical(copy);
}

std::shared_ptr<const std::string> LvmDriver::view(const VolumeId& volume) {
    const bool mounted = commands_->is_mounted(path(volume));
    mount(volume);
    // A snapshot is mounted by whoever looks at it.
    if (mounted || volume.snapshot.empty()) return std::make_shared<const std::string>(path(volume));
    return {new std::string(path(volume)), [this, volume](const std::string* place) {
                const std::unique_ptr<const std::string> owned(place);
                try {
                    unmount(volume);
                } catch (const std::exception&) { // somebody else looks at it, who will unmount it
                }
            }};
}

// --- volumes -----------------------------------------------------------------------------------------------------

std::vector<std::string> LvmDriver::list(VolumeType type) const {
    std::vector<std::string> names;
    for (const auto& logical : all())
        if (const auto volume = lvm_names::volume(logical); volume && volume->type == type && volume->snapshot.empty())
            names.push_back(volume->name);
    return names;
}

std::vector<std::string> LvmDriver::snapshots(const VolumeId& of) const {
    std::vector<std::string> names;
    for (const auto& logical : all()) {
        const auto volume = lvm_names::volume(logical);
        if (volume && volume->type == of.type && volume->name == of.name && !volume->snapshot.empty())
            names.push_back(volume->snapshot);
    }
    return names;
}

void LvmDriver::appear(const std::string& making, const VolumeId& volume) const {
    layout::with_place(pool_.path(), volume, [&] { rename_logical(making, lvm_names::logical_volume(volume)); });
}

std::string LvmDriver::make_filled(const VolumeId& target, int64_t bytes,
                                   const std::function<void(const std::string&)>& fill) const {
    const auto making = temporary(lvm_names::making);
    create_logical(target, making, bytes);
    base::Rollback rollback;
    rollback.add([&] { remove_logical(making); });
    with_room([&] { block_filesystem::make(*commands_, filesystem(target), device_path(making)); });
    with_mounted(target, making, [&](const std::string& place) {
        ::rmdir((place + "/lost+found").c_str());
        layout::set_first_mode(place, target.type);
        fill(place);
        layout::set_last_mode(place, target.type);
    });
    commands_->must({"lvchange", "--setactivationskip", "y", pool_.in_group(making)});
    if (!target.snapshot.empty()) commands_->must({"lvchange", "--permission", "r", pool_.in_group(making)});
    rollback.dismiss();
    return making;
}

void LvmDriver::create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    const auto making = make_filled(volume, first_size(volume), fill);
    base::Rollback rollback;
    rollback.add([&] { remove_logical(making); });
    appear(making, volume);
    rollback.dismiss();
}

void LvmDriver::copy(const VolumeId& source, const std::string& place, const base::CancelToken& cancel,
                     const Progress& progress) {
    TreeCopyOptions options;
    options.cancel = cancel;
    options.progress = progress;
    const auto from = view(source);
    copy_tree(open_folder(*from).get(), open_folder(place).get(), options);
}

void LvmDriver::clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
                      const Progress& progress) {
    cancel.check();
    if (exists(target)) throw schema::conflict("Volume \"{}\" exists already", path(target));
    const auto from = must_find(source);
    std::string making;
    base::Rollback rollback;
    rollback.add([&] {
        if (!making.empty()) remove_logical(making);
    });
    if (from.ends_with(".block")) {
        making = temporary(lvm_names::making);
        if (pool_.is_thin())
            snapshot_logical(from, making, !target.snapshot.empty());
        else
            copy_block(from, target, making, cancel, progress);
        rename_logical(making, lvm_names::logical_volume(target, true));
        return rollback.dismiss();
    }
    if (pool_.is_thin() && filesystem(source) == filesystem(target)) {
        settle(source);
        making = temporary(lvm_names::making);
        snapshot_logical(from, making, false);
        block_filesystem::renew_id(*commands_, type_of_active(making), device_path(making));
        with_mounted(target, making, [&](const std::string& place) { layout::set_last_mode(place, target.type); });
        if (!target.snapshot.empty()) commands_->must({"lvchange", "--permission", "r", pool_.in_group(making)});
    } else {
        making = make_filled(target, size_of(from),
                             [&](const std::string& place) { copy(source, place, cancel, progress); });
    }
    appear(making, target);
    rollback.dismiss();
}

void LvmDriver::take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress&) {
    cancel.check();
    if (exists(snapshot)) throw schema::conflict("Volume \"{}\" exists already", path(snapshot));
    const auto from = must_find(volume_of(snapshot));
    const bool block = from.ends_with(".block");
    settle(volume_of(snapshot));
    const auto name = lvm_names::logical_volume(snapshot, block);
    if (block) return snapshot_logical(from, name, true);
    layout::with_place(pool_.path(), snapshot, [&] {
        if (pool_.is_thin())
            snapshot_logical(from, name, true);
        else
            take_thick(from, name);
    });
}

void LvmDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    cancel.check();
    const auto from = must_find(snapshot);
    const auto present = must_find(volume_of(snapshot));
    if (!pool_.is_thin()) return restore_content(snapshot, progress);
    const auto making = temporary(lvm_names::making);
    snapshot_logical(from, making, false);
    base::Rollback rollback;
    rollback.add([&] { remove_logical(making); });
    if (!present.ends_with(".block")) {
        block_filesystem::renew_id(*commands_, type_of_active(making), device_path(making));
    }
    unmount(volume_of(snapshot));
    // clean_up ends what a crash interrupts from here on.
    const auto incoming = std::string(lvm_names::restoring) + present;
    const auto outgoing = std::string(lvm_names::replaced) + present;
    rename_logical(making, incoming);
    rollback.dismiss();
    rename_logical(present, outgoing);
    rename_logical(incoming, present);
    remove_logical(outgoing);
}

void LvmDriver::rename(const VolumeId& volume, const std::string& new_name) {
    auto target = volume;
    (volume.snapshot.empty() ? target.name : target.snapshot) = new_name;
    const auto done = find(target);
    const auto logical = find(volume);
    if (done && (logical || !volume.snapshot.empty()))
        throw schema::conflict("Volume \"{}\" exists already", path(target));
    if (!done && !logical) throw schema::not_found("Volume \"{}\" doesn't exist", path(volume));
    const bool block = (done ? done : logical).value_or("").ends_with(".block");
    unmount(volume);
    base::Rollback rollback;
    for (const auto& name : volume.snapshot.empty() ? snapshots(volume) : std::vector<std::string>()) {
        const auto before = lvm_names::logical_volume({volume.type, volume.name, name}, block);
        const auto after = lvm_names::logical_volume({volume.type, new_name, name}, block);
        unmount({volume.type, volume.name, name});
        rename_logical(before, after);
        rollback.add([this, before, after] { rename_logical(after, before); });
    }
    if (logical) rename_logical(*logical, lvm_names::logical_volume(target, block));
    rollback.dismiss();
    if (!block) layout::make_place(pool_.path(), target);
    base::remove_tree(path(volume));
    if (volume.snapshot.empty()) base::remove_tree(layout::snapshots_folder(pool_.path(), volume));
}

void LvmDriver::remove(const VolumeId& volume) {
    unmount(volume);
    if (const auto logical = find(volume)) remove_logical(*logical);
    base::remove_tree(path(volume));
    if (!volume.snapshot.empty()) ::rmdir(layout::snapshots_folder(pool_.path(), volume).c_str());
}

std::optional<int64_t> LvmDriver::usage(const VolumeId& volume) const {
    struct statvfs status{};
    if (!commands_->is_mounted(path(volume)) || ::statvfs(path(volume).c_str(), &status) < 0) return {};
    return static_cast<int64_t>((status.f_blocks - status.f_bfree) * status.f_frsize);
}

void LvmDriver::clean_up() {
    for (const auto& place : layout::leftovers(pool_.path())) {
        if (commands_->is_mounted(place)) commands_->unmount(place);
        ::rmdir(place.c_str());
    }
    for (const auto& logical : all()) {
        if (!logical.starts_with(lvm_names::replaced)) continue;
        const auto name = logical.substr(lvm_names::replaced.size());
        if (!is_there(name)) rename_logical(std::string(lvm_names::restoring) + name, name);
        remove_logical(logical);
    }
    const auto names = all();
    for (const auto& logical : names)
        for (const auto prefix : {lvm_names::making, lvm_names::restoring, lvm_names::viewed})
            if (logical.starts_with(prefix)) remove_logical(logical);
    const std::set<std::string> present(names.begin(), names.end());
    layout::remove_stale_places(
        pool_.path(), [&](const VolumeId& volume) { return present.contains(lvm_names::logical_volume(volume)); });
}

// --- sizes -------------------------------------------------------------------------------------------------------

void LvmDriver::limit(const VolumeId& volume, int64_t bytes) {
    if (bytes <= 0) return; // it has a size in any case
    const auto logical = must_find(volume);
    const auto [before, extent] = sizes_of(logical);
    const auto wanted = in_extents(bytes, extent);
    if (wanted == before) return;
    const bool mounted = commands_->is_mounted(path(volume));
    if (wanted < before && mounted) throw schema::failure("In use");
    check_resize(logical, wanted < before);
    const auto type = type_of_active(logical);
    if (wanted < before) {
        block_filesystem::shrink(*commands_, type, device_path(logical), wanted);
        resize_logical(logical, wanted);
        return set_active(logical, false);
    }
    resize_logical(logical, wanted);
    const auto grow = [&](const std::string& place) {
        block_filesystem::grow(*commands_, type, device_path(logical), place);
    };
    if (mounted)
        grow(path(volume));
    else
        with_mounted(volume, logical, grow);
}

void LvmDriver::create_block(const VolumeId& volume, int64_t bytes,
                             const std::function<void(const std::string& device)>& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    const auto making = temporary(lvm_names::making);
    create_logical(volume, making, bytes);
    base::Rollback rollback;
    rollback.add([&] { remove_logical(making); });
    if (fill) {
        // It has what was on the disk before.
        if (!pool_.is_thin()) commands_->must({"blkdiscard", "--zeroout", device_path(making)});
        with_room([&] { fill(device_path(making)); });
        const std::scoped_lock lock(activity_);
        set_active(making, false);
    }
    commands_->must({"lvchange", "--setactivationskip", "y", pool_.in_group(making)});
    if (!volume.snapshot.empty()) commands_->must({"lvchange", "--permission", "r", pool_.in_group(making)});
    rename_logical(making, lvm_names::logical_volume(volume, true));
    rollback.dismiss();
}

std::shared_ptr<const std::string> LvmDriver::device(const VolumeId& volume) {
    const auto logical = must_find(volume);
    const std::scoped_lock lock(activity_);
    set_active(logical, true);
    return {new std::string(device_path(logical)), [this, logical](const std::string* place) {
                const std::unique_ptr<const std::string> owned(place);
                try {
                    const std::scoped_lock activity(activity_);
                    set_active(logical, false);
                } catch (const std::exception&) { // somebody else reads it, who will do it
                }
            }};
}

void LvmDriver::resize_block(const VolumeId& volume, int64_t bytes) {
    const auto logical = must_find(volume);
    const auto [before, extent] = sizes_of(logical);
    const auto wanted = in_extents(bytes, extent);
    if (wanted < before) throw schema::bad_request("Block volumes cannot be shrunk");
    if (wanted == before) return;
    check_resize(logical, false);
    resize_logical(logical, wanted);
}

} // namespace storage
