#include <array>

#include "daemon/instance/facets/list.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"environment.*"};

Items lxc_items(const Subject& subject, const base::HostFacts&) {
    constexpr std::string_view prefix = "environment.";
    Items items;
    for (const auto& [key, value] : subject.config) {
        if (key.starts_with(prefix)) items.push_back({"lxc.environment", key.substr(prefix.size()) + "=" + value});
    }
    return items;
}

} // namespace

const Facet environment_facet = {"environment", keys, lxc_items};

} // namespace instance
