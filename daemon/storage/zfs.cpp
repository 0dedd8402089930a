#include "daemon/storage/zfs.h"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/block_content.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/optimized_header.h"
#include "daemon/storage/stream_volume.h"
#include "daemon/storage/tree_copy.h"
#include "schema/error.h"
#include "schema/strconv.h"
#include "schema/units.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr std::string_view snapshot_mark = "@snapshot-";
/// Of a volume whose content a snapshot is made of, what it held before.
constexpr std::string_view before_mark = "@before-";
/// Of what is sent.
constexpr std::string_view sent_mark = "@backup-";
/// Of what only copies need: made for one, or removed since.
constexpr std::string_view copy_mark = "@copy-";
constexpr std::string_view deleted_mark = "@deleted-";
/// The property of a dataset that has snapshots, but not yet the content of its volume.
constexpr std::string_view unfinished = "lightervisor:unfinished";
/// Bytes: the largest that a block volume can have, and the largest that one has whose options leave it open.
constexpr int64_t largest_block = 128 << 10;
constexpr int64_t usual_block = 16 << 10;
const Words as_volume{"-o", "mountpoint=legacy", "-o", "canmount=noauto"};
const Words as_block{"-o", "volmode=none"};

const char* folder_of(VolumeType type) {
    return type == VolumeType::container ? "containers" : type == VolumeType::image ? "images" : "custom";
}

using layout::open_folder;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (const auto line : schema::split(text, '\n'))
        if (const auto plain = schema::stripped(line); !plain.empty() && plain != "-") lines.emplace_back(plain);
    return lines;
}

Words joined(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

bool has_mark(const std::string& dataset, std::string_view mark) {
    return dataset.find(mark) != std::string::npos;
}

VolumeId volume_of(const VolumeId& snapshot) {
    return {snapshot.type, snapshot.name};
}

/// Of a block volume, whose size is a multiple of its blocks'.
int64_t in_blocks(int64_t bytes, int64_t block) {
    return (bytes + block - 1) / block * block;
}

void copy_files(const std::string& from, const std::string& to, const base::CancelToken& cancel,
                const Progress& progress) {
    TreeCopyOptions options;
    options.cancel = cancel;
    options.progress = progress;
    copy_tree(open_folder(from).get(), open_folder(to).get(), options);
}

} // namespace

std::string ZfsDriver::version() const {
    if (base::find_program("zfs").empty()) return "";
    const auto text = base::read_file_if_exists("/sys/module/zfs/version");
    return text ? std::string(base::trimmed(*text)) : "";
}

std::string ZfsDriver::path(const VolumeId& volume) const {
    return layout::path(pool_.path(), volume);
}

std::string ZfsDriver::dataset(const VolumeId& volume) const {
    auto name = fmt::format("{}/{}/{}", pool_.root(), folder_of(volume.type), volume.name);
    return volume.snapshot.empty() ? name : fmt::format("{}{}{}", name, snapshot_mark, volume.snapshot);
}

std::string ZfsDriver::ghost(const std::string& folder) const {
    return fmt::format("{}/deleted/{}/{}", pool_.root(), folder, base::uuid4());
}

std::string ZfsDriver::property(const std::string& dataset, const std::string& name) const {
    return std::string(base::trimmed(commands_->must({"zfs", "get", "-H", "-p", "-o", "value", name, dataset})));
}

bool ZfsDriver::has_clones(const std::string& dataset) const {
    return !lines_of(commands_->must({"zfs", "get", "-H", "-p", "-r", "-o", "value", "clones", dataset})).empty();
}

/// An image is there once the snapshot that copies are made of is.
bool ZfsDriver::exists(const VolumeId& volume) const {
    if (volume.type == VolumeType::image) return pool_.dataset_exists(dataset(volume) + "@readonly");
    return pool_.dataset_exists(dataset(volume)) && !(volume.snapshot.empty() && is_unfinished(volume));
}

