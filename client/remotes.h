#pragma once
// What config.yml holds: which servers there are, which one is meant when none is named, and the user's aliases. Read
// by Session.

#include <map>
#include <string>
#include <string_view>

#include "client/aliases.h"
#include "client/target.h"

namespace client {

struct Remote {
    std::string address; // "unix://", "unix:///path" or "https://..."
    std::string auth_type = {};
    std::string domain = {};
    std::string project = {};
    std::string protocol = {}; // "" and "lxd" are the same
    bool is_public = false;
    bool is_static = false; // built in; cannot be removed
    bool is_global = false; // from the system's own config file
};

class Remotes {
public:
    /// What there is without any file.
    Remotes();
    /// Reads a config.yml and the system's; throws when the file cannot be read or is not YAML.
    static Remotes load(const std::string& path);

    /// Writes a config.yml as LXD's client does; static remotes other than the default one are left out.
    void save(const std::string& path) const;

    /// Puts the default remote where none is named; an unknown remote throws bad_request.
    Target resolve(std::string_view text) const;
    const Remote& get(const std::string& name) const;

    const std::string& default_name() const { return chosen_.empty() ? default_ : chosen_; }
    const std::map<std::string, Remote>& all() const { return remotes_; }
    bool contains(const std::string& name) const { return remotes_.contains(name); }
    Aliases& aliases() { return aliases_; }
    const Aliases& aliases() const { return aliases_; }

private:
    std::map<std::string, Remote> remotes_;
    std::string default_ = "local";
    std::string chosen_; // $LXC_REMOTE, for this run
    Aliases aliases_;
};

/// The folder of config.yml: $LXD_CONF or ~/.config/lxc.
std::string config_folder();
/// The daemon's folder: $LXD_DIR or /var/lib/lxd.
std::string server_folder();
/// The path of a unix remote's socket; for "unix://" $LXD_SOCKET or the one in server_folder().
std::string socket_path(const Remote& remote);

} // namespace client
