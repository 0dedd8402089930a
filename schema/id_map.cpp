#include "schema/id_map.h"

#include <algorithm>
#include <tuple>

#include "schema/json.h"

namespace schema {

namespace {

bool is_of(const IdMapEntry& entry, IdKind kind) {
    return kind == IdKind::uid ? entry.is_uid : entry.is_gid;
}

/// The entries of a kind in order, neighbours that go on from each other as one.
IdMap joined(const IdMap& map, IdKind kind) {
    IdMap entries;
    for (const auto& entry : map)
        if (is_of(entry, kind) && entry.range > 0)
            entries.push_back({kind == IdKind::uid, kind == IdKind::gid, entry.host_id, entry.ns_id, entry.range});
    std::ranges::sort(entries, {}, [](const auto& entry) { return std::tuple(entry.ns_id, entry.host_id); });
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    IdMap result;
    for (const auto& entry : entries) {
        const bool goes_on = !result.empty() && result.back().ns_id + result.back().range == entry.ns_id &&
                             result.back().host_id + result.back().range == entry.host_id;
        if (goes_on)
            result.back().range += entry.range;
        else
            result.push_back(entry);
    }
    return result;
}

} // namespace

std::string to_json(const IdMap& map) {
    auto list = Json::empty_array();
    for (const auto& entry : map) {
        Json object;
        object.set("Isuid", entry.is_uid).set("Isgid", entry.is_gid).set("Hostid", entry.host_id);
        object.set("Nsid", entry.ns_id).set("Maprange", entry.range);
        list.push_back(std::move(object));
    }
    return list.dump();
}

IdMap id_map_from(std::string_view json) {
    IdMap map;
    if (json.empty()) return map;
    const auto list = Json::parse(json);
    if (list.is_null()) return map;
    for (const auto& object : list.as_array()) {
        IdMapEntry entry;
        json::read(object, "Isuid", entry.is_uid);
        json::read(object, "Isgid", entry.is_gid);
        json::read(object, "Hostid", entry.host_id);
        json::read(object, "Nsid", entry.ns_id);
        json::read(object, "Maprange", entry.range);
        map.push_back(entry);
    }
    return map;
}

std::optional<int64_t> on_host(const IdMap& map, IdKind kind, int64_t id) {
    if (map.empty()) return id;
    for (const auto& entry : map)
        if (is_of(entry, kind) && id >= entry.ns_id && id - entry.ns_id < entry.range)
            return id - entry.ns_id + entry.host_id;
    return std::nullopt;
}

std::optional<int64_t> in_namespace(const IdMap& map, IdKind kind, int64_t id) {
    if (map.empty()) return id;
    for (const auto& entry : map)
        if (is_of(entry, kind) && id >= entry.host_id && id - entry.host_id < entry.range)
            return id - entry.host_id + entry.ns_id;
    return std::nullopt;
}

int64_t root_uid(const IdMap& map) {
    return on_host(map, IdKind::uid, 0).value_or(0);
}

int64_t root_gid(const IdMap& map) {
    return on_host(map, IdKind::gid, 0).value_or(0);
}

bool same_ids(const IdMap& one, const IdMap& other) {
    return joined(one, IdKind::uid) == joined(other, IdKind::uid) &&
           joined(one, IdKind::gid) == joined(other, IdKind::gid);
}

} // namespace schema
