#include <gmock/gmock.h>

#include "daemon/api/storage_keys.h"
#include "schema/keys/pool.h"
#include "schema/routes.h"
#include "test/api/daemon_fixture.h"

namespace {

struct ResourcesTest : DaemonTest {};

} // namespace

TEST_F(ResourcesTest, EveryRouteOfTheTableHasAHandler) {
    for (const auto& route : schema::routes()) EXPECT_TRUE(api::is_bound(route.name)) << route.name;
}

TEST_F(ResourcesTest, UnknownPathsAndMethodsAnswerAsLxdDoes) {
    EXPECT_EQ(error("GET", "/nosuch"), "404 not found");
    EXPECT_EQ(error("GET", "/1.0/nosuch"), "404 not found");
    EXPECT_EQ(error("POST", "/1.0"), "501 not implemented");
    EXPECT_EQ(error("GET", "/1.0/instances/nosuch"), "404 Instance not found");
    EXPECT_EQ(error("GET", "/1.0/profiles/nosuch"), "404 Fetch profile: Profile not found");
    EXPECT_EQ(error("GET", "/1.0/images/nosuch"), "404 Image not found");
    EXPECT_EQ(error("GET", "/1.0/images/aliases/nosuch"), "404 Image alias not found");
    EXPECT_EQ(error("GET", "/1.0/operations/nosuch"), "404 Operation not found");
    EXPECT_EQ(error("GET", "/1.0/storage-pools/nosuch"), "404 Storage pool not found");
}

TEST_F(ResourcesTest, KeysOfBeforePoolsMakeTheDefaultPoolOrAreRefused) {
    const auto zfs =
        api::pool_of_keys({{"storage.zfs_pool_name", "tank/lxd"}, {"storage.zfs_remove_snapshots", "true"}})
            .value_or(schema::StoragePool());
    EXPECT_EQ(zfs.driver, "zfs");
    EXPECT_EQ(zfs.config, (schema::Config{{"source", "tank/lxd"}, {"volume.zfs.remove_snapshots", "true"}}));
    const auto lvm = api::pool_of_keys({{"storage.lvm_vg_name", "vg0"},
                                        {"storage.lvm_fstype", "xfs"},
                                        {"storage.lvm_volume_size", "3GiB"},
                                        {"storage.lvm_thinpool_name", "Pool"}})
                         .value_or(schema::StoragePool());
    EXPECT_EQ(lvm.driver, "lvm");
    EXPECT_EQ(lvm.config, (schema::Config{{"source", "vg0"},
                                          {"lvm.thinpool_name", "Pool"},
                                          {"lvm.vg.force_reuse", "true"},
                                          {"volume.block.filesystem", "xfs"},
                                          {"volume.size", "3GiB"}}));
    EXPECT_NO_THROW(schema::check_pool_config("zfs", zfs.config));
    EXPECT_NO_THROW(schema::check_pool_config("lvm", lvm.config));
    EXPECT_FALSE(api::pool_of_keys({{"storage.lvm_fstype", "xfs"}}));
    // Where the pool cannot be made, nothing is set.
    EXPECT_THAT(error("PATCH", "/1.0", R"({"config":{"storage.lvm_vg_name":"no-such-group-here"}})"),
                testing::StartsWith("500 "));
    EXPECT_EQ(error("PATCH", "/1.0", R"({"config":{"storage.lvm_vg_name":"a","storage.zfs_pool_name":"b"}})"),
              "400 storage.lvm_vg_name and storage.zfs_pool_name exclude each other");
    EXPECT_EQ(get("/1.0")["config"].dump(), "{}");
    EXPECT_EQ(error("POST", "/1.0/storage-pools", R"({"name":"default","driver":"dir"})"), "ok");
    EXPECT_THAT(error("PATCH", "/1.0", R"({"config":{"storage.zfs_pool_name":"tank"}})"),
                testing::StartsWith("400 The storage pool \"default\" is there with the driver dir"));
    EXPECT_EQ(error("PATCH", "/1.0", R"({"config":{"storage.lvm_fstype":"xfs"}})"), "ok");
}

TEST_F(ResourcesTest, TheFirstProfilesAreThere) {
    EXPECT_EQ(get("/1.0/profiles").dump(), R"(["/1.0/profiles/default","/1.0/profiles/docker"])");
    EXPECT_EQ(get("/1.0/profiles/docker")["config"]["security.nesting"].as_string(), "true");
}

TEST_F(ResourcesTest, ADeletedProfileStaysDeletedAfterARestart) {
    EXPECT_EQ(error("DELETE", "/1.0/profiles/docker"), "ok");
    restart();
    EXPECT_EQ(get("/1.0/profiles").dump(), R"(["/1.0/profiles/default"])");
}

