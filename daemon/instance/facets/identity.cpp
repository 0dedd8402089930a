#include <algorithm>
#include <array>

#include "daemon/instance/facets/list.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 7> narrow_architectures = {"i686", "armv6l", "armv7l", "armv8l",
                                                                  "ppc",  "mips",   "riscv32"};

std::string personality(const std::string& architecture) {
    const bool narrow =
        std::find(narrow_architectures.begin(), narrow_architectures.end(), architecture) != narrow_architectures.end();
    return narrow ? "linux32" : "linux64";
}

Items lxc_items(const Subject& subject, const base::HostFacts&) {
    return {{"lxc.arch", personality(subject.architecture)}, {"lxc.uts.name", subject.name}};
}

} // namespace

const Facet identity_facet = {"identity", {}, lxc_items};

} // namespace instance