bool ZfsDriver::is_unfinished(const VolumeId& volume) const {
    return property(dataset(volume), std::string(unfinished)) == "yes";
}

bool ZfsDriver::is_block(const VolumeId& volume) const {
    return volume.type == VolumeType::custom && property(dataset(volume_of(volume)), "type") == "volume";
}

std::vector<std::string> ZfsDriver::list(VolumeType type) const {
    const auto folder = fmt::format("{}/{}/", pool_.root(), folder_of(type));
    const auto said = commands_->must({"zfs", "list", "-H", "-o", "name", "-r", "-d", "1", "-t", "filesystem,volume",
                                       folder.substr(0, folder.size() - 1)});
    std::vector<std::string> names;
    for (const auto& line : lines_of(said))
        if (line.starts_with(folder)) names.push_back(line.substr(folder.size()));
    return names;
}

std::vector<std::string> ZfsDriver::snapshots(const VolumeId& volume) const {
    const auto of = dataset(volume_of(volume));
    const auto said =
        commands_->ask({"zfs", "list", "-H", "-o", "name", "-d", "1", "-t", "snapshot", "-s", "createtxg", of}, 1);
    std::vector<std::string> names;
    for (const auto& line : lines_of(said.value_or("")))
        if (line.starts_with(of + std::string(snapshot_mark)))
            names.push_back(line.substr(of.size() + snapshot_mark.size()));
    return names;
}

// --- mounts ------------------------------------------------------------------------------------------------------

void ZfsDriver::mount(const VolumeId& volume) {
    const std::scoped_lock lock(mounting_);
    if (commands_->is_mounted(path(volume))) return;
    layout::make_place(pool_.path(), volume);
    const bool fixed = !volume.snapshot.empty() || volume.type == VolumeType::image;
    commands_->mount(dataset(volume), path(volume), "zfs", {fixed ? static_cast<unsigned long>(MS_RDONLY) : 0, ""});
}

void ZfsDriver::unmount(const VolumeId& volume) {
    const std::scoped_lock lock(mounting_);
    if (commands_->is_mounted(path(volume))) commands_->unmount(path(volume));
}

void ZfsDriver::with_mounted(const std::string& dataset, const std::function<void(const std::string&)>& work) const {
    const auto place = layout::temporary_path(layout::folder(pool_.path(), {VolumeType::custom, ""}));
    base::make_dir(place, 0700);
    base::Rollback unmounting;
    unmounting.add([&] { ::rmdir(place.c_str()); });
    const bool fixed = dataset.find('@') != std::string::npos;
    commands_->mount(dataset, place, "zfs", {fixed ? static_cast<unsigned long>(MS_RDONLY) : 0, ""});
    unmounting.add([&] { commands_->unmount(place); });
    work(place);
}

// --- volumes -----------------------------------------------------------------------------------------------------

void ZfsDriver::appear(const std::string& making, const VolumeId& volume) const {
    layout::with_place(pool_.path(), volume, [&] { commands_->must({"zfs", "rename", making, dataset(volume)}); });
}

void ZfsDriver::create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    if (!volume.snapshot.empty()) return make_snapshot(volume, fill);
    if (volume.type == VolumeType::image || !pool_.dataset_exists(dataset(volume))) return make(volume, fill, {});
    refill(volume, fill);
    commands_->must({"zfs", "inherit", std::string(unfinished), dataset(volume)});
}

int64_t ZfsDriver::block_size(const VolumeId& volume) const {
    return schema::parse_bytes(pool_.option(volume, "zfs.blocksize"));
}

Words ZfsDriver::record_size(const VolumeId& volume) const {
    const auto bytes = block_size(volume);
    return bytes > 0 ? Words{"-o", fmt::format("recordsize={}", bytes)} : Words{};
}

