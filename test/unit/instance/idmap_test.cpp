#include "daemon/instance/idmap.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace instance {
namespace {

base::HostFacts host(std::string subuid, std::string uid_map = "         0          0 4294967295\n") {
    base::HostFacts facts;
    facts.has_newuidmap = !subuid.empty();
    facts.subuid = facts.subgid = std::move(subuid);
    facts.uid_map = facts.gid_map = std::move(uid_map);
    return facts;
}

TEST(HostIds, RootsFirstLargeEnoughRangeIsTaken) {
    const HostIds expected{{100000, 65536}, {100000, 65536}};
    EXPECT_EQ(host_ids(host("_lxd:1:1000000\nroot:1000:1\nroot:100000:65536\nroot:900000:65536\n")), expected);
}

TEST(HostIds, RootsRangesMayBeTooSmall) {
    EXPECT_FALSE(host_ids(host("root:100000:1000\n")));
}

TEST(HostIds, WhereTheFilesDoNotNameRootTheHostGivesLxdsChoice) {
    const HostIds expected{{1000000, 1000000000}, {1000000, 1000000000}};
    EXPECT_EQ(host_ids(host("lxd:100000:65536\n# root:5:65536\n")), expected);
}

TEST(HostIds, RootsRangeHasToBeInTheDaemonsOwnNamespace) {
    EXPECT_FALSE(host_ids(host("root:100000:10000001\n", "0 1000000 10000001\n")));
    EXPECT_TRUE(host_ids(host("root:100000:65536\n", "0 1000000 165536\n")));
}

TEST(HostIds, WithoutNewuidmapTheWholeHostGivesLxdsChoice) {
    const HostIds expected{{1000000, 1000000000}, {1000000, 1000000000}};
    EXPECT_EQ(host_ids(host("")), expected);
}

TEST(HostIds, InAUserNamespaceTheOwnIdsAboveAHundredThousandAreLeft) {
    const HostIds expected{{100000, 900000}, {100000, 900000}};
    EXPECT_EQ(host_ids(host("", "0 1000000 1000000\n")), expected);
    EXPECT_FALSE(host_ids(host("", "0 1000000 65536\n")));
    EXPECT_EQ(host_ids(host("", "0 5 1000\n1001 1006 998999\n1000 1000 1\n")), expected) << "in three parts";
}

const HostIds ids{{100000, 1000000}, {100000, 1000000}};

std::string refusal_of(const schema::Config& config, const std::optional<HostIds>& of = ids,
                       const std::vector<IsolatedIds>& others = {}) {
    try {
        choose_map(config, of, others);
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

schema::Config isolated(schema::Config more = {}) {
    more["security.idmap.isolated"] = "true";
    return more;
}

TEST(IdMap, AnUnprivilegedInstanceGetsTheWholeRange) {
    const IdMap expected = {{true, false, 100000, 0, 65536}, {false, true, 200000, 0, 65536}};
    const auto chosen = choose_map({{"security.idmap.size", "10"}}, HostIds{{100000, 65536}, {200000, 65536}}, {});
    EXPECT_EQ(chosen.map, expected);
    EXPECT_EQ(chosen.base, 0);
}

TEST(IdMap, APrivilegedInstanceHasNone) {
    EXPECT_TRUE(choose_map({{"security.privileged", "true"}, {"raw.idmap", "nonsense"}}, std::nullopt, {}).map.empty());
}

TEST(IdMap, WithoutIdsOnlyPrivilegedInstancesAreTaken) {
    EXPECT_EQ(refusal_of({}, std::nullopt),
              "LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are supported");
}

TEST(IsolatedIds, BeginAfterWhatOthersShare) {
    const auto chosen = choose_map(isolated(), ids, {});
    EXPECT_EQ(chosen.base, 165536);
    EXPECT_EQ(chosen.map, (IdMap{{true, false, 165536, 0, 65536}, {false, true, 165536, 0, 65536}}));
}

TEST(IsolatedIds, AreTheFirstThatNobodyHas) {
    const std::vector<IsolatedIds> others = {{"b", {300000, 1000}}, {"a", {165536, 65536}}};
    const std::pair<std::string, int64_t> table[] = {{"65536", 231072}, {"68928", 231072}, {"68929", 301000}};
    for (const auto& [size, base] : table)
        EXPECT_EQ(choose_map(isolated({{"security.idmap.size", size}}), ids, others).base, base) << size;
}

TEST(IsolatedIds, MayReachTheRangesEndAndNoFurther) {
    EXPECT_EQ(choose_map(isolated({{"security.idmap.size", "934464"}}), ids, {}).base, 165536);
    EXPECT_EQ(refusal_of(isolated({{"security.idmap.size", "934465"}})),
              "Not enough uid/gid available for the container");
    EXPECT_EQ(refusal_of(isolated(), HostIds{{100000, 65536}, {100000, 65536}}),
              "Not enough uid/gid available for the container");
    EXPECT_NE(refusal_of(isolated({{"security.idmap.size", "0"}})), "");
}

TEST(IsolatedIds, StayWhileTheyWillDo) {
    const auto had = isolated({{"volatile.idmap.base", "500000"}});
    EXPECT_EQ(choose_map(had, ids, {{"a", {165536, 65536}}}).base, 500000);
    EXPECT_EQ(choose_map(had, ids, {{"a", {434465, 65536}}}).base, 165536) << "somebody has the first of them";
    EXPECT_EQ(choose_map(had, HostIds{{1000000, 1000000}, {1000000, 1000000}}, {}).base, 1065536) << "not the host's";
}

TEST(IsolatedIds, FromAChosenBaseMayNotBeAnothers) {
    const auto config = isolated({{"security.idmap.base", "1200000"}, {"volatile.idmap.base", "500000"}});
    EXPECT_EQ(choose_map(config, ids, {{"a", {1265536, 10}}}).base, 1200000);
    EXPECT_EQ(refusal_of(config, ids, {{"a", {1265535, 10}}}),
              "The ids 1200000 to 1265535 are also those of instance \"a\"");
}

TEST(IdMap, LetsRawOnesThrough) {
    const auto chosen = choose_map({{"raw.idmap", "both 1000 1000\ngid 50-52 0-2"}}, ids, {});
    EXPECT_EQ(id_map_items(chosen.map), (std::vector<schema::LxcItem>{{"lxc.idmap", "u 0 100000 1000"},
                                                                      {"lxc.idmap", "u 1000 1000 1"},
                                                                      {"lxc.idmap", "g 1000 1000 1"},
                                                                      {"lxc.idmap", "u 1001 101001 998999"},
                                                                      {"lxc.idmap", "g 0 50 3"},
                                                                      {"lxc.idmap", "g 3 100003 997"},
                                                                      {"lxc.idmap", "g 1001 101001 998999"}}));
    EXPECT_EQ(refusal_of({{"raw.idmap", "both 100005 5"}}), "Host id is in the range of subids");
    EXPECT_EQ(refusal_of({{"raw.idmap", "both 5"}}), "Invalid ID map line \"both 5\"");
}

TEST(IdMap, HasOnlyIdsThatRootMayMap) {
    const auto of = host("root:100000:65536\nroot:1000:1\n");
    const auto problem = [&](const IdMap& map, const base::HostFacts& facts) -> std::string {
        try {
            check_allowed(map, facts);
        } catch (const schema::Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(problem({{true, false, 100000, 0, 65536}, {true, true, 1000, 70000, 1}}, of), "");
    EXPECT_EQ(problem({{true, false, 1001, 0, 2}}, of),
              "Root may not map the uids 1001 to 1002: there is no \"root:1001:2\" or the like in /etc/subuid");
    EXPECT_EQ(problem({{true, true, 1001, 0, 2}}, host("")), "") << "nobody asks newuidmap";
    EXPECT_EQ(problem({{false, true, 1001, 0, 2}}, host("", "0 1000000 1002")),
              "The '[g 0 1001 2]' map can't work in the current user namespace");
    EXPECT_EQ(problem({}, of), "");
}

TEST(IdMap, ItemsAreOneLineAKind) {
    const std::vector<schema::LxcItem> expected = {{"lxc.idmap", "u 0 5 7"}, {"lxc.idmap", "g 0 6 8"}};
    EXPECT_EQ(id_map_items({{true, false, 5, 0, 7}, {false, true, 6, 0, 8}}), expected);
}

} // namespace
} // namespace instance
