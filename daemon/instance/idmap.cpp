#include "daemon/instance/idmap.h"

#include <algorithm>

#include <fmt/format.h>

#include "schema/error.h"
#include "schema/raw_idmap.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr int64_t smallest_range = 65536;
constexpr int64_t isolated_size = 65536;
constexpr int64_t full_range = 4294967295;

/// root's ranges in a subuid or subgid file.
std::vector<IdRange> ranges_of_root(std::string_view file) {
    std::vector<IdRange> ranges;
    for (const auto line : schema::split(file, '\n')) {
        const auto fields = schema::split(schema::stripped(line.substr(0, line.find('#'))), ':');
        if (fields.size() != 3 || fields[0] != "root") continue;
        const auto host = schema::parse_integer(fields[1]);
        const auto size = schema::parse_integer(fields[2]);
        if (host && size && *host >= 0 && *size > 0) ranges.push_back({*host, *size});
    }
    return ranges;
}

/// The first that is large enough.
std::optional<IdRange> useful_range(const std::vector<IdRange>& ranges) {
    const auto found = std::ranges::find_if(ranges, [](const IdRange& range) { return range.size >= smallest_range; });
    return found == ranges.end() ? std::nullopt : std::optional(*found);
}

/// "         0    1000000 1000000000" -> the numbers.
std::vector<int64_t> numbers_of(std::string_view line) {
    std::vector<int64_t> numbers;
    for (const auto word : schema::split(line, ' ')) {
        if (const auto number = schema::parse_integer(word)) numbers.push_back(*number);
    }
    return numbers;
}

/// The ids that there are in a namespace with that /proc/self/uid_map, lines that go on from each other as one range.
std::vector<IdRange> ranges_of_map(std::string_view map) {
    if (map.empty()) return {{0, full_range}}; // a kernel without user namespaces
    std::vector<IdRange> lines;
    for (const auto line : schema::split(map, '\n'))
        if (const auto numbers = numbers_of(line); numbers.size() == 3) lines.push_back({numbers[0], numbers[2]});
    std::ranges::sort(lines, {}, &IdRange::host);
    std::vector<IdRange> ranges;
    for (const auto& line : lines) {
        if (!ranges.empty() && ranges.back().end() == line.host)
            ranges.back().size += line.size;
        else
            ranges.push_back(line);
    }
    return ranges;
}

/// What a namespace map leaves for containers: all ids have a range of LXD's choice; inside of a user namespace, the
/// first part of the own ids above 100000.
std::optional<IdRange> range_from_own_map(std::string_view map) {
    constexpr int64_t lowest = 100000;
    for (const auto& range : ranges_of_map(map)) {
        if (range.host == 0 && range.size >= full_range) return IdRange{1000000, 1000000000};
        const auto start = std::max(range.host, lowest);
        if (range.end() - start >= smallest_range) return IdRange{start, range.end() - start};
    }
    return std::nullopt;
}

std::optional<HostIds> both(std::optional<IdRange> uids, std::optional<IdRange> gids) {
    if (!uids || !gids) return std::nullopt;
    return HostIds{*uids, *gids};
}

bool covered(const IdRange& range, const std::vector<IdRange>& by) {
    return std::ranges::any_of(by,
                               [&](const IdRange& one) { return range.host >= one.host && range.end() <= one.end(); });
}

bool shadow_decides(const base::HostFacts& facts) {
    return facts.has_newuidmap && !ranges_of_root(facts.subuid).empty() && !ranges_of_root(facts.subgid).empty();
}

bool overlap(const IdRange& one, const IdRange& other) {
    return one.host < other.end() && other.host < one.end();
}

/// Host ids that are both uids and gids, without the first 65536: those are what instances that are not isolated use.
IdRange isolated_space(const HostIds& ids) {
    const auto start = std::max(ids.uids.host, ids.gids.host) + smallest_range;
    return {start, std::min(ids.uids.end(), ids.gids.end()) - start};
}

int64_t size_of_isolated(const schema::Config& config) {
    const auto& size = schema::get(config, "security.idmap.size");
    const auto number = size.empty() ? isolated_size : schema::parse_integer(size).value_or(0);
    if (number < 1) throw schema::bad_request("An instance needs at least one id: security.idmap.size is {:?}", size);
    return number;
}

int64_t first_gap(const IdRange& space, int64_t size, std::vector<IsolatedIds> others) {
    std::ranges::sort(others, {}, [](const IsolatedIds& other) { return other.ids.host; });
    auto start = space.host;
    for (const auto& other : others) {
        if (start + size <= other.ids.host) break;
        start = std::max(start, other.ids.end());
    }
    if (start + size > space.end()) throw schema::bad_request("Not enough uid/gid available for the container");
    return start;
}

const IsolatedIds* who_has(const IdRange& ids, const std::vector<IsolatedIds>& others) {
    const auto found = std::ranges::find_if(others, [&](const IsolatedIds& other) { return overlap(other.ids, ids); });
    return found == others.end() ? nullptr : &*found;
}

