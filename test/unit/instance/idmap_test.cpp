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

TEST(HostIds, WithoutARangeForRootThereIsNone) {
    EXPECT_FALSE(host_ids(host("lxd:100000:65536\n")));
    EXPECT_FALSE(host_ids(host("root:100000:1000\n")));
}

TEST(HostIds, WithoutNewuidmapTheWholeHostGivesLxdsChoice) {
    const HostIds expected{{1000000, 1000000000}, {1000000, 1000000000}};
    EXPECT_EQ(host_ids(host("")), expected);
}

TEST(HostIds, InAUserNamespaceTheOwnIdsAboveAHundredThousandAreLeft) {
    const HostIds expected{{100000, 900000}, {100000, 900000}};
    EXPECT_EQ(host_ids(host("", "0 1000000 1000000\n")), expected);
    EXPECT_FALSE(host_ids(host("", "0 1000000 65536\n")));
}

TEST(IdMap, AnUnprivilegedInstanceGetsTheWholeRange) {
    const IdMap expected = {{true, false, 100000, 0, 65536}, {false, true, 200000, 0, 65536}};
    EXPECT_EQ(id_map_of({}, HostIds{{100000, 65536}, {200000, 65536}}), expected);
    EXPECT_EQ(root_uid(expected), 100000);
    EXPECT_EQ(root_gid(expected), 200000);
}

TEST(IdMap, APrivilegedInstanceHasNone) {
    EXPECT_TRUE(id_map_of({{"security.privileged", "true"}}, std::nullopt).empty());
    EXPECT_EQ(root_uid({}), 0);
}

TEST(IdMap, WithoutIdsOnlyPrivilegedInstancesAreTaken) {
    try {
        id_map_of({}, std::nullopt);
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(),
                     "LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are supported");
    }
}

TEST(IdMap, ItemsAreOneLineAKind) {
    const std::vector<schema::LxcItem> expected = {{"lxc.idmap", "u 0 5 7"}, {"lxc.idmap", "g 0 6 8"}};
    EXPECT_EQ(id_map_items({{true, false, 5, 0, 7}, {false, true, 6, 0, 8}}), expected);
}

} // namespace
} // namespace instance