void ZfsDriver::make(const VolumeId& volume, const std::function<void(const std::string& path)>& fill,
                     const Words& properties) {
    const auto making = ghost("making");
    auto words = joined(joined(joined({"zfs", "create"}, as_volume), record_size(volume)), properties);
    words.push_back(making);
    commands_->must(words);
    base::Rollback rollback;
    rollback.add([&] { commands_->must({"zfs", "destroy", "-r", making}); });
    with_mounted(making, [&](const std::string& place) {
        layout::set_first_mode(place, volume.type);
        fill(place);
        layout::set_last_mode(place, volume.type);
    });
    if (volume.type == VolumeType::image) commands_->must({"zfs", "snapshot", making + "@readonly"});
    appear(making, volume);
    rollback.dismiss();
}

void ZfsDriver::refill(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    unmount(volume);
    with_mounted(dataset(volume), [&](const std::string& place) {
        for (const auto& name : layout::names_in(place)) base::remove_tree(fmt::format("{}/{}", place, name));
        layout::set_first_mode(place, volume.type);
        fill(place);
        layout::set_last_mode(place, volume.type);
    });
}

/// A snapshot can only be taken of what its volume holds: the volume gets that content, and its own again afterwards.
void ZfsDriver::make_snapshot(const VolumeId& snapshot, const std::function<void(const std::string& path)>& fill) {
    layout::with_place(pool_.path(), snapshot, [&] { make_snapshot_of(volume_of(snapshot), snapshot, fill); });
}

void ZfsDriver::make_snapshot_of(const VolumeId& volume, const VolumeId& snapshot,
                                 const std::function<void(const std::string& path)>& fill) {
    base::Rollback rollback;
    if (!pool_.dataset_exists(dataset(volume))) {
        make(volume, fill, {"-o", fmt::format("{}=yes", unfinished)});
        rollback.add([&] { commands_->must({"zfs", "destroy", "-r", dataset(volume)}); });
        commands_->must({"zfs", "snapshot", dataset(snapshot)});
        return rollback.dismiss();
    }
    const auto before = fmt::format("{}{}{}", dataset(volume), before_mark, base::uuid4());
    commands_->must({"zfs", "snapshot", before});
    rollback.add([this, before] { go_back(before); });
    refill(volume, fill);
    commands_->must({"zfs", "snapshot", dataset(snapshot)});
    if (!is_unfinished(volume))
        with_mounted(before, [&](const std::string& held) {
            refill(volume, [&](const std::string& place) { copy_files(held, place, {}, {}); });
        });
    commands_->must({"zfs", "destroy", before});
    rollback.dismiss();
}

void ZfsDriver::go_back(const std::string& before) const {
    commands_->must({"zfs", "rollback", "-r", before});
    commands_->must({"zfs", "destroy", before});
}

/// The newest snapshot that the target has, where the source has it too, before what is to be copied; or nothing.
std::string ZfsDriver::parent_of_both(const VolumeId& source, const VolumeId& target) const {
    const auto theirs = snapshots(target);
    if (theirs.empty()) return "";
    const auto ours = snapshots(source);
    const auto end = std::ranges::find(ours, source.snapshot);
    if (std::find(ours.begin(), end, theirs.back()) == end) return "";
    const auto identity = [&](const VolumeId& of) {
        return property(dataset({of.type, of.name, theirs.back()}), "guid");
    };
    return identity(source) == identity(target) ? theirs.back() : "";
}

std::string ZfsDriver::image_below(const std::string& dataset) const {
    const auto images = pool_.root() + "/images/";
    const auto deleted_images = pool_.root() + "/deleted/images/";
    for (auto below = property(dataset, "origin"); !below.empty() && below != "-";) {
        if (below.starts_with(images) || below.starts_with(deleted_images)) return below;
        below = property(below.substr(0, below.find('@')), "origin");
    }
    return "";
}

