#include "daemon/instance/snapshot_name.h"

#include <algorithm>

#include "daemon/images/templates/template.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::string_view counter = "%d";

/// The number of a name that was made of these; nothing for other names.
std::optional<int64_t> number_in(std::string_view name, std::string_view before, std::string_view after) {
    if (!name.starts_with(before)) return {};
    name.remove_prefix(before.size());
    const auto digits = std::min(name.find_first_not_of("0123456789"), name.size());
    if (!name.substr(digits).starts_with(after)) return {};
    return schema::parse_integer(name.substr(0, digits));
}

std::string numbered(const std::string& pattern, const std::vector<std::string>& taken) {
    const auto place = pattern.find(counter);
    const auto before = pattern.substr(0, place);
    const auto after = pattern.substr(place + counter.size());
    int64_t next = 0;
    for (const auto& name : taken)
        if (const auto number = number_in(name, before, after)) next = std::max(next, *number + 1);
    return before + std::to_string(next) + after;
}

} // namespace

std::string next_snapshot_name(const std::string& pattern, schema::Time now, const std::vector<std::string>& taken) {
    const auto name = images::templates::render(pattern, {{"creation_date", schema::rfc3339(now)}});
    const auto first = name.find(counter);
    if (first != std::string::npos && name.find(counter, first + 1) != std::string::npos)
        throw schema::failure("Snapshot pattern may contain '%d' only once");
    if (first != std::string::npos) return numbered(name, taken);
    return std::ranges::find(taken, name) == taken.end() ? name : numbered(name + "-%d", taken);
}

} // namespace instance
