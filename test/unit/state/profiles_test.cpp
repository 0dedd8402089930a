#include "daemon/state/profiles.h"

#include "daemon/state/instances.h"
#include "daemon/state/pools.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;

struct ProfilesTest : test::StoreTest {
    Profiles profiles{database};

    static schema::Profile docker() {
        schema::Profile profile;
        profile.name = "docker";
        profile.description = "For nested containers";
        profile.config = {{"security.nesting", "true"}, {"user.empty", ""}};
        profile.devices = {{"eth0", {{"type", "nic"}, {"parent", "br0"}}}, {"hollow", {}}};
        return profile;
    }
};

TEST_F(ProfilesTest, AProfileComesBackAsItWasInserted) {
    profiles.insert(docker());
    const auto found = profiles.find("docker");
    ASSERT_TRUE(found);
    EXPECT_EQ(static_cast<const schema::ProfilePut&>(*found), docker());
    EXPECT_EQ(found->name, "docker");
}

TEST_F(ProfilesTest, AMissingProfileIsNothing) {
    EXPECT_FALSE(profiles.find("none"));
}

TEST_F(ProfilesTest, TheListIsByNameAndWhole) {
    schema::Profile other;
    other.name = "default";
    profiles.insert(docker());
    profiles.insert(other);
    const auto list = profiles.list();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].name, "default");
    EXPECT_TRUE(list[0].config.empty());
    EXPECT_EQ(static_cast<const schema::ProfilePut&>(list[1]), docker());
}

TEST_F(ProfilesTest, ATakenNameIsRefused) {
    profiles.insert(docker());
    EXPECT_EQ(error_of([&] { profiles.insert(docker()); }), "400 The profile already exists");
    EXPECT_EQ(profiles.list().size(), 1U);
}

TEST_F(ProfilesTest, AnUpdateReplacesEverything) {
    profiles.insert(docker());
    const schema::ProfilePut put{{{"user.a", "b"}}, "new", {{"eth0", {{"type", "none"}}}}};
    profiles.update("docker", put);
    EXPECT_EQ(static_cast<const schema::ProfilePut&>(*profiles.find("docker")), put);
}

TEST_F(ProfilesTest, ChangingAMissingProfileIsNotFound) {
    const std::string expected = "404 Profile not found";
    EXPECT_EQ(error_of([&] { profiles.update("none", {}); }), expected);
    EXPECT_EQ(error_of([&] { profiles.rename("none", "other"); }), expected);
    EXPECT_EQ(error_of([&] { profiles.remove("none"); }), expected);
}

TEST_F(ProfilesTest, ARenameReachesTheInstancesThatUseIt) {
    Pools(database).insert(test::pool("default", "dir"));
    profiles.insert(docker());
    Instances instances(database);
    InstanceRow row;
    row.name = "c1";
    row.pool = "default";
    row.put.profiles = {"docker"};
    instances.insert(row);
    profiles.rename("docker", "podman");
    EXPECT_FALSE(profiles.find("docker"));
    EXPECT_EQ(instances.find("c1")->put.profiles, std::vector<std::string>{"podman"});
    EXPECT_EQ(error_of([&] { profiles.remove("podman"); }), "400 Profile is currently in use");
    instances.remove("c1");
    profiles.remove("podman");
    EXPECT_TRUE(profiles.list().empty());
}

TEST_F(ProfilesTest, ARenameToATakenNameIsAConflict) {
    profiles.insert(docker());
    schema::Profile other;
    other.name = "default";
    profiles.insert(other);
    EXPECT_EQ(error_of([&] { profiles.rename("docker", "default"); }), "409 Name \"default\" already in use");
}

} // namespace
} // namespace state
