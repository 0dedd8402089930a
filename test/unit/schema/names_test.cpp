#include "schema/names.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace schema {
namespace {

std::string refusal_of(void (*check)(std::string_view), std::string_view name) {
    try {
        check(name);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_request);
        return error.what();
    }
    return "";
}

TEST(Names, InstancesHaveHostNames) {
    const std::string longest(63, 'a');
    const std::pair<std::string, std::string> table[] = {
        {"c1", ""},
        {"a-b", ""},
        {longest, ""},
        {"", "Invalid instance name: Name must be 1-63 characters long"},
        {longest + "a", "Invalid instance name: Name must be 1-63 characters long"},
        {"-a", "Invalid instance name: Name must not start with \"-\" character"},
        {"a-", "Invalid instance name: Name must not end with \"-\" character"},
        {"1a", "Invalid instance name: Name must not start with a number"},
        {"a_b", "Invalid instance name: Name can only contain alphanumeric and hyphen characters"},
        {"a.b", "Invalid instance name: Name can only contain alphanumeric and hyphen characters"},
        {"c1/snap", "The character \"/\" is reserved for snapshots"},
    };
    for (const auto& [name, text] : table) EXPECT_EQ(refusal_of(check_instance_name, name), text) << name;
}

TEST(Names, ProfilesAndPoolsCannotBePaths) {
    EXPECT_EQ(refusal_of(check_profile_name, "web server"), "");
    EXPECT_EQ(refusal_of(check_profile_name, ""), "No name provided");
    EXPECT_EQ(refusal_of(check_profile_name, "a/b"), "Profile names may not contain slashes");
    EXPECT_EQ(refusal_of(check_profile_name, ".."), "Invalid profile name \"..\"");
    EXPECT_EQ(refusal_of(check_pool_name, "a/b"), "Storage pool names may not contain slashes");
    EXPECT_EQ(refusal_of(check_pool_name, ".."), "Invalid storage pool name \"..\"");
}

TEST(Names, AliasesMayHoldSlashes) {
    EXPECT_EQ(refusal_of(check_alias_name, "debian/12/amd64"), "");
    EXPECT_EQ(refusal_of(check_alias_name, ""), "name and target are required");
}

TEST(Names, DevicesMayHoldPunctuation) {
    EXPECT_EQ(refusal_of(check_device_name, "eth0:1_a/b-c.d"), "");
    EXPECT_EQ(refusal_of(check_device_name, ".a"), "Name must not start with \".\" character");
    EXPECT_EQ(refusal_of(check_device_name, std::string(64, 'a')), "Name must be 1-63 characters long");
    EXPECT_EQ(refusal_of(check_device_name, "a b"),
              "Name can only contain alphanumeric, forward slash, hyphen, colon, underscore and full stop characters");
}

} // namespace
} // namespace schema
