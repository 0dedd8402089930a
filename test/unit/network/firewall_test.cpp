#include "daemon/network/firewall.h"

#include <gtest/gtest.h>

namespace network {
namespace {

TEST(Firewall, OneThatHasRulesIsKeptNftablesFirst) {
    constexpr FirewallUse missing{false, false};
    constexpr FirewallUse idle{true, false};
    constexpr FirewallUse used{true, true};
    struct {
        FirewallUse nftables;
        FirewallUse xtables;
        const char* chosen;
    } const cases[] = {
        {used, used, "nftables"},    {idle, used, "xtables"},    {idle, idle, "nftables"},
        {idle, missing, "nftables"}, {missing, idle, "xtables"}, {missing, missing, "xtables"},
    };
    for (const auto& [nftables, xtables, chosen] : cases) EXPECT_EQ(choose_firewall(nftables, xtables), chosen);
}

TEST(Firewall, OnlyARuleMakesNftablesUsed) {
    const auto with = [](const std::string& more) {
        return nftables_use(R"({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}})" + more +
                            "]}");
    };
    EXPECT_TRUE(with("").usable);
    EXPECT_FALSE(with("").in_use);
    EXPECT_FALSE(with(R"(, {"table": {"family": "inet", "name": "t"}})").in_use);
    EXPECT_TRUE(with(R"(, {"rule": {"family": "inet", "table": "t", "chain": "c"}})").in_use);
}

TEST(Firewall, AnOldNftIsUnusable) {
    EXPECT_FALSE(nftables_use(R"({"nftables": [{"metainfo": {"version": "0.9.0"}}]})").usable);
    EXPECT_TRUE(nftables_use(R"({"nftables": [{"metainfo": {"version": "0.9.1"}}]})").usable);
    EXPECT_FALSE(nftables_use("").usable);
    EXPECT_FALSE(nftables_use("[]").usable);
}

} // namespace
} // namespace network
