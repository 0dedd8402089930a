#pragma once
// Which firewall the host has. The environment block shows it; rules for bridges will be written in its language.

#include <string>
#include <string_view>

namespace network {

struct FirewallUse {
    bool usable = false; // its programs and the kernel can do what we need
    bool in_use = false; // somebody has rules in it
};

/// LXD's choice: one that has rules already, nftables first; otherwise nftables if it can be used; otherwise xtables.
std::string_view choose_firewall(const FirewallUse& nftables, const FirewallUse& xtables) noexcept;

/// What `nft --json list ruleset` prints, read for whether there is any rule. Unusable below version 0.9.1.
FirewallUse nftables_use(const std::string& ruleset_json);

/// "nftables" or "xtables". Runs nft, and the xtables programs where they matter: some 20 ms, longer with large rule
/// sets.
std::string detect_firewall(const std::string& kernel_version);

} // namespace network
