#pragma once
// Aliases of images, as import and the alias commands treat them.

#include <string>
#include <vector>

#include "client/server.h"

namespace client {

/// Makes the aliases point at an image; those that exist are moved.
void ensure_aliases(Server& server, const std::vector<std::string>& names, const std::string& fingerprint);

} // namespace client
