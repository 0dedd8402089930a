#include "schema/api_extensions.h"

#include <set>

#include <gtest/gtest.h>

namespace schema {
namespace {

TEST(ApiExtensions, EachIsNamedOnceAndHasATest) {
    std::set<std::string_view> names;
    for (const auto& extension : api_extensions()) {
        EXPECT_TRUE(names.insert(extension.name).second) << extension.name;
        EXPECT_FALSE(extension.test.empty()) << extension.name;
    }
}

TEST(ApiExtensions, WhatTheStockClientInsistsOnIsThere) {
    std::set<std::string_view> names;
    for (const auto& extension : api_extensions()) names.insert(extension.name);
    for (const auto* name :
         {"api_filtering", "container_backup", "container_full", "instances", "storage", "directory_manipulation",
          "file_symlinks", "file_delete", "container_exec_user_group_cwd", "instance_get_full"}) {
        EXPECT_TRUE(names.contains(name)) << name;
    }
}

} // namespace
} // namespace schema
