#pragma once
// Where the daemon keeps its files: LXD's own layout below LXD_DIR and the log folder (behaviours: locations).

#include <string>

namespace state {

struct Paths {
    std::string var;    // LXD_DIR or /var/lib/lxd
    std::string log;    // LXD_DIR/logs, or /var/log/lxd without LXD_DIR
    std::string cache;  // LXD_DIR/cache, or /var/cache/lxd
    std::string runner; // the lxd-runner program

    std::string database() const { return var + "/lxd.db"; }
    std::string socket() const { return var + "/unix.socket"; }
    std::string seccomp_socket() const { return var + "/seccomp.socket"; } // where monitors send intercepted calls
    std::string containers() const { return var + "/containers"; } // links NAME -> pool's folder; liblxc's lxcpath
    std::string container(const std::string& name) const { return containers() + "/" + name; }
    std::string snapshots() const { return var + "/snapshots"; }
    std::string snapshots(const std::string& instance) const { return snapshots() + "/" + instance; } // a link too
    std::string images() const { return var + "/images"; }
    std::string backups() const { return var + "/backups"; }
    std::string devices(const std::string& instance) const { return var + "/devices/" + instance; }
    std::string shmounts(const std::string& instance) const { return var + "/shmounts/" + instance; }
    std::string pools() const { return var + "/storage-pools"; }
    std::string pool(const std::string& name) const { return pools() + "/" + name; }
    std::string logs(const std::string& instance) const { return log + "/" + instance; }
    std::string lxc_conf(const std::string& instance) const { return logs(instance) + "/lxc.conf"; }
    std::string lxc_log(const std::string& instance) const { return logs(instance) + "/lxc.log"; }
};

} // namespace state
