#include <array>

#include <fmt/format.h>

#include "daemon/instance/facets/list.h"
#include "daemon/instance/guest_folder.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"security.devlxd"};

/// A mount entry's fields end at spaces.
std::string as_field(const std::string& path) {
    std::string field;
    for (const char c : path) c == ' ' ? field += "\\040" : field += c;
    return field;
}

/// Read-only keeps nobody from connecting, but root of a privileged container from putting a socket of its own there.
Items lxc_items(const Subject& subject, const base::HostFacts&) {
    if (!has_guest_api(subject.config)) return {};
    return {{"lxc.mount.entry", fmt::format("{} {} none bind,ro,create=dir 0 0", as_field(guest_folder(subject.paths)),
                                            guest_mount_point + 1)}};
}

} // namespace

const Facet guest_facet = {"guest", keys, lxc_items};

} // namespace instance
