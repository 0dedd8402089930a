#include "daemon/instance/cpu_balance.h"

#include <gtest/gtest.h>

#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

using Sets = std::map<std::string, std::string>;

TEST(CpuBalance, WithoutALimitAllCpusAreGiven) {
    EXPECT_EQ(cpu_sets({{"a", ""}}, test::v2_host()), (Sets{{"a", "0-3"}}));
}

TEST(CpuBalance, CountsAreSpreadOverTheLeastUsed) {
    EXPECT_EQ(cpu_sets({{"a", "1"}, {"b", "1"}, {"c", "2"}}, test::v2_host()),
              (Sets{{"a", "0"}, {"b", "1"}, {"c", "2-3"}}));
}

TEST(CpuBalance, PinnedSetsAreKeptAndAvoided) {
    EXPECT_EQ(cpu_sets({{"a", "2"}, {"p", "0-1"}, {"q", "3-3"}}, test::v2_host()),
              (Sets{{"a", "0,2"}, {"p", "0-1"}, {"q", "3"}}));
}

TEST(CpuBalance, MoreThanThereAreIsAll) {
    EXPECT_EQ(cpu_sets({{"a", "64"}}, test::v2_host()), (Sets{{"a", "0-3"}}));
}

TEST(CpuBalance, CpusThatAreOfflineAreLeftOut) {
    EXPECT_EQ(cpu_sets({{"a", "2-9"}, {"b", "8-9"}}, test::v2_host()), (Sets{{"a", "2-3"}, {"b", "0-3"}}));
}

TEST(CpuBalance, IsolatedCpusAreGivenBySetOnly) {
    auto host = test::v2_host();
    host.cpus_isolated = {0};
    EXPECT_EQ(cpu_sets({{"a", "1"}, {"b", ""}, {"p", "0-0"}}, host), (Sets{{"a", "1"}, {"b", "1-3"}, {"p", "0"}}));
}

TEST(CpuBalance, TheOrderOfDemandsDoesNotMatter) {
    EXPECT_EQ(cpu_sets({{"b", "1"}, {"a", "1"}}, test::v2_host()), cpu_sets({{"a", "1"}, {"b", "1"}}, test::v2_host()));
}

TEST(CpuBalance, NothingWithoutACpusetController) {
    EXPECT_TRUE(cpu_sets({{"a", "1"}}, test::plain_host()).empty());
}

} // namespace
} // namespace instance
