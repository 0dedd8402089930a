#include "daemon/network/firewall.h"

#include <array>
#include <cstdio>

#include "daemon/base/crypto.h"
#include "daemon/base/process.h"
#include "schema/error.h"
#include "schema/json.h"

namespace network {

namespace {

/// "6.18.44-x" -> {6, 18, 44}; what is missing is 0.
std::array<int, 3> version_of(const std::string& text) {
    std::array<int, 3> numbers{};
    std::sscanf(text.c_str(), "%d.%d.%d", &numbers[0], &numbers[1], &numbers[2]);
    return numbers;
}

/// What a program prints, or nothing when it is missing or fails.
std::string printed(const std::vector<std::string>& argv) {
    if (base::find_program(argv[0]).empty()) return {};
    try {
        const auto output = base::run({.argv = argv});
        return output.exit.ok() ? output.out : std::string();
    } catch (const std::exception&) {
        return {};
    }
}

FirewallUse probe_nftables(const std::string& kernel_version) {
    // Before 5.2 the kernel has no NAT in inet tables.
    if (version_of(kernel_version) < std::array{5, 2, 0} || base::find_program("nft").empty()) return {};
    // Some kernels list rules although they support none: one transaction that leaves nothing tells.
    const auto table = "lightervisor_test_" + base::random_hex(8);
    try {
        base::run_or_throw({.argv = {"nft", "create table " + table + "; delete table " + table}});
    } catch (const std::exception&) {
        return {};
    }
    return nftables_use(printed({"nft", "--json", "-nn", "list", "ruleset"}));
}

bool iptables_has_rules(const std::string& program) {
    for (const auto* table : {"filter", "nat", "mangle", "raw"}) {
        if (printed({program, "-S", "-t", table}).find("-A ") != std::string::npos) return true;
    }
    return false;
}

/// The real thing only: a shim over nftables is nftables.
FirewallUse probe_xtables() {
    for (const auto* program : {"iptables", "ip6tables", "ebtables"}) {
        const auto version = printed({program, "--version"});
        if (version.empty() || version.find("nf_tables") != std::string::npos) return {};
    }
    return {true, iptables_has_rules("iptables") || iptables_has_rules("ip6tables") ||
                      !printed({"ebtables", "-L", "--Lmac2", "--Lx"}).empty()};
}

} // namespace

std::string_view choose_firewall(const FirewallUse& nftables, const FirewallUse& xtables) noexcept {
    if (nftables.usable && nftables.in_use) return "nftables";
    if (xtables.usable && xtables.in_use) return "xtables";
    return nftables.usable ? "nftables" : "xtables";
}

FirewallUse nftables_use(const std::string& ruleset_json) {
    FirewallUse use;
    try {
        const auto ruleset = schema::Json::parse(ruleset_json);
        for (const auto& item : ruleset["nftables"].as_array()) {
            if (const auto* about = item.find("metainfo"); about != nullptr) {
                use.usable = version_of((*about)["version"].as_string()) >= std::array{0, 9, 1};
            }
            use.in_use = use.in_use || item.find("rule") != nullptr;
        }
    } catch (const schema::Error&) {
        return {};
    }
    return use;
}

std::string detect_firewall(const std::string& kernel_version) {
    const auto nftables = probe_nftables(kernel_version);
    const auto xtables = nftables.usable && nftables.in_use ? FirewallUse() : probe_xtables();
    return std::string(choose_firewall(nftables, xtables));
}

} // namespace network