void ZfsDriver::rebase(const VolumeId& source, const VolumeId& target, const std::string& image,
                       const base::CancelToken& cancel) {
    auto sent = dataset(source);
    base::Rollback cleaning;
    if (source.snapshot.empty()) {
        sent += std::string(copy_mark) + base::uuid4();
        commands_->must({"zfs", "snapshot", sent});
        cleaning.add([&] { commands_->must({"zfs", "destroy", sent}); });
    }
    const auto making = ghost("making");
    const auto received = making + std::string(copy_mark) + base::uuid4();
    base::Rollback rollback;
    rollback.add([&] { commands_->run({"zfs", "destroy", "-r", making}); });
    through_pipe(
        [&](int end) { must_stream({"zfs", "send", "-i", image, sent}, cancel, -1, end); },
        [&](int end) { must_stream({"zfs", "receive", "-x", "mountpoint", "-u", received}, cancel, end, -1); });
    commands_->must({"zfs", "destroy", received});
    Words properties{"zfs", "set", "mountpoint=legacy", "canmount=noauto"};
    if (const auto bytes = block_size(target); bytes > 0) properties.push_back(fmt::format("recordsize={}", bytes));
    properties.push_back(making);
    commands_->must(properties);
    with_mounted(making, [&](const std::string& place) { layout::set_last_mode(place, target.type); });
    appear(making, target);
    rollback.dismiss();
}

void ZfsDriver::must_stream(const Words& words, const base::CancelToken& cancel, int from, int to) const {
    const auto output = commands_->run(words, cancel, from, to);
    if (!output.exit.ok()) throw schema::failure("{}", failure_text(words, output));
}

void ZfsDriver::clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
                      const Progress& progress) {
    cancel.check();
    if (exists(target)) throw schema::conflict("Volume \"{}\" exists already", path(target));
    if (!exists(source)) throw schema::not_found("Volume \"{}\" doesn't exist", path(source));
    const bool block = is_block(source);
    const auto by_content = [&] {
        if (block) {
            const auto original = device(source);
            return create_block(target, size_of(dataset(source)),
                                [&](const std::string& made) { copy_blocks(*original, made, cancel, progress); });
        }
        create(target, [&](const std::string& place) { copy_files(*view(source), place, cancel, progress); });
    };
    const bool has_snapshots = pool_.dataset_exists(dataset(volume_of(target)));
    if (has_snapshots || !target.snapshot.empty()) {
        const auto parent = has_snapshots ? parent_of_both(source, target) : "";
        const bool finished = has_snapshots && !is_unfinished(volume_of(target));
        if (finished || (has_snapshots && parent.empty())) return by_content();
        return stream_volume(*this, source, parent, *this, target, cancel);
    }
    const auto& how = pool_.option("zfs.clone_copy");
    if (source.type != VolumeType::image && how == "rebase")
        if (const auto image = image_below(dataset(volume_of(source))); !image.empty())
            return rebase(source, target, image, cancel);
    if (source.type != VolumeType::image && (schema::is_false(how) || how == "rebase")) return by_content();
    auto origin = dataset(source) + (source.type == VolumeType::image ? "@readonly" : "");
    if (origin.find('@') == std::string::npos) {
        origin += std::string(copy_mark) + base::uuid4();
        commands_->must({"zfs", "snapshot", origin});
    }
    const auto making = ghost("making");
    base::Rollback rollback;
    rollback.add([&] {
        if (has_mark(origin, copy_mark)) commands_->must({"zfs", "destroy", origin});
    });
    commands_->must(
        joined(joined(joined({"zfs", "clone"}, block ? as_block : as_volume), block ? Words{} : record_size(target)),
               {origin, making}));
    rollback.add([&] { commands_->must({"zfs", "destroy", "-r", making}); });
    if (!block) with_mounted(making, [&](const std::string& place) { layout::set_last_mode(place, target.type); });
    appear(making, target);
    rollback.dismiss();
}

