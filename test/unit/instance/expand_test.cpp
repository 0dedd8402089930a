#include "daemon/instance/expand.h"

#include <gtest/gtest.h>

namespace instance {
namespace {

schema::ProfilePut profile(schema::Config config, schema::Devices devices) {
    schema::ProfilePut put;
    put.config = std::move(config);
    put.devices = std::move(devices);
    return put;
}

TEST(Expand, LaterProfilesAndThenTheInstanceWin) {
    const auto result = expanded(
        {profile({{"a", "1"}, {"b", "1"}, {"c", "1"}}, {}), profile({{"b", "2"}, {"c", "2"}}, {})}, {{"c", "3"}}, {});
    EXPECT_EQ(result.config, (schema::Config{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

TEST(Expand, ADeviceReplacesOneOfItsNameAsAWhole) {
    const auto result =
        expanded({profile({}, {{"eth0", {{"type", "nic"}, {"parent", "br0"}}}})}, {}, {{"eth0", {{"type", "none"}}}});
    EXPECT_EQ(result.devices, (schema::Devices{{"eth0", {{"type", "none"}}}}));
}

} // namespace
} // namespace instance
