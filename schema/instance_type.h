#pragma once
// The instance_type of a new instance: processors and memory in one word, "c0.5-m0.25". Called for POST /1.0/instances.

#include <string>

#include "schema/config.h"

namespace schema {

/// The limits.* keys it stands for: whole processors and the share of them that may be used, GiB as LXD's "MB". Throws
/// bad_request for a broken one and for a provider's type ("aws:t2.micro"): the table of those is not on this host.
Config limits_of_instance_type(const std::string& type);

} // namespace schema
