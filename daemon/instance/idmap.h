#pragma once
// Id maps of user namespaces, pure: which host ids the daemon may hand out, an instance's map, and the two forms it is
// written in (lxc.idmap items and LXD's JSON in volatile keys). Used by facets, lifecycle and storage.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_facts.h"
#include "schema/config.h"
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

struct IdMapEntry {
    bool is_uid = false;
    bool is_gid = false;
    int64_t host_id = 0;
    int64_t ns_id = 0;
    int64_t range = 0;

    bool operator==(const IdMapEntry&) const = default;
};

/// Empty for a privileged instance: ids are the host's.
using IdMap = std::vector<IdMapEntry>;

/// The ids that root may hand out, by LXD's rules: root's first entry of at least 65536 ids in both of /etc/subuid and
/// /etc/subgid where newuidmap is installed; else what the daemon's own map leaves. Nothing: only privileged instances.
std::optional<HostIds> host_ids(const base::HostFacts& facts);

/// The map of an instance by its expanded configuration. Throws bad_request `LXD doesn't have a uid/gid allocation ...`
/// for an unprivileged one where the host has no ids.
IdMap id_map_of(const schema::Config& config, const std::optional<HostIds>& ids);

/// [{"Isuid":true,"Isgid":false,"Hostid":100000,"Nsid":0,"Maprange":65536},...]; "[]" for an empty map.
std::string to_json(const IdMap& map);
/// Reads what to_json writes; an empty text is an empty map. Throws bad_request.
IdMap id_map_from(std::string_view json);

/// lxc.idmap lines.
std::vector<schema::LxcItem> id_map_items(const IdMap& map);

/// What id 0 of the map is on the host; 0 for an empty map.
int64_t root_uid(const IdMap& map);
int64_t root_gid(const IdMap& map);

} // namespace instance
