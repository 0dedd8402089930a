#include "schema/raw_idmap.h"

#include <algorithm>
#include <limits>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

constexpr int64_t last_id = std::numeric_limits<uint32_t>::max() - 1; // the very last means "none"

struct Range {
    int64_t first = 0;
    int64_t size = 1;
};

int64_t parse_id(std::string_view text) {
    const auto number = parse_integer(text);
    if (!number || *number < 0)
        throw bad_request("strconv.ParseInt: parsing {}: invalid syntax", quoted(std::string(text)));
    if (*number > last_id)
        throw bad_request("strconv.ParseInt: parsing {}: value out of range", quoted(std::string(text)));
    return *number;
}

Range parse_range(std::string_view text) {
    const auto ends = split(text, '-');
    const auto bad = [&] { return bad_request("Invalid ID Map range {}", quoted(std::string(text))); };
    if (ends.size() > 2) throw bad();
    const auto first = parse_id(ends.front());
    const auto last = parse_id(ends.back());
    if (last < first) throw bad();
    return {first, last - first + 1};
}

IdMapEntry parse_line(std::string_view line) {
    const auto words = split(line, ' ');
    if (words.size() != 3) throw bad_request("Invalid ID map line {}", quoted(std::string(line)));
    const auto host = parse_range(words[1]);
    const auto inside = parse_range(words[2]);
    if (host.size != inside.size)
        throw bad_request("The ID map ranges are of different sizes {}", quoted(std::string(line)));
    const bool both = words[0] == "both";
    const IdMapEntry entry{both || words[0] == "uid", both || words[0] == "gid", host.first, inside.first, host.size};
    if (!entry.is_uid && !entry.is_gid) throw bad_request("Invalid ID map type {}", quoted(std::string(line)));
    return entry;
}

bool overlap(int64_t first, int64_t size, int64_t other, int64_t other_size) {
    return first < other + other_size && other < first + size;
}

bool of_one_kind(const IdMapEntry& one, const IdMapEntry& other) {
    return (one.is_uid && other.is_uid) || (one.is_gid && other.is_gid);
}

/// What an entry still maps in the namespace's ids [first, end).
IdMapEntry part(const IdMapEntry& entry, int64_t first, int64_t end) {
    auto result = entry;
    result.ns_id = std::max(entry.ns_id, first);
    result.host_id = entry.host_id + result.ns_id - entry.ns_id;
    result.range = std::min(entry.ns_id + entry.range, end) - result.ns_id;
    return result;
}

} // namespace

IdMap parse_raw_idmap(std::string_view text) {
    IdMap map;
    for (const auto line : split(text, '\n'))
        if (!line.empty()) punch(map, parse_line(line));
    return map;
}

void punch(IdMap& map, const IdMapEntry& entry) {
    constexpr auto no_end = std::numeric_limits<int64_t>::max();
    IdMap result;
    bool placed = false;
    for (const auto& present : map) {
        const bool same_kind = of_one_kind(present, entry);
        if (same_kind && overlap(present.host_id, present.range, entry.host_id, entry.range))
            throw bad_request("Host id is in the range of subids");
        if (!same_kind || !overlap(present.ns_id, present.range, entry.ns_id, entry.range)) {
            result.push_back(present);
            continue;
        }
        if (const auto below = part(present, 0, entry.ns_id); below.range > 0) result.push_back(below);
        result.push_back(entry); // once a kind that it is put into, as LXD writes it
        placed = true;
        if (const auto above = part(present, entry.ns_id + entry.range, no_end); above.range > 0)
            result.push_back(above);
    }
    if (!placed) result.push_back(entry);
    map = std::move(result);
}

} // namespace schema
