#pragma once
// Maps of ids between a user namespace and the host: arithmetic and LXD's JSON form (volatile keys). Instances, devices
// and storage use it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace schema {

/// `range` ids from `ns_id` on are those from `host_id` on as the daemon sees them.
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

enum class IdKind { uid, gid };

/// [{"Isuid":true,"Isgid":false,"Hostid":100000,"Nsid":0,"Maprange":65536},...]; "[]" for an empty map.
std::string to_json(const IdMap& map);
/// Reads what to_json writes; an empty text is an empty map. Throws bad_request.
IdMap id_map_from(std::string_view json);

/// What an id of the namespace is on the host; itself for an empty map, nothing where the map has it not.
std::optional<int64_t> on_host(const IdMap& map, IdKind kind, int64_t id);
/// And back.
std::optional<int64_t> in_namespace(const IdMap& map, IdKind kind, int64_t id);

/// What id 0 of the map is on the host; 0 for an empty map or one without it.
int64_t root_uid(const IdMap& map);
int64_t root_gid(const IdMap& map);

/// Whether they map the same ids, however that is written down.
bool same_ids(const IdMap& one, const IdMap& other);

} // namespace schema
