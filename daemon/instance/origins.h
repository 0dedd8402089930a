#pragma once
// Who sets what: the profile or instance that a container's items come from in the end. Pure; used by plan_start, for
// lxc.conf and `lxd lxc-conf`.

#include <map>
#include <string>
#include <vector>

#include "daemon/instance/lxc_item.h"
#include "schema/api/profile.h"
#include "schema/config.h"

namespace instance {

/// Key ("limits.memory") or device ("device eth0") -> "profile default", "the instance".
using Sources = std::map<std::string, std::string>;

/// The last one that sets each counts, in the order in which profiles and the instance's own are laid over each other.
Sources sources(const std::vector<schema::Profile>& profiles, const schema::Config& config,
                const schema::Devices& devices);

/// "limits.memory, limits.cpu" becomes "limits.memory of profile default, limits.cpu of the instance". What no one
/// sets stays as it is.
void name_sources(const Sources& sources, std::vector<LxcItem>& items);

} // namespace instance
