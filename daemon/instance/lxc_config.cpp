#include "daemon/instance/lxc_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/instance/facets/list.h"
#include "schema/error.h"
#include "schema/keys/pattern.h"
#include "schema/values.h"

namespace instance {

namespace {

void append(Items& items, const Items& more) {
    items.insert(items.end(), more.begin(), more.end());
}

bool is_owned(const Facet& facet, const std::string& key) {
    return std::ranges::any_of(facet.keys, [&](std::string_view row) { return schema::matches_key(row, key); });
}

/// An item is a key's where it is not there, or is another, without that key.
void name_origins(const Facet& facet, const Subject& subject, const base::HostFacts& facts, Items& items) {
    for (const auto& [key, value] : subject.config) {
        if (!is_owned(facet, key)) continue;
        auto less = subject;
        less.config.erase(key);
        auto others = facet.lxc_items(less, facts);
        for (auto& item : items) {
            if (const auto same = std::ranges::find(others, item); same != others.end())
                others.erase(same);
            else if (!item.origin.starts_with(key))
                item.origin += (item.origin.empty() ? "" : ", ") + key;
        }
    }
    for (auto& item : items)
        if (item.origin.empty()) item.origin = facet.name;
}

/// The last line of defence: a line break in a value would be an item of its own.
void check_lines(const Items& items) {
    constexpr std::string_view breaks("\n\r\0", 3);
    for (const auto& item : items) {
        if (item.key.find_first_of(breaks) == std::string::npos &&
            item.value.find_first_of(breaks) == std::string::npos) {
            continue;
        }
        throw schema::bad_request("Failed to set LXC config {}={}: line breaks are not supported",
                                  schema::quoted(item.key), schema::quoted(item.value));
    }
}

} // namespace

Items lxc_config(const Subject& subject, const base::HostFacts& facts, const Items& device_items) {
    Items items;
    for (const auto* facet : facets()) {
        if (facet == &raw_facet) append(items, device_items);
        auto translated = facet->lxc_items(subject, facts);
        name_origins(*facet, subject, facts, translated);
        append(items, translated);
    }
    check_lines(items);
    return items;
}

Items cgroup_items(const Subject& subject, const base::HostFacts& facts) {
    Items items;
    for (const auto* facet : {&memory_facet, &cpu_facet, &disk_io_facet, &hugepages_facet, &processes_facet}) {
        append(items, facet->lxc_items(subject, facts));
    }
    return items;
}

} // namespace instance