void ZfsDriver::take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress&) {
    cancel.check();
    if (exists(snapshot)) throw schema::conflict("Volume \"{}\" exists already", path(snapshot));
    layout::with_place(pool_.path(), snapshot, [&] { commands_->must({"zfs", "snapshot", dataset(snapshot)}); });
}

void ZfsDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress&) {
    cancel.check();
    const auto present = snapshots(snapshot);
    if (std::ranges::find(present, snapshot.snapshot) == present.end())
        throw schema::not_found("Volume \"{}\" doesn't exist", path(snapshot));
    if (present.back() != snapshot.snapshot && !is_on(snapshot, "zfs.remove_snapshots"))
        throw schema::failure("Snapshot {} cannot be restored due to subsequent snapshot(s). Set "
                              "zfs.remove_snapshots to override",
                              schema::quoted(snapshot.snapshot));
    for (const auto& name : present) unmount({snapshot.type, snapshot.name, name});
    unmount(volume_of(snapshot));
    commands_->must({"zfs", "rollback", "-r", dataset(snapshot)}); // what is newer goes, which may be for copies alone
    for (auto newer = std::ranges::find(present, snapshot.snapshot) + 1; newer != present.end(); ++newer)
        base::remove_tree(path({snapshot.type, snapshot.name, *newer}));
}

void ZfsDriver::rename(const VolumeId& volume, const std::string& new_name) {
    auto target = volume;
    (volume.snapshot.empty() ? target.name : target.snapshot) = new_name;
    const bool done = exists(target);
    if (done && (!volume.snapshot.empty() || exists(volume)))
        throw schema::conflict("Volume \"{}\" exists already", path(target));
    if (volume.snapshot.empty())
        for (const auto& name : snapshots(volume)) unmount({volume.type, volume.name, name});
    unmount(volume);
    if (!done) commands_->must({"zfs", "rename", dataset(volume), dataset(target)});
    layout::make_place(pool_.path(), target);
    base::remove_tree(path(volume));
    if (volume.snapshot.empty()) base::remove_tree(layout::snapshots_folder(pool_.path(), volume));
}

void ZfsDriver::destroy(const std::string& dataset) const {
    const auto origin = property(dataset, "origin");
    commands_->must({"zfs", "destroy", "-r", dataset});
    if (origin.empty() || origin == "-") return;
    const auto at = origin.find('@');
    if (origin.starts_with(pool_.root() + "/deleted/")) {
        const auto kept = origin.substr(0, at);
        if (!has_clones(kept)) destroy(kept);
    } else if ((has_mark(origin, copy_mark) || has_mark(origin, deleted_mark)) && !has_clones(origin)) {
        commands_->must({"zfs", "destroy", origin});
    }
}

void ZfsDriver::remove(const VolumeId& volume) {
    unmount(volume);
    const auto gone = dataset(volume);
    if (pool_.dataset_exists(gone)) {
        if (volume.snapshot.empty() && has_clones(gone))
            commands_->must({"zfs", "rename", gone, ghost(folder_of(volume.type))});
        else if (volume.snapshot.empty())
            destroy(gone);
        else if (has_clones(gone))
            commands_->must(
                {"zfs", "rename", gone, dataset(volume_of(volume)) + std::string(deleted_mark) + base::uuid4()});
        else
            commands_->must({"zfs", "destroy", gone});
    }
    base::remove_tree(path(volume));
    if (!volume.snapshot.empty()) ::rmdir(layout::snapshots_folder(pool_.path(), volume).c_str());
}

std::optional<int64_t> ZfsDriver::usage(const VolumeId& volume) const {
    const bool without_snapshots = volume.snapshot.empty() && is_on(volume, "zfs.use_refquota");
    return schema::parse_integer(property(dataset(volume), without_snapshots ? "referenced" : "used"));
}

