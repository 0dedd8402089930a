#pragma once
// The sub-commands of `lxd` that are not the daemon itself: most talk to a running one over its unix socket.

#include <string>

#include "daemon/state/paths.h"

namespace commands {

struct InitOptions {
    bool automatic = false;
    bool minimal = false;
    bool preseed = false;
    bool dump = false;
    // With `automatic` alone; what is not given is empty or -1.
    std::string network_address;
    int network_port = -1;
    std::string storage_backend;
    std::string storage_device;
    int storage_loop = -1; // GB
    std::string storage_pool;
    std::string trust_password;
};

/// Each returns the process's exit code, or throws what stopped it.
int version();
/// Waits until the daemon answers that it is ready; `timeout` in seconds, 0: for ever.
int wait_ready(const state::Paths& paths, int timeout);
/// Asks the daemon to stop its instances and end, and waits for its end.
int shut_down(const state::Paths& paths, int timeout, bool force);
/// Wakes a daemon whose socket somebody else listens on, where an instance is to run or the network is to be served.
/// Reads the database itself.
int activate_if_needed(const state::Paths& paths);
/// Prints the tables of keys and options.
int keys();
/// Prints the items of lxc.container.conf of an instance, with their origins.
int lxc_conf(const state::Paths& paths, const std::string& instance);
/// Asks what to look into, shows what was lost, and has its rows made again.
int recover(const state::Paths& paths);
/// Configures a daemon: by questions, by options, or by a preseed in YAML on standard input; or prints what it has as
/// one.
int init(const state::Paths& paths, const InitOptions& options);

} // namespace commands
