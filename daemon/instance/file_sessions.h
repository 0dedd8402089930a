#pragma once
// Long sessions with an instance's files while it is stopped: they keep its root busy, so whatever needs the root for
// itself ends them first. Made by the API's sftp handler, ended by lifecycle.

#include <csignal>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <poll.h>

#include "daemon/base/process.h"

namespace instance {

class FileSessions {
public:
    /// The session's owner holds the process; here it is only known.
    void add(const std::string& name, const std::shared_ptr<base::Process>& process) {
        const std::scoped_lock lock(mutex_);
        std::erase_if(sessions_, [](const auto& session) { return session.second.expired(); });
        sessions_.emplace(name, process);
    }
    /// Kills those of this instance, and waits until they are gone: a second at most each, in case the disk hangs.
    void end(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        const auto [first, last] = sessions_.equal_range(name);
        for (auto session = first; session != last; ++session)
            if (const auto process = session->second.lock()) {
                process->kill(SIGKILL);
                pollfd watched{process->pidfd(), POLLIN, 0};
                ::poll(&watched, 1, 1000);
            }
        sessions_.erase(first, last);
    }

private:
    std::mutex mutex_;
    std::multimap<std::string, std::weak_ptr<base::Process>> sessions_;
};

} // namespace instance
