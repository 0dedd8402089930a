#include "daemon/api/guest/callers.h"

#include <chrono>

#include "daemon/base/pid_namespace.h"

namespace api {

namespace {

using Clock = std::chrono::steady_clock;

/// A container's first processes may call before its start has been reported.
constexpr auto start_time = std::chrono::seconds(10);

bool is_being_started(const instance::Instance& instance) {
    const auto live = instance.live();
    return !live.running && (!instance.busy_with().empty() || live.status == schema::Status::starting);
}

bool runs(const instance::Live& live) {
    return live.running.has_value();
}

/// Its caller where its init is in this namespace. Asked of the kernel each time: numbers of processes and namespaces
/// are used again.
std::optional<Callers::Caller> match(const std::shared_ptr<instance::Instance>& instance, uint64_t name_space) {
    const auto live = instance->live();
    if (!live.running || base::pid_namespace_id(live.running->init_pid) != name_space) return {};
    return Callers::Caller{instance, live.running->init_pid};
}

} // namespace

void identify_guest(int socket, http::Peer& peer) {
    auto name_space = base::peer_pid_namespace(socket);
    peer.group = name_space ? std::to_string(base::namespace_id(name_space)) : "host";
    if (name_space) peer.pid_namespace = std::make_shared<const base::Fd>(std::move(name_space));
}

std::optional<Callers::Caller> Callers::find(const http::Peer& peer) {
    if (!peer.pid_namespace) return {};
    const auto name_space = base::namespace_id(*peer.pid_namespace);
    if (auto caller = remembered(name_space)) return caller;
    if (auto caller = among_running(name_space)) return caller;
    const auto deadline = Clock::now() + start_time;
    for (const auto& instance : instances_.list()) {
        if (!is_being_started(*instance)) continue;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        instance->wait_for(std::max(left, std::chrono::milliseconds(0)), runs);
        if (auto caller = match(instance, name_space)) return caller;
    }
    return {};
}

std::optional<Callers::Caller> Callers::remembered(uint64_t name_space) {
    std::shared_ptr<instance::Instance> instance;
    {
        const std::scoped_lock lock(mutex_);
        const auto found = found_.find(name_space);
        if (found == found_.end()) return {};
        instance = found->second.lock();
    }
    if (!instance || instances_.find(instance->record()->row.name) != instance) return {};
    return match(instance, name_space);
}

std::optional<Callers::Caller> Callers::among_running(uint64_t name_space) {
    std::map<uint64_t, std::weak_ptr<instance::Instance>> seen;
    std::optional<Caller> caller;
    for (const auto& instance : instances_.list()) {
        const auto live = instance->live();
        if (!live.running) continue;
        const auto present = base::pid_namespace_id(live.running->init_pid);
        seen[present] = instance;
        if (present == name_space) caller = Caller{instance, live.running->init_pid};
    }
    const std::scoped_lock lock(mutex_);
    found_ = std::move(seen);
    return caller;
}

} // namespace api
