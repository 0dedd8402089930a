#pragma once
// What connections and websockets share of their server: the io threads, the way to the handler, the count of running
// jobs and the list of what is open. Lives as long as the last of them.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "daemon/http/exchange.h"
#include "daemon/http/server.h"

namespace http {

/// One thread and its io_context. What runs on it needs no lock against itself.
class IoThread {
public:
    IoThread();
    IoThread(const IoThread&) = delete;
    IoThread& operator=(const IoThread&) = delete;

    boost::asio::io_context& context() noexcept { return context_; }
    /// Runs a function on the thread; drops it once the thread has ended.
    template <class Function> void post(Function&& function) {
        const std::scoped_lock lock(mutex_);
        if (!ended_) boost::asio::post(context_, std::forward<Function>(function));
    }
    /// Ends the thread when all that is pending is done, and waits for that. From another thread.
    void end();

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::mutex mutex_;
    bool ended_ = false;
    std::thread thread_;
};

/// Something open that the server closes when it stops. Called on its io thread.
class Endpoint {
public:
    virtual ~Endpoint() = default;
    /// Ends it as soon as what was begun is done.
    virtual void drain() = 0;
    /// No handler is running any more: ends it unless it is still sending.
    virtual void abandon() = 0;
    /// Ends it now.
    virtual void abort() = 0;
    /// Others need its place: closes it where nothing is going on.
    virtual void give_way() {}
};

class Core {
public:
    Core(Server::Options with, base::WorkerPool& workers);

    const Server::Options options;
    /// Takes a request through cpprest to the handler.
    std::function<void(Exchange)> submit;

    /// Runs a job on a worker; the server does not end before it.
    void run(std::function<void()> job);
    /// False when the server is stopping or full: then the endpoint must close at once. One that `is_idle` may be asked
    /// to give way.
    bool add(const std::shared_ptr<Endpoint>& endpoint, const std::shared_ptr<IoThread>& io, const std::string& group,
             bool is_idle);
    void remove(const Endpoint* endpoint);
    /// It is at work, and not asked to give way meanwhile.
    void begin_work(const Endpoint* endpoint) { set_idle(endpoint, false); }
    /// It is idle again.
    void end_work(const Endpoint* endpoint) { set_idle(endpoint, true); }

    /// Asks every endpoint to drain and refuses new ones.
    void drain();
    void abandon() { tell_all(&Endpoint::abandon); }
    void abort() { tell_all(&Endpoint::abort); }
    void wait_until_closed(std::chrono::milliseconds at_most);
    void wait_for_jobs(std::chrono::milliseconds at_most);
    void wait_for_jobs();

private:
    using Turns = std::map<uint64_t, const Endpoint*>; // who is asked next to give way
    struct Open {
        std::weak_ptr<Endpoint> endpoint;
        std::shared_ptr<IoThread> io;
        std::string group;
        uint64_t turn = 0;    // while it is idle; 0 else
        bool leaving = false; // it was asked to give way: no longer counted
    };
    struct Group {
        size_t count = 0;
        Turns idle;
    };

    void end_job();
    bool make_room(const std::string& group);
    bool ask_to_give_way(const Turns& idle);
    void count(Open& open);
    void uncount(Open& open);
    void begin_turn(Open& open, const Endpoint* endpoint);
    void end_turn(Open& open);
    void set_idle(const Endpoint* endpoint, bool is_idle);
    void tell_all(void (Endpoint::*what)());

    base::WorkerPool& workers_;
    const size_t most_open_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::unordered_map<const Endpoint*, Open> open_;
    std::unordered_map<std::string, Group> groups_;
    Turns idle_;
    size_t counted_ = 0;
    uint64_t next_turn_ = 1;
    size_t jobs_ = 0;
    bool draining_ = false;
};

} // namespace http