TEST_F(ResourcesTest, ProfilesAreMadeChangedRenamedAndDeleted) {
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"p","config":{"user.x":"1"}})"), "ok");
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"p"})"),
              "500 Error inserting \"p\" into database: The profile already exists");
    EXPECT_EQ(error("PUT", "/1.0/profiles/p", R"({"description":"words"})"), "ok");
    EXPECT_EQ(get("/1.0/profiles/p")["description"].as_string(), "words");
    EXPECT_EQ(get("/1.0/profiles/p")["config"].dump(), "{}");
    EXPECT_EQ(error("POST", "/1.0/profiles/p", R"({"name":"default"})").substr(0, 3), "409");
    EXPECT_EQ(error("POST", "/1.0/profiles/p", R"({"name":"q"})"), "ok");
    EXPECT_EQ(error("DELETE", "/1.0/profiles/q"), "ok");
    EXPECT_EQ(error("DELETE", "/1.0/profiles/default"), "403 The \"default\" profile cannot be deleted");
}

TEST_F(ResourcesTest, BadProfilesAreRefusedWithLxdsWords) {
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"a/b"})"), "400 Profile names may not contain slashes");
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"p","config":{"foo":"bar"}})"),
              "400 Unknown configuration key: foo");
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"p","config":{"limits.cpu":"abc"}})"),
              "400 Invalid CPU limit syntax");
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"p","devices":{"x":{"type":"foo"}}})"),
              "400 Device validation failed for \"x\": Failed loading device \"x\": Unsupported device type");
    EXPECT_EQ(error("GET", "/1.0/profiles/p").substr(0, 3), "404");
}

TEST_F(ResourcesTest, AProfileInUseIsNotDeletedAndSaysByWhom) {
    set_up_storage();
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"p"})"), "ok");
    make_instance("c1", R"(,"profiles":["default","p"])");
    EXPECT_EQ(get("/1.0/profiles/p")["used_by"].dump(), R"(["/1.0/instances/c1"])");
    EXPECT_EQ(error("DELETE", "/1.0/profiles/p").substr(0, 3), "400");
    EXPECT_EQ(error("POST", "/1.0/profiles/p", R"({"name":"q"})"), "ok");
    EXPECT_EQ(get("/1.0/instances/c1")["profiles"].dump(), R"(["default","q"])");
}

TEST_F(ResourcesTest, AnUntrustedPeerSeesNothingThatIsNotPublic) {
    http::Request request;
    request.method = "GET";
    request.path = "/1.0/instances";
    request.peer.kind = http::Peer::Kind::tls;
    EXPECT_EQ(handler_(request).status, 403);
    request.path = "/1.0";
    const auto server = schema::Json::parse(body_of(handler_(request)))["metadata"];
    EXPECT_EQ(server["auth"].as_string(), "untrusted");
    EXPECT_EQ(server.find("environment"), nullptr);
}

TEST_F(ResourcesTest, OtherProjectsAreNotFound) {
    EXPECT_EQ(error("GET", "/1.0/instances?project=other").substr(0, 3), "404");
    EXPECT_EQ(error("GET", "/1.0/instances?project=default"), "ok");
}

TEST_F(ResourcesTest, AnImagesAliasesPropertiesAndFilesCanBeReached) {
    set_up_storage();
    const auto alias = get("/1.0/images/aliases/box");
    const auto fingerprint = alias["target"].as_string();
    const auto url = "/1.0/images/" + fingerprint.substr(0, 12);
    EXPECT_EQ(get(url)["properties"]["os"].as_string(), "Box");
    EXPECT_EQ(error("PATCH", url, R"({"properties":{"release":"9"}})"), "ok");
    EXPECT_EQ(get(url)["properties"].dump(), R"({"os":"Box","release":"9"})");
    EXPECT_EQ(get("/1.0/images?filter=properties.release eq 9").as_array().size(), 1U);
    EXPECT_FALSE(body_of(ask("GET", url + "/export")).empty());
    EXPECT_EQ(error("POST", "/1.0/images/aliases/box", R"({"name":"a/b"})"), "ok");
    EXPECT_EQ(get("/1.0/images/aliases/a/b")["name"].as_string(), "a/b");
    EXPECT_EQ(error("DELETE", "/1.0/images/aliases/a/b"), "ok");
    EXPECT_EQ(error("DELETE", url), "ok");
    EXPECT_EQ(get("/1.0/images").dump(), "[]");
}

TEST_F(ResourcesTest, WhatIsNoImageIsRefusedAndLeavesNothing) {
    EXPECT_TRUE(error("POST", "/1.0/images", "no image at all").starts_with("operation: ")) << "a text";
    EXPECT_EQ(get("/1.0/images").dump(), "[]");
}

TEST_F(ResourcesTest, ShutdownAsksTheDaemonToEnd) {
    EXPECT_EQ(error("PUT", "/internal/shutdown"), "ok");
    EXPECT_TRUE(asked_to_end_);
}
