#pragma once
// Which host ids the daemon may hand out, and which of them an instance gets; pure. Used by facets and lifecycle.

#include <cstdint>
#include <optional>
#include <string>
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

    int64_t end() const noexcept { return host + size; }
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
/// /etc/subgid where newuidmap is installed and they name root; else what the daemon's own map leaves. Nothing (only
/// privileged instances) also where the daemon's own user namespace does not have them.
std::optional<HostIds> host_ids(const base::HostFacts& facts);

/// An instance with ids of its own (security.idmap.isolated).
struct IsolatedIds {
    std::string instance;
    IdRange ids;
};

/// Whether the configuration asks for ids of its own.
bool is_isolated(const schema::Config& config);
/// What an isolated instance has by its volatile.idmap.base; nothing where that is not set.
std::optional<IdRange> isolated_ids(const schema::Config& config);

struct ChosenMap {
    IdMap map;        // empty: privileged
    int64_t base = 0; // of an isolated one, for volatile.idmap.base
    int64_t size = 0; // of an isolated one, raw.idmap apart
};

/// The map of an instance by its expanded configuration, raw.idmap punched into it. An isolated one keeps the ids that
/// it has as long as they will do, and else gets the first that none of `others` has. Throws bad_request `LXD doesn't
/// have a uid/gid allocation ...` for an unprivileged one where the host has no ids, `Not enough uid/gid available ...`
/// where none are left, and what is wrong with the keys.
ChosenMap choose_map(const schema::Config& config, const std::optional<HostIds>& ids,
                     const std::vector<IsolatedIds>& others);

/// Throws bad_request that says what is missing where, when root may not use all host ids of the map: by
/// /etc/subuid and /etc/subgid where newuidmap reads them, and by the daemon's own user namespace.
void check_allowed(const IdMap& map, const base::HostFacts& facts);

/// lxc.idmap lines.
std::vector<schema::LxcItem> id_map_items(const IdMap& map);

} // namespace instance
