#include "schema/routes.h"

#include <set>

#include <gtest/gtest.h>

#include "schema/error.h"

namespace schema {
namespace {

using Arguments = std::map<std::string, std::string>;

struct Case {
    std::string_view method;
    std::string_view path;
    std::string_view name; // empty: the path is known, the method is not; "-": the path is unknown
    Arguments arguments;
};

TEST(Routes, ARequestFindsItsRoute) {
    const Case cases[] = {
        {"GET", "/", "versions_get", {}},
        {"GET", "/1.0", "server_get", {}},
        {"DELETE", "/1.0", "", {}},
        {"GET", "/1.0/", "-", {}},
        {"GET", "/2.0", "-", {}},
        {"GET", "", "-", {}},
        {"GET", "1.0", "-", {}},
        {"GET", "//1.0", "-", {}},
        {"GET", "/1.0//instances", "-", {}},
        {"GET", "/1.0/instances", "instances_get", {}},
        {"GET", "/1.0/instances/", "-", {}},
        {"GET", "/1.0/containers", "instances_get", {}},
        {"GET", "/1.0/containersx", "-", {}},
        {"HEAD", "/1.0/instances", "", {}},
        {"GET", "/1.0/instances/c1", "instance_get", {{"name", "c1"}}},
        {"GET", "/1.0/instances/a%2Fb", "instance_get", {{"name", "a%2Fb"}}}, // decoded once is decoded
        {"POST", "/1.0/containers/c1/exec", "instance_exec_post", {{"name", "c1"}}},
        {"PATCH", "/1.0/instances/c1/exec", "", {{"name", "c1"}}},
        {"HEAD", "/1.0/instances/c1/files", "instance_files_head", {{"name", "c1"}}},
        {"GET", "/1.0/instances/c1/logs/lxc.log", "instance_log_get", {{"name", "c1"}, {"file", "lxc.log"}}},
        {"GET", "/1.0/instances/c1/nothing", "-", {}},
        {"GET", "/1.0/virtual-machines", "virtual_machines_get", {}},
        {"GET", "/1.0/virtual-machines/c1/state", "virtual_machine_get", {{"name", "c1/state"}}},
        {"GET", "/1.0/images/aliases", "image_aliases_get", {}},
        {"GET", "/1.0/images/aliases/a/b/c d", "image_alias_get", {{"name", "a/b/c d"}}},
        {"GET", "/1.0/images/aliases/export", "image_alias_get", {{"name", "export"}}},
        {"GET", "/1.0/images/abc/export", "image_export_get", {{"fingerprint", "abc"}}},
        {"GET", "/1.0/images/a/b", "-", {}},
        {"GET", "/1.0/profiles/a/b", "-", {}},
        {"GET", "/1.0/operations/x/wait", "operation_wait_get", {{"id", "x"}}},
        {"PUT", "/internal/shutdown", "shutdown_put", {}},
    };
    for (const auto& [method, path, name, arguments] : cases) {
        const auto match = match_route(method, path);
        const auto found = !match ? "-" : match->route == nullptr ? "" : match->route->name;
        EXPECT_EQ(found, name) << method << " " << path;
        if (match) {
            EXPECT_EQ(match->arguments, arguments) << method << " " << path;
        }
    }
}

TEST(Routes, EveryRowIsReachable) {
    for (const auto& route : routes()) {
        std::string path(route.path);
        for (auto open = path.find('{'); open != std::string::npos; open = path.find('{')) {
            path.replace(open, path.find('}') - open + 1, "x");
        }
        const auto match = match_route(route.method, path);
        ASSERT_TRUE(match && match->route != nullptr) << route.name;
        EXPECT_EQ(match->route, &route) << route.method << " " << route.path;
    }
}

TEST(Routes, AMethodThatHttpDoesNotKnowIsNotFound) {
    try {
        match_route("FOO", "/1.0");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::not_found);
        EXPECT_STREQ(error.what(), "Method \"FOO\" not found");
    }
}

} // namespace
} // namespace schema
