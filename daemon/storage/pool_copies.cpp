#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <system_error>

#include "daemon/base/fd.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/pool.h"
#include "daemon/storage/stream_volume.h"
#include "daemon/storage/tree_copy.h"

namespace storage {

namespace {

using layout::open_folder;

/// Brings a volume and its snapshots, oldest first, from one driver to another, which may be the same.
class Transport {
public:
    Transport(Driver& from, Driver& to, const base::CancelToken& cancel, const Progress& progress)
        : from_(from), to_(to), cancel_(cancel), progress_(progress) {}

    void bring(const VolumeId& source, const VolumeId& target) {
        // A stream that is no difference makes a volume with all its snapshots anew.
        const bool streams = from_.name() == to_.name() && from_.transfer() != nullptr && to_.transfer() != nullptr &&
                             (!parent_.empty() || !to_.exists({target.type, target.name}));
        if (&from_ == &to_) {
            to_.clone(source, target, cancel_, progress_);
        } else if (streams) {
            stream_volume(from_, source, parent_, to_, target, cancel_);
            parent_ = source.snapshot;
        } else {
            to_.create(target, [&](const std::string& making) { copy_into(source, making); });
        }
        if (!target.snapshot.empty()) before_ = target;
    }

private:
    void copy_into(const VolumeId& source, const std::string& target) {
        const auto folder = from_.view(source);
        TreeCopyOptions options;
        options.cancel = cancel_;
        options.progress = progress_;
        if (before_ && to_.shares_content()) options.alike = to_.path(*before_);
        copy_tree(open_folder(*folder).get(), open_folder(target).get(), options);
    }

    Driver& from_;
    Driver& to_;
    const base::CancelToken& cancel_;
    const Progress& progress_;
    std::optional<VolumeId> before_; // the last snapshot that the target has got
    std::string parent_;             // the last snapshot that the target has got as a stream
};

} // namespace

void Pools::copy_container(const Source& source, const std::vector<std::string>& snapshots, const std::string& pool,
                           const std::string& instance, const base::CancelToken& cancel, const Progress& progress) {
    const auto holds = hold_source(source, snapshots, cancel);
    const auto from = driver(source.pool);
    const auto to = driver(pool);
    Transport transport(*from, *to, cancel, progress);
    base::Rollback rollback;
    rollback.add([&] { remove_volume(*to, instance); });
    for (const auto& snapshot : snapshots)
        transport.bring({VolumeType::container, source.instance, snapshot},
                        {VolumeType::container, instance, snapshot});
    const VolumeId target{VolumeType::container, instance};
    transport.bring({VolumeType::container, source.instance, source.snapshot}, target);
    if (instance != source.instance) link_new(*to, instance);
    rollback.dismiss();
}

void Pools::refresh_container(const Source& source, const std::vector<std::string>& snapshots, const std::string& pool,
                              const std::string& instance, const std::string& whole, const base::CancelToken& cancel,
                              const Progress& progress) {
    const auto holds = hold_source(source, snapshots, cancel);
    const auto kept = container_locks_.shared(instance, cancel);
    const auto from = driver(source.pool);
    const auto to = driver(pool);
    Transport transport(*from, *to, cancel, progress);
    base::Rollback rollback;
    const auto bring = [&](const std::string& snapshot, const std::string& name) {
        const VolumeId target{VolumeType::container, instance, name};
        transport.bring({VolumeType::container, source.instance, snapshot}, target);
        rollback.add([&to, target] { to->remove(target); });
    };
    for (const auto& snapshot : snapshots) bring(snapshot, snapshot);
    bring(source.snapshot, whole);
    link_snapshots(*to, instance);
    rollback.dismiss();
}

} // namespace storage
