#pragma once
// A mount to be added to a running container: what devices order, and runtimes do.

#include <string>
#include <vector>

namespace schema {

struct MountOrder {
    std::string source; // on the host
    std::string target; // in the container; made where it is missing
    bool read_only = false;
    bool recursive = false;             // with the mounts below the source
    bool idmapped = false;              // owners mapped by the container's user namespace
    std::string propagation{};          // empty: the container sees what is mounted below the source later, no more
    std::vector<std::string> options{}; // "nosuid", "noexec" ...; what is no option of every filesystem is ignored

    bool operator==(const MountOrder&) const = default;
};

} // namespace schema
