#include "daemon/base/path_watch.h"

#include <algorithm>
#include <utility>

#include <sys/inotify.h>
#include <unistd.h>

namespace base {

namespace {

constexpr uint32_t interesting = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

std::string above(const std::string& path) {
    const auto slash = path.find_last_of('/');
    return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

PathWatch::PathWatch(EventLoop& loop, std::function<void()> changed) : loop_(loop), changed_(std::move(changed)) {}

PathWatch::~PathWatch() {
    set({});
}

void PathWatch::set(std::set<std::string> paths) {
    const std::scoped_lock lock(mutex_);
    paths_ = std::move(paths);
    if (paths_.empty()) {
        loop_.remove(id_);
        inotify_.reset();
        folders_.clear();
        return;
    }
    if (!inotify_) {
        inotify_ = checked(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init1");
        id_ = loop_.watch(inotify_.get(), [this] { on_events(); });
    }
    arrange();
}

/// A folder that is made while this looks is found in the next round: the one above it is watched by then.
void PathWatch::arrange() {
    for (bool again = true; again;) {
        std::map<std::string, int> wanted;
        for (const auto& path : paths_) {
            for (auto folder = above(path);; folder = above(folder)) {
                const int number = ::inotify_add_watch(inotify_.get(), folder.c_str(), interesting | IN_ONLYDIR);
                if (number >= 0) wanted.emplace(folder, number);
                if (number >= 0 || folder == "/") break;
            }
        }
        again = wanted != folders_;
        for (const auto& [folder, number] : folders_) {
            const bool kept =
                std::ranges::any_of(wanted, [number = number](const auto& row) { return row.second == number; });
            if (!kept) ::inotify_rm_watch(inotify_.get(), number);
        }
        folders_ = std::move(wanted);
    }
}

void PathWatch::on_events() {
    {
        const std::scoped_lock lock(mutex_);
        if (!inotify_) return;
        // What happened is not looked at: what there is now counts.
        alignas(inotify_event) char buffer[4096];
        while (::read(inotify_.get(), buffer, sizeof buffer) > 0) {
        }
        arrange();
    }
    changed_();
}

} // namespace base
