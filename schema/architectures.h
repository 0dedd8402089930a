#pragma once
// The names of architectures: LXD's, and what distributions and users call them. Used for images and new instances.

#include <string>
#include <string_view>

namespace schema {

/// LXD's name for it: "x86_64" for "amd64". Throws bad_request for one that LXD does not know.
std::string canonical_architecture(std::string_view name);

} // namespace schema
