#include "schema/api/server.h"

#include <gtest/gtest.h>

namespace schema {
namespace {

TEST(Server, AnUntrustedCallerSeesNeitherConfigurationNorEnvironment) {
    Server server;
    server.config["user.secret"] = "1";
    server.auth = "untrusted";
    const auto json = to_json(server);
    EXPECT_EQ(json.find("config"), nullptr);
    EXPECT_EQ(json.find("environment"), nullptr);
    EXPECT_EQ(json["api_version"].as_string(), "1.0");
}

TEST(Server, ItAnnouncesTheTable) {
    EXPECT_EQ(Server().api_extensions, announced_extensions());
    EXPECT_FALSE(Server().api_extensions.empty());
}

TEST(Server, WhatIsSentComesBack) {
    Server server;
    server.config["core.https_address"] = ":8443";
    server.environment.server_name = "host1";
    server.environment.kernel_features["shiftfs"] = "false";
    server.environment.storage_supported_drivers = {{"dir", "1", false}};
    const auto json = to_json(server);
    EXPECT_EQ(to_json(server_from(json)), json);
}

TEST(Server, ASettingThatIsNoTextBecomesOne) {
    const auto server = server_from(Json::parse(R"({"config": {"core.trust_password": true}})"));
    EXPECT_EQ(get(server.config, "core.trust_password"), "true");
}

TEST(Server, AnOldServerAnnouncesNothing) {
    const auto server = server_from(Json::parse(R"({"api_version": "1.0", "auth": "trusted", "environment": {}})"));
    EXPECT_TRUE(server.api_extensions.empty());
    EXPECT_EQ(server.environment.server_version, "");
}

} // namespace
} // namespace schema
