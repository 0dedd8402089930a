#pragma once
// What containers see as /dev/lxd: a folder on the host, so that a socket that a new daemon makes in it is theirs too.

#include <string>

#include "daemon/state/paths.h"
#include "schema/config.h"
#include "schema/values.h"

namespace instance {

constexpr const char* guest_mount_point = "/dev/lxd";

inline std::string guest_folder(const state::Paths& paths) {
    return paths.var + "/devlxd";
}
inline std::string guest_socket(const state::Paths& paths) {
    return guest_folder(paths) + "/sock";
}
/// Whether an instance with this (expanded) configuration is to have it.
inline bool has_guest_api(const schema::Config& config) {
    return !schema::is_false(schema::get(config, "security.devlxd"));
}

} // namespace instance
