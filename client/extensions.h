#pragma once
// What a server can do beyond the first API. Asked by commands that have another way where an extension is missing.

#include <string_view>

#include "client/server.h"

namespace client {

bool has_extension(Server& server, std::string_view name);
/// Throws what LXD's client says where it is missing.
void require_extension(Server& server, std::string_view name);

} // namespace client
