#include "daemon/instance/facets/list.h"

#include <array>

namespace instance {

std::span<const Facet* const> facets() {
    static const std::array<const Facet*, 13> all = {
        &basics_facet,      &privilege_facet, &nesting_facet, &confinement_facet, &identity_facet,
        &environment_facet, &memory_facet,    &cpu_facet,     &disk_io_facet,     &processes_facet,
        &hugepages_facet,   &kernel_facet,    &raw_facet,
    };
    return all;
}

std::span<const std::string_view> daemon_keys() {
    static constexpr std::array<std::string_view, 26> keys = {
        "boot.autostart",
        "boot.autostart.delay",
        "boot.autostart.priority",
        "boot.host_shutdown_timeout",
        "boot.stop.priority",
        "cloud-init.network-config",
        "cloud-init.user-data",
        "cloud-init.vendor-data",
        "image.*",
        "limits.cpu", // cpu_balance, as it depends on the other instances
        "linux.kernel_modules",
        "security.protection.delete",
        "user.*",
        "volatile.*.host_name",
        "volatile.*.hwaddr",
        "volatile.*.name",
        "volatile.apply_template",
        "volatile.base_image",
        "volatile.cloud-init.instance-id",
        "volatile.idmap.base",
        "volatile.idmap.current",
        "volatile.idmap.next",
        "volatile.last_state.idmap",
        "volatile.last_state.power",
        "volatile.uuid",
        "volatile.uuid.generation",
    };
    return keys;
}

} // namespace instance
