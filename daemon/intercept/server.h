#pragma once
// Answers the system calls that containers' seccomp policies send here. liblxc's monitor of each such container
// connects to the socket and sends one call at a time, and waits for the answer with everything else that it does: no
// answer may take long, and nothing on the way to it may ask the monitor.
//
// A call that is work is done by a runner of its own, so that a container whose filesystems hang holds up nobody but
// itself; and it has only so long, and only so many that hang. When the daemon goes, the callers get ENOSYS from
// liblxc; its monitors connect anew with the next call. Built and started by Rooms.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/event_loop.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/process.h"
#include "daemon/base/worker_pool.h"
#include "daemon/intercept/decision.h"

namespace intercept {

/// What the server needs of the rest of the daemon.
struct Surroundings {
    base::EventLoop& loop;
    base::WorkerPool& workers;
    base::Log& log;
    /// The container of a cookie; nothing where there is none.
    std::function<std::optional<Settings>(const std::string&)> find;
    /// Starts a runner: what the verb intercept takes, and {ours, number in the runner}.
    std::function<base::Process(std::vector<std::string>, std::vector<std::pair<int, int>>)> spawn;
};

class Server {
public:
    explicit Server(Surroundings surroundings);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Listens; in place of a daemon before.
    void start(const std::string& path);
    /// Drops all connections, with the calls that are under way. Afterwards no worker is kept for long.
    void stop();

private:
    struct Connection;

    void accept();
    void watch(const std::shared_ptr<Connection>& connection);
    void serve(const std::shared_ptr<Connection>& connection);
    void drop(const std::shared_ptr<Connection>& connection);
    std::optional<Answer> answer(const Notification& call, const std::vector<base::Fd>& fds);
    std::optional<Answer> run(const Notification& call, const Work& work, const std::vector<base::Fd>& fds);
    bool too_many_hang(const std::string& container);
    void leave_hanging(const std::string& container, base::Process process);

    Surroundings around_;
    base::Fd stopping_; // readable once it is to stop
    base::Fd listener_;
    std::mutex mutex_; // of what follows
    std::map<Connection*, std::shared_ptr<Connection>> connections_;
    std::map<std::string, std::vector<base::Process>> hanging_; // runners that were killed and have not ended
    bool stopped_ = false;
};

} // namespace intercept
