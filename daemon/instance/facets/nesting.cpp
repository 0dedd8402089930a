#include <array>

#include "daemon/instance/facets/list.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"security.nesting"};

/// The kernel lets a user namespace mount proc and sysfs only while an instance of each that nothing covers is visible.
Items lxc_items(const Subject& subject, const base::HostFacts&) {
    if (!schema::is_true(schema::get(subject.config, "security.nesting"))) return {};
    return {
        {"lxc.mount.entry", "proc dev/.lxc/proc proc create=dir,optional 0 0"},
        {"lxc.mount.entry", "sys dev/.lxc/sys sysfs create=dir,optional 0 0"},
    };
}

} // namespace

const Facet nesting_facet = {"nesting", keys, lxc_items};

} // namespace instance
