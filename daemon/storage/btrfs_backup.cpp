#include "daemon/storage/btrfs_backup.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/optimized_header.h"
#include "daemon/storage/subvolume_streams.h"
#include "schema/error.h"

namespace storage {

namespace {

VolumeId part_of(const VolumeId& volume, const std::string& snapshot) {
    return {volume.type, volume.name, snapshot};
}

std::string stream_name_of(const VolumeId& part, const std::string& path = {}) {
    return stream_name(part.type == VolumeType::custom, part.snapshot, path);
}

/// A snapshot, or the volume as it was when the backup began.
struct Kept {
    VolumeId part;
    std::string path;
    std::vector<subvolume::Nested> nested{};
    mode_t mode = 0; // as it came
};

/// Copies of the subvolumes nested in a snapshot, by path: read-only, as what is sent must be. They go with this.
class Copies {
public:
    Copies(const std::string& pool_path, const Kept& kept) {
        const auto outer = subvolume::open(kept.path);
        for (const auto& found : kept.nested) {
            const auto child = subvolume::open_nested(outer.get(), found);
            if (!child) throw schema::failure("Subvolume {:?} of {} is gone", found.path, kept.path);
            const auto copy = layout::temporary_path(layout::folder(pool_path, {kept.part.type, ""}));
            subvolume::snapshot_alone(child.get(), copy);
            cleaning_.add([copy] { subvolume::remove(copy); });
            subvolume::set_read_only(subvolume::open(copy).get(), true);
            paths_[found.path] = copy;
        }
    }
    Copies() = default;

    const std::string& path(const std::string& nested) const {
        static const std::string none;
        const auto found = paths_.find(nested);
        return found == paths_.end() ? none : found->second;
    }

private:
    std::map<std::string, std::string> paths_;
    base::Rollback cleaning_;
};

std::vector<Kept> with_nested(std::vector<Kept> all) {
    for (auto& kept : all) {
        kept.nested = subvolume::nested(subvolume::open(kept.path).get());
        std::ranges::sort(kept.nested, {}, &subvolume::Nested::path);
    }
    return all;
}

std::string header_of(const std::vector<Kept>& all) {
    std::vector<BackedUpSubvolume> subvolumes;
    for (const auto& kept : all) {
        subvolumes.push_back({kept.part.snapshot, "", !kept.part.snapshot.empty()});
        for (const auto& found : kept.nested) subvolumes.push_back({kept.part.snapshot, found.path, found.read_only});
    }
    return optimized_header(subvolumes);
}

/// What becomes of the streams, beside, until all of them are there.
class Loading {
public:
    Loading(Driver& driver, const std::string& pool_path, const OwnFormat::Source& from,
            const base::CancelToken& cancel)
        : driver_(driver), pool_path_(pool_path), from_(from), cancel_(cancel) {}

    void receive(const VolumeId& part) {
        if (driver_.exists(part)) throw schema::conflict("Volume \"{}\" exists already", driver_.path(part));
        const auto making = subvolume_streams::temporary(pool_path_, part);
        made_.push_back({part, making});
        rollback_.add([this, part, making] {
            subvolume::remove(making);
            if (!part.snapshot.empty()) ::rmdir(layout::snapshots_folder(pool_path_, part).c_str());
        });
        read(stream_name_of(part), [&](auto& stream) {
            const auto received = receive_subvolume(stream, making, find_parent(), cancel_);
            made_.back().mode = received.mode;
            remember(received, making, "");
        });
    }

    /// In the volume or snapshot that was received last.
    void receive_nested(const BackedUpSubvolume& found) {
        auto& outer = made_.back();
        const auto beside = subvolume_streams::temporary(pool_path_, outer.part);
        read(stream_name_of(outer.part, found.path), [&](auto& stream) {
            const subvolume_streams::NestedPlace place{outer.path, found.path, beside};
            remember(subvolume_streams::receive_nested(stream, place, find_parent(), cancel_), outer.path, found.path);
        });
        outer.nested.push_back({found.path, 0, found.read_only});
    }

