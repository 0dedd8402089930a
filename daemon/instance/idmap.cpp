#include "daemon/instance/idmap.h"

#include <algorithm>

#include <fmt/format.h>

#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr int64_t smallest_range = 65536;
constexpr int64_t full_range = 4294967295;

/// root's first range in a subuid or subgid file that is large enough.
std::optional<IdRange> range_of_root(std::string_view file) {
    for (const auto line : schema::split(file, '\n')) {
        const auto fields = schema::split(schema::stripped(line), ':');
        if (fields.size() != 3 || fields[0] != "root") continue;
        const auto host = schema::parse_integer(fields[1]);
        const auto size = schema::parse_integer(fields[2]);
        if (host && size && *size >= smallest_range) return IdRange{*host, *size};
    }
    return std::nullopt;
}

/// "         0    1000000 1000000000" -> the numbers.
std::vector<int64_t> numbers_of(std::string_view line) {
    std::vector<int64_t> numbers;
    for (const auto word : schema::split(line, ' ')) {
        if (const auto number = schema::parse_integer(word)) numbers.push_back(*number);
    }
    return numbers;
}

/// What a namespace map leaves for containers: all ids have a range of LXD's choice; inside of a user namespace, the
/// first part of the own ids above 100000.
std::optional<IdRange> range_from_own_map(std::string_view map) {
    constexpr int64_t lowest = 100000;
    for (const auto line : schema::split(map, '\n')) {
        const auto numbers = numbers_of(line);
        if (numbers.size() != 3) continue;
        const auto first = numbers[0];
        const auto size = numbers[2];
        if (first == 0 && size >= full_range) return IdRange{1000000, 1000000000};
        const auto start = std::max(first, lowest);
        const auto left = first + size - start;
        if (left >= smallest_range) return IdRange{start, left};
    }
    return std::nullopt;
}

std::optional<HostIds> both(std::optional<IdRange> uids, std::optional<IdRange> gids) {
    if (!uids || !gids) return std::nullopt;
    return HostIds{*uids, *gids};
}

} // namespace

std::optional<HostIds> host_ids(const base::HostFacts& facts) {
    if (facts.has_newuidmap && !facts.subuid.empty() && !facts.subgid.empty()) {
        return both(range_of_root(facts.subuid), range_of_root(facts.subgid));
    }
    return both(range_from_own_map(facts.uid_map), range_from_own_map(facts.gid_map));
}

IdMap id_map_of(const schema::Config& config, const std::optional<HostIds>& ids) {
    if (schema::is_true(schema::get(config, "security.privileged"))) return {};
    if (!ids) {
        throw schema::bad_request("LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are "
                                  "supported");
    }
    return {{true, false, ids->uids.host, 0, ids->uids.size}, {false, true, ids->gids.host, 0, ids->gids.size}};
}

std::vector<schema::LxcItem> id_map_items(const IdMap& map) {
    std::vector<schema::LxcItem> items;
    const auto add = [&](char kind, const IdMapEntry& entry) {
        items.push_back({"lxc.idmap", fmt::format("{} {} {} {}", kind, entry.ns_id, entry.host_id, entry.range)});
    };
    for (const auto& entry : map) {
        if (entry.is_uid) add('u', entry);
        if (entry.is_gid) add('g', entry);
    }
    return items;
}

} // namespace instance
