#pragma once
// The environment block of GET /1.0: what the host is and what runs on it. Built once by daemon.cpp.

#include <future>
#include <map>
#include <string>

#include "daemon/base/host_facts.h"
#include "daemon/instance/runtime.h"
#include "daemon/state/paths.h"
#include "daemon/storage/pool.h"
#include "schema/api/server.h"

namespace api {

/// The lines KEY=VALUE of /etc/os-release, quotes taken off.
std::map<std::string, std::string> os_release(const std::string& text);

class Environment {
public:
    /// Makes LXD_DIR/server.crt and server.key where they are missing. The pools must outlive this.
    Environment(const state::Paths& paths, const base::HostFacts& facts, const instance::Runtime& runtime,
                const storage::Pools& pools);

    /// As it is now: the host's name and the drivers in use can change. Thread-safe; the first call may wait for the
    /// firewall and the storage drivers to be found out.
    schema::ServerEnvironment block() const;

private:
    const storage::Pools& pools_;
    schema::ServerEnvironment fixed_;
    std::shared_future<std::string> firewall_;
    std::shared_future<std::map<std::string, std::string>> usable_drivers_; // and their versions
};

} // namespace api
