#include "daemon/instance/lxc_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/instance/facets/list.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

void append(Items& items, const Items& more) {
    items.insert(items.end(), more.begin(), more.end());
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
        append(items, facet->lxc_items(subject, facts));
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

std::string to_text(const Items& items) {
    std::string text;
    for (const auto& item : items) text += fmt::format("{} = {}\n", item.key, item.value);
    return text;
}

} // namespace instance