int64_t isolated_base(const schema::Config& config, const HostIds& ids, const std::vector<IsolatedIds>& others) {
    const auto size = size_of_isolated(config);
    if (const auto& wanted = schema::get(config, "security.idmap.base"); !wanted.empty()) {
        const IdRange range{schema::parse_integer(wanted).value_or(0), size};
        if (const auto* const owner = who_has(range, others))
            throw schema::bad_request("The ids {} to {} are also those of instance {:?}", range.host, range.end() - 1,
                                      owner->instance);
        return range.host;
    }
    const auto space = isolated_space(ids);
    const auto present = isolated_ids(config);
    if (present && covered(*present, {space}) && who_has(*present, others) == nullptr) return present->host;
    return first_gap(space, size, others);
}

void check_kind(const IdMap& map, schema::IdKind kind, const std::vector<IdRange>& allowed, std::string_view file) {
    for (const auto& entry : map) {
        if (!(kind == schema::IdKind::uid ? entry.is_uid : entry.is_gid)) continue;
        if (covered({entry.host_id, entry.range}, allowed)) continue;
        if (file.empty())
            throw schema::bad_request("The '[{} {} {} {}]' map can't work in the current user namespace",
                                      kind == schema::IdKind::uid ? 'u' : 'g', entry.ns_id, entry.host_id, entry.range);
        throw schema::bad_request("Root may not map the {} {} to {}: there is no \"root:{}:{}\" or the like in {}",
                                  kind == schema::IdKind::uid ? "uids" : "gids", entry.host_id,
                                  entry.host_id + entry.range - 1, entry.host_id, entry.range, file);
    }
}

} // namespace

std::optional<HostIds> host_ids(const base::HostFacts& facts) {
    if (!shadow_decides(facts)) return both(range_from_own_map(facts.uid_map), range_from_own_map(facts.gid_map));
    const auto ids = both(useful_range(ranges_of_root(facts.subuid)), useful_range(ranges_of_root(facts.subgid)));
    const bool usable =
        ids && covered(ids->uids, ranges_of_map(facts.uid_map)) && covered(ids->gids, ranges_of_map(facts.gid_map));
    return usable ? ids : std::nullopt;
}

bool is_isolated(const schema::Config& config) {
    return schema::is_true(schema::get(config, "security.idmap.isolated")) &&
           !schema::is_true(schema::get(config, "security.privileged"));
}

std::optional<IdRange> isolated_ids(const schema::Config& config) {
    const auto base = schema::parse_integer(schema::get(config, "volatile.idmap.base")).value_or(0);
    if (base <= 0) return std::nullopt;
    return IdRange{base, size_of_isolated(config)};
}

ChosenMap choose_map(const schema::Config& config, const std::optional<HostIds>& ids,
                     const std::vector<IsolatedIds>& others) {
    if (schema::is_true(schema::get(config, "security.privileged"))) return {};
    if (!ids) {
        throw schema::bad_request("LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are "
                                  "supported");
    }
    const auto raw = schema::parse_raw_idmap(schema::get(config, "raw.idmap"));
    ChosenMap chosen;
    auto uids = ids->uids;
    auto gids = ids->gids;
    if (is_isolated(config)) {
        chosen.base = isolated_base(config, *ids, others);
        chosen.size = size_of_isolated(config);
        uids = gids = {chosen.base, chosen.size};
    }
    chosen.map = {{true, false, uids.host, 0, uids.size}, {false, true, gids.host, 0, gids.size}};
    for (const auto& entry : raw) schema::punch(chosen.map, entry);
    return chosen;
}

void check_allowed(const IdMap& map, const base::HostFacts& facts) {
    check_kind(map, schema::IdKind::uid, ranges_of_map(facts.uid_map), "");
    check_kind(map, schema::IdKind::gid, ranges_of_map(facts.gid_map), "");
    if (!shadow_decides(facts)) return;
    check_kind(map, schema::IdKind::uid, ranges_of_root(facts.subuid), "/etc/subuid");
    check_kind(map, schema::IdKind::gid, ranges_of_root(facts.subgid), "/etc/subgid");
}

std::vector<schema::LxcItem> id_map_items(const IdMap& map) {
    std::vector<schema::LxcItem> items;
    const auto add = [&](char kind, const IdMapEntry& entry) {
        schema::LxcItem item{"lxc.idmap", fmt::format("{} {} {} {}", kind, entry.ns_id, entry.host_id, entry.range)};
        // One for both kinds is in the map once for each.
        if (std::ranges::find(items, item) == items.end()) items.push_back(std::move(item));
    };
    for (const auto& entry : map) {
        if (entry.is_uid) add('u', entry);
        if (entry.is_gid) add('g', entry);
    }
    return items;
}

} // namespace instance