    /// The volume itself comes last.
    void place_all() {
        for (const auto& made : made_) finish(made);
        subvolume::sync(made_.back().path);
        for (const auto& made : made_) {
            const auto path = driver_.path(made.part);
            layout::rename_new(made.path, path);
            rollback_.add([this, part = made.part] { driver_.remove(part); });
            base::sync_folder(path.substr(0, path.rfind('/')));
        }
        rollback_.dismiss();
    }

private:
    struct Place {
        std::string outer;
        std::string path; // in it; empty: itself
    };

    void read(const std::string& file, const std::function<void(send_stream::Reader& stream)>& apply) {
        from_.file(file, [&](int end) {
            send_stream::Reader stream(end);
            if (!stream.begin()) throw schema::bad_request("Bad btrfs stream: it is empty");
            apply(stream);
            if (stream.raw(1)) throw schema::bad_request("Bad btrfs stream: more than one volume");
        });
    }

    void remember(const Received& received, const std::string& outer, const std::string& path) {
        received_[received.uuid] = {outer, path};
    }

    FindParent find_parent() {
        return [this](const std::string& uuid) {
            const auto found = received_.find(uuid);
            if (found == received_.end()) return base::Fd();
            auto outer = subvolume::open(found->second.outer);
            if (found->second.path.empty()) return outer;
            return base::open_beneath(outer.get(), found->second.path, O_RDONLY | O_DIRECTORY);
        };
    }

    void finish(const Kept& made) const {
        from_.accept(made.path);
        if (::chmod(made.path.c_str(), layout::volume_mode(made.part.type, made.mode)) < 0)
            base::fail("Failed setting the mode of " + made.path);
        subvolume_streams::set_read_only(made.path, made.nested);
        if (!made.part.snapshot.empty()) subvolume::set_read_only(subvolume::open(made.path).get(), true);
    }

    Driver& driver_;
    const std::string& pool_path_;
    const OwnFormat::Source& from_;
    const base::CancelToken& cancel_;
    std::vector<Kept> made_;
    std::map<std::string, Place> received_; // by what the sender called it
    base::Rollback rollback_;
};

} // namespace

void BtrfsBackup::save(const VolumeId& volume, const std::vector<std::string>& snapshots, const Target& to,
                       const base::CancelToken& cancel) {
    const auto now = subvolume_streams::temporary(pool_path_, volume);
    subvolume::snapshot(driver_.path(volume), now, true);
    base::Rollback cleaning;
    cleaning.add([&] { subvolume::remove(now); });
    std::vector<Kept> all;
    all.reserve(snapshots.size() + 1);
    for (const auto& name : snapshots) all.push_back({part_of(volume, name), driver_.path(part_of(volume, name))});
    all.push_back({volume, now});
    all = with_nested(std::move(all));
    to.header(header_of(all));
    std::string parent;
    auto before = std::make_unique<Copies>();
    for (const auto& kept : all) {
        to.file(stream_name_of(kept.part), [&](int end) { subvolume_streams::send(kept.path, parent, end, cancel); });
        auto copies = std::make_unique<Copies>(pool_path_, kept);
        for (const auto& found : kept.nested)
            to.file(stream_name_of(kept.part, found.path), [&](int end) {
                subvolume_streams::send(copies->path(found.path), before->path(found.path), end, cancel);
            });
        before = std::move(copies);
        parent = kept.path;
    }
}

void BtrfsBackup::load(const VolumeId& volume, const std::vector<std::string>& snapshots, const Source& from,
                       const base::CancelToken& cancel) {
    const auto subvolumes = from.header ? optimized_header_from(*from.header, snapshots) : without_nested(snapshots);
    auto names = snapshots;
    names.emplace_back();
    Loading loading(driver_, pool_path_, from, cancel);
    for (const auto& name : names) {
        loading.receive(part_of(volume, name));
        for (const auto& found : subvolumes)
            if (found.snapshot == name && !found.path.empty()) loading.receive_nested(found);
    }
    loading.place_all();
}

} // namespace storage
