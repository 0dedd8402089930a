#include "daemon/instance/cpu_balance.h"

#include <gtest/gtest.h>

#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

using Sets = std::map<std::string, std::string>;

TEST(CpuBalance, WithoutALimitAllCpusAreGiven) {
    EXPECT_EQ(cpu_sets({{"a", ""}}, test::four_cpus()), (Sets{{"a", "0-3"}}));
}

TEST(CpuBalance, CountsAreSpreadOverTheLeastUsed) {
    EXPECT_EQ(cpu_sets({{"a", "1"}, {"b", "1"}, {"c", "2"}}, test::four_cpus()),
              (Sets{{"a", "0"}, {"b", "1"}, {"c", "2-3"}}));
}

TEST(CpuBalance, PinnedSetsAreKeptAndAvoided) {
    EXPECT_EQ(cpu_sets({{"a", "2"}, {"p", "0-1"}, {"q", "3-3"}}, test::four_cpus()),
              (Sets{{"a", "0,2"}, {"p", "0-1"}, {"q", "3"}}));
}

TEST(CpuBalance, MoreThanThereAreIsAll) {
    EXPECT_EQ(cpu_sets({{"a", "64"}}, test::four_cpus()), (Sets{{"a", "0-3"}}));
}

TEST(CpuBalance, CpusThatAreOfflineAreLeftOut) {
    EXPECT_EQ(cpu_sets({{"a", "2-9"}, {"b", "8-9"}}, test::four_cpus()), (Sets{{"a", "2-3"}, {"b", "0-3"}}));
}

TEST(CpuBalance, IsolatedCpusAreGivenBySetOnly) {
    auto host = test::four_cpus();
    host.isolated = {0};
    EXPECT_EQ(cpu_sets({{"a", "1"}, {"b", ""}, {"p", "0-0"}}, host), (Sets{{"a", "1"}, {"b", "1-3"}, {"p", "0"}}));
}

TEST(CpuBalance, TheOrderOfDemandsDoesNotMatter) {
    EXPECT_EQ(cpu_sets({{"b", "1"}, {"a", "1"}}, test::four_cpus()),
              cpu_sets({{"a", "1"}, {"b", "1"}}, test::four_cpus()));
}

TEST(CpuBalance, NodesRestrictCountsSetsAndWhatHasNoLimit) {
    EXPECT_EQ(cpu_sets({{"a", "1", "1"}, {"b", "", "1"}, {"c", "9", "0"}, {"p", "1-2", "0-1"}, {"q", "1-2", "1"}},
                       test::four_cpus()),
              (Sets{{"a", "3"}, {"b", "2-3"}, {"c", "0-1"}, {"p", "1-2"}, {"q", "2"}}));
}

TEST(CpuBalance, NodesThatTheHostLacksRestrictNothing) {
    EXPECT_EQ(cpu_sets({{"a", "", "7"}, {"p", "0-0", "1"}}, test::four_cpus()), (Sets{{"a", "0-3"}, {"p", "0-3"}}));
}

} // namespace
} // namespace instance
