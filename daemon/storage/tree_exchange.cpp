#include "daemon/storage/tree_exchange.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <tuple>

#include <fmt/format.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/file_attributes.h"

namespace storage {

namespace {

base::Fd open_folder(int root_fd, const std::string& path) {
    return base::open_beneath(root_fd, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

struct Attributes {
    struct stat status{};
    Xattrs extended;
};

Attributes attributes_of(const base::Fd& folder, const std::string& path) {
    Attributes found;
    if (::fstat(folder.get(), &found.status) < 0) base::fail("Failed looking at " + path);
    found.extended = xattrs(folder.get());
    return found;
}

void make_alike(const base::Fd& folder, const Attributes& present, const Attributes& wanted) {
    for (const auto& [name, value] : present.extended) {
        const bool stays = std::ranges::any_of(wanted.extended, [&](const auto& kept) { return kept.first == name; });
        if (!stays && ::fremovexattr(folder.get(), name.c_str()) < 0 && errno != ENODATA && errno != ENOTSUP)
            base::fail("Failed removing the attribute " + name);
    }
    set_attributes(folder.get(), wanted.status, present.status, wanted.extended);
}

bool same_attributes(const Attributes& a, const Attributes& b) {
    const auto look = [](const struct stat& of) {
        return std::tuple(of.st_mode, of.st_uid, of.st_gid, of.st_mtim.tv_sec, of.st_mtim.tv_nsec);
    };
    return look(a.status) == look(b.status) && a.extended == b.extended;
}

void rename_in(int from_fd, int to_fd, const std::string& name, unsigned flags) {
    if (::renameat2(from_fd, name.c_str(), to_fd, name.c_str(), flags) < 0) base::fail("Failed moving " + name);
}

/// Descriptors are not kept for the undoing: there may be more folders than a process may have open.
class Exchange {
public:
    Exchange(int snapshot_fd, int staged_fd, int volume_fd)
        : snapshot_(snapshot_fd), staged_(staged_fd), volume_(volume_fd) {}

    void run(const TreeDifference& difference) {
        try {
            base::Rollback rollback;
            size_t number = 0;
            for (const auto& [path, folder] : difference.folders)
                change({path, std::to_string(number++)}, folder, rollback);
            rollback.dismiss();
        } catch (const std::exception& error) {
            if (is_undone_) throw;
            throw HalfExchanged(error.what());
        }
    }

private:
    struct Places {
        std::string path;
        std::string staged;
    };

    template <class Undo> void on_failure(base::Rollback& rollback, const Undo& undo) {
        rollback.add([this, undo] {
            try {
                undo();
            } catch (const std::exception&) {
                is_undone_ = false;
            }
        });
    }

    void change(const Places& places, const FolderDifference& difference, base::Rollback& rollback) {
        const auto volume = open_folder(volume_, places.path);
        const auto staged = open_folder(staged_, places.staged);
        const auto before = attributes_of(volume, places.path);
        const auto wanted = attributes_of(open_folder(snapshot_, places.path), places.path);
        on_failure(rollback, [this, places, before] {
            const auto folder = open_folder(volume_, places.path);
            const auto now = attributes_of(folder, places.path);
            if (!same_attributes(now, before)) make_alike(folder, now, before);
        });
        for (const auto& name : difference.put) put(places, volume.get(), staged.get(), name, rollback);
        for (const auto& name : difference.drop) {
            rename_in(volume.get(), staged.get(), name, RENAME_NOREPLACE);
            on_failure(rollback, [this, places, name] { move_back(places, name, true); });
        }
        make_alike(volume, before, wanted);
    }

    void put(const Places& places, int volume, int staged, const std::string& name, base::Rollback& rollback) {
        if (::renameat2(staged, name.c_str(), volume, name.c_str(), RENAME_EXCHANGE) == 0) {
            on_failure(rollback, [this, places, name] {
                rename_in(open_folder(volume_, places.path).get(), open_folder(staged_, places.staged).get(), name,
                          RENAME_EXCHANGE);
            });
            return;
        }
        if (errno != ENOENT) base::fail(fmt::format("Failed restoring {}/{}", places.path, name));
        rename_in(staged, volume, name, RENAME_NOREPLACE);
        on_failure(rollback, [this, places, name] { move_back(places, name, false); });
    }

    void move_back(const Places& places, const std::string& name, bool into_volume) const {
        const auto volume = open_folder(volume_, places.path);
        const auto staged = open_folder(staged_, places.staged);
        rename_in((into_volume ? staged : volume).get(), (into_volume ? volume : staged).get(), name, RENAME_NOREPLACE);
    }

    int snapshot_;
    int staged_;
    int volume_;
    bool is_undone_ = true;
};

} // namespace

void exchange_trees(int snapshot_fd, int staged_fd, int volume_fd, const TreeDifference& difference) {
    Exchange(snapshot_fd, staged_fd, volume_fd).run(difference);
}

} // namespace storage
