#pragma once
// Calls on images that several commands share.

#include <string>
#include <string_view>

#include "client/server.h"

namespace client {

/// The fingerprint that an alias stands for; what is no alias is returned as it is. Empty means "default". With a type
/// ("virtual-machine") aliases of images of other types count as none.
std::string image_fingerprint(Server& server, std::string_view name, std::string_view type = {});
std::string image_url(std::string_view fingerprint);

} // namespace client
