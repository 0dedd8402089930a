#pragma once
// Requests to copy an instance on its own server: `lxc copy`, and `lxc move` where the server moves nothing itself.

#include <string>

#include "client/flags.h"
#include "schema/json.h"

namespace client {

/// A move keeps what the server has noted for itself (addresses of network cards), and whether it is ephemeral.
enum class Purpose { copy, move };

/// What is asked of the server; `source` is the instance or the snapshot as the server has it.
schema::Json copy_request(schema::Json source, const std::string& source_name, const std::string& name,
                          const FlagValues& flags, Purpose purpose);

} // namespace client
