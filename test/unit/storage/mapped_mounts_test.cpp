#include "daemon/storage/mapped_mounts.h"

#include <gtest/gtest.h>

namespace storage {

namespace {

using schema::IdKind;
using schema::IdMap;

const IdMap usual{{true, true, 1000000, 0, 65536}};
const IdMap other{{true, true, 2000000, 0, 1000}};
const IdMap punched{{true, true, 1000000, 0, 1000}, {true, false, 500, 1000, 1}, {true, true, 1001001, 1001, 64535}};
const IdMap with_host_root{{true, true, 1000000, 0, 10}, {true, true, 0, 10, 1}};

struct Case {
    const char* name;
    IdShift ids;
    IdKind kind;
    const char* lines;
    int64_t passing = 0;
};

class MountMap : public testing::TestWithParam<Case> {};

TEST_P(MountMap, SaysWhatIsSeenForWhatLiesOnDisk) {
    EXPECT_EQ(mount_map(GetParam().ids, GetParam().kind, GetParam().passing), GetParam().lines);
}

INSTANTIATE_TEST_SUITE_P(
    Maps, MountMap,
    testing::Values(
        Case{"IdsAsInsideOnDisk", {{}, usual}, IdKind::uid, "0 1000000 65536\n4294967280 0 1\n"},
        Case{"ShiftedOnDisk", {usual, {}}, IdKind::uid, "1000000 0 65536\n0 4294967281 1\n"},
        Case{"FromOneMapToASmallerOne", {usual, other}, IdKind::gid, "1000000 2000000 1000\n4294967280 0 1\n", 1000999},
        Case{"AHoleOfUsers",
             {{}, punched},
             IdKind::uid,
             "0 1000000 1000\n1000 500 1\n1001 1001001 64535\n4294967280 0 1\n"},
        Case{"NoHoleOfGroups", {{}, punched}, IdKind::gid, "0 1000000 1000\n1001 1001001 64535\n4294967280 0 1\n"},
        Case{"HostsRootInTheMap", {{}, with_host_root}, IdKind::uid, "0 1000000 10\n10 0 1\n"},
        Case{"AFolderOnTheWay",
             {{}, usual},
             IdKind::gid,
             "0 1000000 65536\n4294967280 0 1\n70000 4294967281 1\n",
             70000}),
    [](const auto& one) { return one.param.name; });

} // namespace

} // namespace storage