void ZfsDriver::clean_up() {
    for (const auto& place : layout::leftovers(pool_.path())) {
        if (commands_->is_mounted(place)) commands_->unmount(place);
        ::rmdir(place.c_str());
    }
    const auto folder = pool_.root() + "/deleted/making";
    const auto said = commands_->must({"zfs", "list", "-H", "-o", "name", "-r", "-d", "1", folder});
    for (const auto& line : lines_of(said))
        if (line.starts_with(folder + "/")) destroy(line);
    const auto taken =
        commands_->must({"zfs", "list", "-H", "-o", "name,clones", "-r", "-t", "snapshot", pool_.root()});
    for (const auto& line : lines_of(taken)) {
        const auto words = schema::split(line, '\t');
        const std::string name(words.front());
        const bool is_needed = words.size() > 1 && !words[1].empty() && words[1] != "-";
        if (has_mark(name, before_mark)) go_back(name);
        if (has_mark(name, sent_mark) || (!is_needed && (has_mark(name, copy_mark) || has_mark(name, deleted_mark))))
            commands_->must({"zfs", "destroy", name});
    }
    remove_ghosts();
    const auto listed =
        commands_->must({"zfs", "list", "-H", "-o", "name", "-r", "-t", "filesystem,snapshot", pool_.root()});
    const auto names = lines_of(listed);
    const std::set<std::string> present(names.begin(), names.end());
    layout::remove_stale_places(pool_.path(),
                                [&](const VolumeId& volume) { return present.contains(dataset(volume)); });
}

/// What a kill kept from going with the last of its copies.
void ZfsDriver::remove_ghosts() const {
    for (const auto type : {VolumeType::container, VolumeType::custom, VolumeType::image}) {
        const auto folder = fmt::format("{}/deleted/{}", pool_.root(), folder_of(type));
        const auto said = commands_->must({"zfs", "list", "-H", "-o", "name", "-r", "-d", "1", folder});
        for (const auto& line : lines_of(said))
            // One may have gone with another.
            if (line.starts_with(folder + "/") && pool_.dataset_exists(line) && !has_clones(line)) destroy(line);
    }
}

// --- limits, block volumes, streams ------------------------------------------------------------------------------

void ZfsDriver::limit(const VolumeId& volume, int64_t bytes) {
    const auto value = bytes > 0 ? std::to_string(bytes) : "none";
    const bool without_snapshots = is_on(volume, "zfs.use_refquota");
    const auto* const counted = without_snapshots ? "refquota=" : "quota=";
    const auto* const other = without_snapshots ? "quota=none" : "refquota=none";
    // No limit can be below what is reserved.
    commands_->must({"zfs", "set", "reservation=none", "refreservation=none", counted + value, other, dataset(volume)});
    if (bytes > 0 && is_on(volume, "zfs.reserve_space"))
        commands_->must(
            {"zfs", "set", (without_snapshots ? "refreservation=" : "reservation=") + value, dataset(volume)});
}

void ZfsDriver::update(const VolumeId& volume, const std::set<std::string>& changed) {
    if (is_block(volume)) return; // keeps its blocks, and what it may hold is its size
    const auto of = dataset(volume);
    if (changed.contains("zfs.blocksize")) { // of what is written from now on
        if (const auto bytes = block_size(volume); bytes > 0)
            commands_->must({"zfs", "set", fmt::format("recordsize={}", bytes), of});
        else
            commands_->must({"zfs", "inherit", "recordsize", of});
    }
    if (!changed.contains("zfs.use_refquota") && !changed.contains("zfs.reserve_space")) return;
    const auto bytes = [&](const char* name) { return schema::parse_integer(property(of, name)).value_or(0); };
    if (const auto present = std::max(bytes("quota"), bytes("refquota")); present > 0) limit(volume, present);
}

void ZfsDriver::create_block(const VolumeId& volume, int64_t bytes, const BlockFill& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    if (!volume.snapshot.empty()) return make_block_snapshot(volume, bytes, fill);
    if (!pool_.dataset_exists(dataset(volume))) return make_block(volume, bytes, fill, {});
    refill_block(volume, bytes, fill);
    commands_->must({"zfs", "inherit", std::string(unfinished), dataset(volume)});
}

