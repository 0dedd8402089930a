#include <array>

#include "daemon/instance/facets/list.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 2> keys = {"limits.kernel.*", "linux.sysctl.*"};

/// Hands the keys of a namespace through to liblxc's.
void add_namespace(const schema::Config& config, std::string_view from, std::string_view to, Items& items) {
    for (const auto& [key, value] : config) {
        if (key.starts_with(from)) items.push_back({std::string(to).append(key, from.size()), value});
    }
}

Items lxc_items(const Subject& subject, const base::HostFacts&) {
    Items items;
    add_namespace(subject.config, "limits.kernel.", "lxc.prlimit.", items);
    add_namespace(subject.config, "linux.sysctl.", "lxc.sysctl.", items);
    return items;
}

} // namespace

const Facet kernel_facet = {"kernel", keys, lxc_items};

} // namespace instance
