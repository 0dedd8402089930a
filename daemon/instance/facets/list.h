#pragma once
// All facets, each in the file of its name, in the order in which their items are written. Read by lxc_config.

#include <span>

#include "daemon/instance/facets/facet.h"

namespace instance {

extern const Facet basics_facet;      // what every container has
extern const Facet privilege_facet;   // user namespace, capabilities, devices
extern const Facet nesting_facet;     // containers inside
extern const Facet confinement_facet; // AppArmor and seccomp
extern const Facet guest_facet;       // /dev/lxd
extern const Facet identity_facet;    // name, architecture
extern const Facet environment_facet;
extern const Facet memory_facet;
extern const Facet cpu_facet;
extern const Facet disk_io_facet;
extern const Facet hugepages_facet;
extern const Facet processes_facet;
extern const Facet kernel_facet; // process limits and sysctls
extern const Facet nvidia_facet;
extern const Facet raw_facet; // raw.lxc, after the items of devices

std::span<const Facet* const> facets();

/// Keys of the table that are not a matter of lxc items: the daemon reads them when it needs them.
std::span<const std::string_view> daemon_keys();

} // namespace instance
