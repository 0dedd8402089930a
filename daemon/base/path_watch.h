#pragma once
// Notices files that come and go, by inotify: each path's folder is watched, or the nearest one above it that is there.
// Used for devices of running containers.

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "daemon/base/event_loop.h"
#include "daemon/base/fd.h"

namespace base {

class PathWatch {
public:
    /// `changed` is called on the loop's thread when any of the paths may have come or gone; often for nothing.
    PathWatch(EventLoop& loop, std::function<void()> changed);
    ~PathWatch();
    PathWatch(const PathWatch&) = delete;
    PathWatch& operator=(const PathWatch&) = delete;

    /// From when this returns nothing that happens to these paths is missed. Absolute paths; others are forgotten.
    void set(std::set<std::string> paths);

private:
    void on_events();
    void arrange();

    EventLoop& loop_;
    std::function<void()> changed_;
    std::mutex mutex_;
    Fd inotify_; // while there are paths
    EventLoop::Id id_ = 0;
    std::set<std::string> paths_;
    std::map<std::string, int> folders_; // watched -> its number
};

} // namespace base
