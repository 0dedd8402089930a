#include "schema/id_map.h"

#include <gtest/gtest.h>

namespace schema {
namespace {

TEST(IdMap, JsonIsAsLxdWritesIt) {
    const IdMap map = {{true, false, 100000, 0, 10000001}, {false, true, 100000, 0, 10000001}};
    const std::string json = R"([{"Isuid":true,"Isgid":false,"Hostid":100000,"Nsid":0,"Maprange":10000001},)"
                             R"({"Isuid":false,"Isgid":true,"Hostid":100000,"Nsid":0,"Maprange":10000001}])";
    EXPECT_EQ(to_json(map), json);
    EXPECT_EQ(id_map_from(json), map);
    EXPECT_EQ(to_json({}), "[]");
    EXPECT_TRUE(id_map_from("").empty());
    EXPECT_TRUE(id_map_from("[]").empty());
}

TEST(IdMap, IdsGoBothWays) {
    const IdMap map = {{true, false, 100000, 0, 1000}, {true, true, 1000, 1000, 1}, {true, false, 101001, 1001, 64535}};
    EXPECT_EQ(on_host(map, IdKind::uid, 999), 100999);
    EXPECT_EQ(on_host(map, IdKind::uid, 1000), 1000);
    EXPECT_EQ(on_host(map, IdKind::uid, 1001), 101001);
    EXPECT_EQ(on_host(map, IdKind::uid, 65536), std::nullopt);
    EXPECT_EQ(on_host(map, IdKind::gid, 0), std::nullopt);
    EXPECT_EQ(on_host(map, IdKind::gid, 1000), 1000);
    EXPECT_EQ(in_namespace(map, IdKind::uid, 1000), 1000);
    EXPECT_EQ(in_namespace(map, IdKind::uid, 101000), std::nullopt);
    EXPECT_EQ(in_namespace(map, IdKind::uid, 101001), 1001);
    EXPECT_EQ(root_uid(map), 100000);
    EXPECT_EQ(root_gid(map), 0);
}

TEST(IdMap, AnEmptyOneChangesNothing) {
    EXPECT_EQ(on_host({}, IdKind::uid, 5), 5);
    EXPECT_EQ(in_namespace({}, IdKind::gid, 5), 5);
    EXPECT_EQ(root_uid({}), 0);
}

TEST(IdMap, TheSameIdsMayBeWrittenDifferently) {
    const IdMap both = {{true, true, 5, 0, 10}};
    const IdMap apart = {{false, true, 5, 0, 10}, {true, false, 9, 4, 6}, {true, false, 5, 0, 4}};
    EXPECT_TRUE(same_ids(both, apart));
    EXPECT_TRUE(same_ids({}, {}));
    EXPECT_FALSE(same_ids(both, {}));
    EXPECT_FALSE(same_ids(both, {{true, true, 5, 0, 11}}));
    EXPECT_FALSE(same_ids(both, {{true, false, 5, 0, 10}}));
}

} // namespace
} // namespace schema