void ZfsDriver::make_block(const VolumeId& volume, int64_t bytes, const BlockFill& fill, const Words& properties) {
    const auto making = ghost("making");
    const auto block = std::min(block_size(volume), largest_block);
    const auto size = in_blocks(bytes, std::max(block, usual_block));
    auto words = joined({"zfs", "create", "-s", "-V", std::to_string(size)}, as_block);
    if (block > 0) words.insert(words.end(), {"-o", fmt::format("volblocksize={}", block)});
    words = joined(std::move(words), properties);
    words.push_back(making);
    commands_->must(words);
    base::Rollback rollback;
    rollback.add([&] { commands_->must({"zfs", "destroy", "-r", making}); });
    if (fill) fill(*device_of(making));
    commands_->must({"zfs", "rename", making, dataset(volume)});
    rollback.dismiss();
}

int64_t ZfsDriver::in_blocks_of(const std::string& dataset, int64_t bytes) const {
    const auto block = schema::parse_integer(property(dataset, "volblocksize")).value_or(0);
    return in_blocks(bytes, std::max(block, usual_block));
}

void ZfsDriver::refill_block(const VolumeId& volume, int64_t bytes, const BlockFill& fill) {
    const auto of = dataset(volume);
    commands_->must({"zfs", "set", fmt::format("volsize={}", in_blocks_of(of, bytes)), of});
    const auto place = device_of(dataset(volume));
    commands_->must({"blkdiscard", "--zeroout", *place});
    if (fill) fill(*place);
}

/// As make_snapshot.
void ZfsDriver::make_block_snapshot(const VolumeId& snapshot, int64_t bytes, const BlockFill& fill) {
    const auto volume = volume_of(snapshot);
    base::Rollback rollback;
    if (!pool_.dataset_exists(dataset(volume))) {
        make_block(volume, bytes, fill, {"-o", fmt::format("{}=yes", unfinished)});
        rollback.add([&] { commands_->must({"zfs", "destroy", "-r", dataset(volume)}); });
        commands_->must({"zfs", "snapshot", dataset(snapshot)});
        return rollback.dismiss();
    }
    const auto before = fmt::format("{}{}{}", dataset(volume), before_mark, base::uuid4());
    const auto size = size_of(dataset(volume));
    commands_->must({"zfs", "snapshot", before});
    rollback.add([this, before] { go_back(before); });
    refill_block(volume, bytes, fill);
    commands_->must({"zfs", "snapshot", dataset(snapshot)});
    if (!is_unfinished(volume)) {
        const auto held = device_of(before);
        refill_block(volume, size, [&](const std::string& place) { copy_blocks(*held, place, {}, {}); });
    }
    commands_->must({"zfs", "destroy", before});
    rollback.dismiss();
}

std::shared_ptr<const std::string> ZfsDriver::device_of(const std::string& dataset) const {
    const auto at = dataset.find('@');
    const auto whole = dataset.substr(0, at);
    Words show{"zfs", "set", "volmode=dev"};
    if (at != std::string::npos) show.emplace_back("snapdev=visible");
    show.push_back(whole);
    commands_->must(show);
    base::Rollback rollback;
    // Its device stays while another reads it.
    const auto hide = [this, whole] { commands_->run({"zfs", "set", "volmode=none", "snapdev=hidden", whole}); };
    rollback.add(hide);
    std::shared_ptr<const std::string> device{new std::string(commands_->zvol_device(dataset)),
                                              [hide](const std::string* path) {
                                                  const std::unique_ptr<const std::string> owned(path);
                                                  hide();
                                              }};
    rollback.dismiss();
    return device;
}

std::shared_ptr<const std::string> ZfsDriver::device(const VolumeId& volume) {
    return device_of(dataset(volume));
}

