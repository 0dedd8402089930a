#include "daemon/state/pools.h"

#include "daemon/state/server_config.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;

struct PoolsTest : test::StoreTest {
    Pools pools{database};

    static schema::StoragePool pool(const std::string& name) {
        schema::StoragePool pool;
        pool.name = name;
        pool.driver = "dir";
        pool.description = "words";
        pool.config = {{"source", "/srv/pool"}};
        return pool;
    }
};

TEST_F(PoolsTest, APoolComesBackAsItWasInserted) {
    pools.insert(pool("default"));
    const auto found = pools.find("default");
    ASSERT_TRUE(found);
    EXPECT_EQ(schema::to_json(*found), schema::to_json(pool("default")));
    EXPECT_FALSE(pools.find("none"));
}

TEST_F(PoolsTest, TheListIsByName) {
    pools.insert(pool("b"));
    pools.insert(pool("a"));
    const auto list = pools.list();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].name, "a");
    EXPECT_EQ(list[0].config, pool("a").config);
    EXPECT_EQ(list[1].name, "b");
}

TEST_F(PoolsTest, ATakenNameIsRefused) {
    pools.insert(pool("default"));
    EXPECT_EQ(error_of([&] { pools.insert(pool("default")); }), "400 The storage pool already exists");
}

TEST_F(PoolsTest, AnUpdateReplacesConfigurationAndDescription) {
    pools.insert(pool("default"));
    pools.update("default", {{{"rsync.bwlimit", "10"}}, "new"});
    EXPECT_EQ(pools.find("default")->config, (schema::Config{{"rsync.bwlimit", "10"}}));
    EXPECT_EQ(pools.find("default")->description, "new");
    EXPECT_EQ(error_of([&] { pools.update("none", {}); }), "404 Storage pool not found");
}

TEST_F(PoolsTest, ARemovedPoolIsGone) {
    pools.insert(pool("default"));
    pools.remove("default");
    EXPECT_FALSE(pools.find("default"));
    EXPECT_EQ(error_of([&] { pools.remove("default"); }), "404 Storage pool not found");
}

using ServerConfigTest = test::StoreTest;

TEST_F(ServerConfigTest, ReplacingDropsWhatIsNotInIt) {
    ServerConfig config(database);
    EXPECT_TRUE(config.get().empty());
    config.replace({{"a", "1"}, {"b", "2"}});
    config.replace({{"b", "3"}});
    EXPECT_EQ(config.get(), (schema::Config{{"b", "3"}}));
}

} // namespace
} // namespace state
