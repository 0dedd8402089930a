#pragma once
// The firewall as something that takes commands in nft's language. Caller: the device host.

#include <string>

namespace network {

/// All of them or none. Throws schema::failure with the firewall's own words.
void apply_rules(const std::string& commands);

} // namespace network
