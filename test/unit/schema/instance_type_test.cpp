#include "schema/instance_type.h"

#include <gtest/gtest.h>

#include "schema/architectures.h"
#include "schema/error.h"

namespace schema {
namespace {

std::string refusal_of(const std::string& type) {
    try {
        limits_of_instance_type(type);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(InstanceType, AmountsBecomeLimits) {
    const std::pair<std::string, Config> cases[] = {
        {"c0.5-m0.25", {{"limits.cpu", "1"}, {"limits.cpu.allowance", "50%"}, {"limits.memory", "256MB"}}},
        {"c1", {{"limits.cpu", "1"}}},
        {"c1.5", {{"limits.cpu", "2"}, {"limits.cpu.allowance", "75%"}}},
        {"m2", {{"limits.memory", "2048MB"}}},
        {"c1-c3-m0.1", {{"limits.cpu", "3"}, {"limits.memory", "102MB"}}},
        {"c0", {}},
        {"c1e3", {{"limits.cpu", "1000"}}},
    };
    for (const auto& [type, limits] : cases) EXPECT_EQ(limits_of_instance_type(type), limits) << type;
}

TEST(InstanceType, WhatIsNoTypeIsRefusedInLxdsWords) {
    for (const std::string type : {"nonsense", "aws:t2.micro", "t2.micro", "c2-m", "c-1", "x1", "c1-", "-c1", "c"})
        EXPECT_EQ(refusal_of(type), "Provided instance type doesn't exist: " + type);
    for (const std::string type : {"cx", "c1 ", "m1GB", "cnan", "cinf", "m1e30", "c1e39"})
        EXPECT_EQ(refusal_of(type), "Bad custom instance type: " + type);
}

TEST(Architectures, OtherNamesBecomeLxds) {
    EXPECT_EQ(canonical_architecture("amd64"), "x86_64");
    EXPECT_EQ(canonical_architecture("x86_64"), "x86_64");
    EXPECT_THROW(canonical_architecture("nonsense"), Error);
}

} // namespace
} // namespace schema
