#pragma once
// Which host ids the daemon may hand out, and which of them an instance gets; pure. Used by facets and lifecycle.

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/host_facts.h"
#include "schema/config.h"
#include "schema/id_map.h"
#include "schema/lxc_item.h"

namespace instance {

/// A run of ids: `host` is what namespace id 0 is on the host (as the daemon sees it).
struct IdRange {
    int64_t host = 0;
    int64_t size = 0;

    bool operator==(const IdRange&) const = default;
};

struct HostIds {
    IdRange uids;
    IdRange gids;

    bool operator==(const HostIds&) const = default;
};

using schema::id_map_from;
using schema::IdMap;
using schema::IdMapEntry;
using schema::root_gid;
using schema::root_uid;
using schema::to_json;

/// The ids that root may hand out, by LXD's rules: root's first entry of at least 65536 ids in both of /etc/subuid and
/// /etc/subgid where newuidmap is installed; else what the daemon's own map leaves. Nothing: only privileged instances.
std::optional<HostIds> host_ids(const base::HostFacts& facts);

/// The map of an instance by its expanded configuration. Throws bad_request `LXD doesn't have a uid/gid allocation ...`
/// for an unprivileged one where the host has no ids.
IdMap id_map_of(const schema::Config& config, const std::optional<HostIds>& ids);

/// lxc.idmap lines.
std::vector<schema::LxcItem> id_map_items(const IdMap& map);

} // namespace instance
