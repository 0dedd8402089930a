#pragma once
// Which container a connection to /dev/lxd/sock comes from. The kernel's word alone counts: the pid namespace of the
// process that connected, taken when it was accepted, against those of the containers that run.

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <sys/types.h>

#include "daemon/http/message.h"
#include "daemon/instance/registry.h"

namespace api {

/// See http::Server::Identify: connections of one container are one group.
void identify_guest(int socket, http::Peer& peer);

class Callers {
public:
    struct Caller {
        std::shared_ptr<instance::Instance> instance;
        pid_t init = 0; // of the container that the caller runs in
    };

    explicit Callers(const instance::Registry& instances) : instances_(instances) {}

    /// Nothing for a process of no container. Waits where one is just being started that may be the caller's.
    std::optional<Caller> find(const http::Peer& peer);

private:
    std::optional<Caller> remembered(uint64_t name_space);
    std::optional<Caller> among_running(uint64_t name_space);

    const instance::Registry& instances_;
    std::mutex mutex_;
    std::map<uint64_t, std::weak_ptr<instance::Instance>> found_; // by namespace; may be out of date
};

} // namespace api
