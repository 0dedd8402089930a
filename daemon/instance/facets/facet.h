#pragma once
// A facet translates one subject of an instance's configuration into items of lxc.container.conf. Facets are pure; the
// list of all of them is in facets/list.h, and lxc_config runs them.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_facts.h"
#include "daemon/instance/idmap.h"
#include "daemon/instance/lxc_item.h"
#include "daemon/state/paths.h"
#include "schema/config.h"

namespace instance {

/// What is translated: an instance as configured, with what it will run with.
struct Subject {
    std::string name;
    std::string architecture; // LXD's name: "x86_64"
    schema::Config config;    // expanded
    IdMap id_map;             // empty: privileged
    state::Paths paths;
    std::string log_level = "warn"; // liblxc's: "warn", "info" (--verbose) or "trace" (--debug)
};

using Items = std::vector<LxcItem>;

struct Facet {
    std::string_view name;
    /// The rows of the key table that this facet turns into items; it alone does.
    std::span<const std::string_view> keys;
    /// For a live key, a value is given whenever its controller is there ("max" where nothing is set), so that a live
    /// change is the difference of two translations. Throws bad_request where the host cannot do what is set.
    Items (*lxc_items)(const Subject&, const base::HostFacts&);
};

/// The item of a cgroup file: "lxc.cgroup." or "lxc.cgroup2." and its name.
inline LxcItem cgroup_item(int version, std::string_view file, std::string value) {
    return {std::string(version == 2 ? "lxc.cgroup2." : "lxc.cgroup.").append(file), std::move(value)};
}

} // namespace instance
