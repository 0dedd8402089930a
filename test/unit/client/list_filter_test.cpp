#include "client/commands/list_filter.h"

#include <gtest/gtest.h>

#include "client/commands/list_columns.h"
#include "schema/error.h"

namespace client {
namespace {

using schema::Json;

Json instance() {
    return Json::parse(R"({
        "name": "web1", "status": "Running", "status_code": 103, "type": "container", "architecture": "x86_64",
        "config": {"user.note": "a long note", "volatile.base_image": "0123456789abcdef"},
        "expanded_config": {"user.note": "a long note", "security.privileged": "true", "limits.memory": "100MiB"},
        "devices": {}, "profiles": ["default", "web"], "ephemeral": true, "created_at": "2026-01-02T03:04:05Z",
        "expanded_devices": {"root": {"type": "disk", "path": "/", "pool": "fast"}, "eth0": {"parent": "br0"}},
        "snapshots": [{}, {}],
        "state": {"pid": 42, "processes": 3, "memory": {"usage": 52428800}, "cpu": {"usage": 2500000000},
                  "disk": {"root": {"usage": 2048}},
                  "network": {"lo": {"type": "loopback", "addresses": [
                                  {"family": "inet", "address": "127.0.0.1", "scope": "local"}]},
                              "eth0": {"type": "broadcast", "addresses": [
                                  {"family": "inet", "address": "10.0.0.5", "scope": "global"},
                                  {"family": "inet", "address": "10.0.0.7", "scope": "global"},
                                  {"family": "inet6", "address": "fe80::1", "scope": "link"},
                                  {"family": "inet6", "address": "fd00::1", "scope": "global"}]}}}})");
}

TEST(ListFilter, PicksInstances) {
    const std::vector<std::pair<std::vector<std::string>, bool>> cases{
        {{}, true},
        {{"web"}, true},
        {{"eb"}, false},
        {{".*eb.*"}, true},
        {{"^w"}, true},
        {{"web1", "status=running"}, true},
        {{"web1", "status=stopped"}, false},
        {{"status=stopped,running"}, true},
        {{"user.note=a long note"}, true},
        {{"u.n=a long .*"}, true},
        {{"u.n=long"}, false},
        {{"s.privileged=true"}, true},
        {{"user.missing=x"}, false},
        {{"user.missing="}, true},
        {{"user.note="}, false},
        {{"u.note="}, true}, // no key is called that
        {{"ipv4=10.0.0.5"}, true},
        {{"ipv4=10.0.0.0/24"}, true},
        {{"ipv4=10.0.1.0/24"}, false},
        {{"ipv6=fd00::/8"}, true},
        {{"ipv6=10.0.0.5"}, false},
        {{"architecture=X86_64"}, true},
        {{"["}, false},
    };
    for (const auto& [filters, wanted] : cases) {
        EXPECT_EQ(is_wanted(instance(), filters), wanted) << (filters.empty() ? "" : filters.back());
    }
}

TEST(ListFilter, LeavesToTheServerWhatItUnderstands) {
    std::vector<std::string> for_server;
    std::vector<std::string> for_client;
    divide_filters({"status=running", "web", "user.a=b", "type=a,b", "name=c1"}, shapes::instance, for_server,
                   for_client);
    EXPECT_EQ(server_filter(for_server), "status eq running and name eq c1");
    EXPECT_EQ(for_client, (std::vector<std::string>{"web", "user.a=b", "type=a,b"}));
}

TEST(ListColumns, ShowWhatTheyAreNamedFor) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"n", "web1"},
        {"s", "RUNNING"},
        {"4", "10.0.0.7 (eth0)\n10.0.0.5 (eth0)"},
        {"6", "fd00::1 (eth0)"},
        {"t", "CONTAINER (EPHEMERAL)"},
        {"S", "2"},
        {"P", "default\nweb"},
        {"p", "42"},
        {"N", "3"},
        {"m", "50.00MiB"},
        {"M", "50.0%"},
        {"u", "2s"},
        {"D", "2.00KiB"},
        {"b", "fast"},
        {"f", "0123456789ab"},
        {"F", "0123456789abcdef"},
        {"c", "2026/01/02 03:04 UTC"},
        {"l", ""},
        {"user.note", "a long note"},
        {"user.note:NOTE:6", "a long"},
        {"user.note:NOTE:0", "a lo"},
        {"devices:eth0.parent:BRIDGE", "br0"},
        {"config:limits.memory", "100MiB"},
    };
    for (const auto& [columns, cell] : cases) EXPECT_EQ(parse_columns(columns)[0].cell(instance()), cell) << columns;
}

TEST(ListColumns, ThatNeedNoStateDoNotAskForIt) {
    for (const auto& column : parse_columns("nsacPtfFbdel")) EXPECT_FALSE(column.needs_state) << column.name;
    for (const auto& column : parse_columns("46DmMNpSu")) EXPECT_TRUE(column.needs_state) << column.name;
}

TEST(ListColumns, AreRefusedWhenMalformed) {
    for (const auto* columns : {"", "n,,s", "x", "nonsense.key", "limits.nonsense", "volatile.nonsense",
                                "config:raw.nonsense", "user.a:b:c", "user.a:b:1:d", "user.a:", "user.a:b:-2"}) {
        EXPECT_THROW(parse_columns(columns), schema::Error) << columns;
    }
}

} // namespace
} // namespace client