int64_t ZfsDriver::size_of(const std::string& dataset) const {
    return schema::parse_integer(property(dataset, "volsize")).value_or(0);
}

void ZfsDriver::resize_block(const VolumeId& volume, int64_t bytes) {
    const auto of = dataset(volume);
    const auto wanted = in_blocks_of(of, bytes);
    const auto present = size_of(of);
    if (wanted < present) throw schema::bad_request("Block volumes cannot be shrunk");
    if (wanted > present) commands_->must({"zfs", "set", fmt::format("volsize={}", wanted), of});
}

void ZfsDriver::send(const VolumeId& volume, const std::string& parent, int to, const base::CancelToken& cancel) {
    auto sent = dataset(volume);
    base::Rollback cleaning;
    if (volume.snapshot.empty()) {
        sent += std::string(sent_mark) + base::uuid4();
        commands_->must({"zfs", "snapshot", sent});
        cleaning.add([&] { commands_->must({"zfs", "destroy", sent}); });
    }
    Words words{"zfs", "send"};
    if (!parent.empty()) words.insert(words.end(), {"-i", dataset({volume.type, volume.name, parent})});
    words.push_back(sent);
    must_stream(words, cancel, -1, to);
}

void ZfsDriver::receive(const VolumeId& volume, int from, const base::CancelToken& cancel) {
    const auto whole = volume_of(volume);
    const bool first = !pool_.dataset_exists(dataset(whole));
    const auto marked = dataset(volume) + (volume.snapshot.empty() ? std::string(sent_mark) + base::uuid4() : "");
    must_stream({"zfs", "receive", "-x", "mountpoint", "-F", "-u", marked}, cancel, from, -1);
    Words properties{"zfs", "set"};
    if (is_block(whole))
        properties.emplace_back("volmode=none");
    else
        properties.insert(properties.end(), {"mountpoint=legacy", "canmount=noauto"});
    if (first && !volume.snapshot.empty()) properties.push_back(fmt::format("{}=yes", unfinished));
    properties.push_back(dataset(whole));
    commands_->must(properties);
    if (volume.snapshot.empty()) {
        commands_->must({"zfs", "destroy", marked});
        commands_->must({"zfs", "inherit", std::string(unfinished), dataset(whole)});
    }
    layout::make_place(pool_.path(), volume);
}

void ZfsDriver::save(const VolumeId& volume, const std::vector<std::string>& snapshots, const Target& to,
                     const base::CancelToken& cancel) {
    const bool custom = volume.type == VolumeType::custom;
    std::string parent;
    for (const auto& name : snapshots) {
        const VolumeId snapshot{volume.type, volume.name, name};
        to.file(stream_name(custom, name), [&](int end) { send(snapshot, parent, end, cancel); });
        parent = name;
    }
    to.file(stream_name(custom, ""), [&](int end) { send(volume, parent, end, cancel); });
}

void ZfsDriver::load(const VolumeId& volume, const std::vector<std::string>& snapshots, const Source& from,
                     const base::CancelToken& cancel) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    auto names = snapshots;
    names.emplace_back();
    base::Rollback rollback;
    rollback.add([&] {
        for (const auto& name : this->snapshots(volume)) remove({volume.type, volume.name, name});
        remove(volume);
    });
    for (const auto& name : names) {
        const VolumeId part{volume.type, volume.name, name};
        from.file(stream_name(volume.type == VolumeType::custom, name), [&](int end) { receive(part, end, cancel); });
    }
    for (const auto& name : names) {
        const VolumeId part{volume.type, volume.name, name};
        if (is_block(volume)) break; // there is nothing to look at
        const auto folder = view(part);
        from.accept(*folder);
        if (name.empty()) layout::set_last_mode(*folder, volume.type);
        unmount(part);
    }
    rollback.dismiss();
}

} // namespace storage
