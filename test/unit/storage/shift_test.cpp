#include "daemon/storage/shift.h"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <linux/capability.h>

#include "daemon/base/files.h"
#include "daemon/storage/id_shift.h"
#include "daemon/storage/shift_journal.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {
namespace {

using schema::IdKind;
using schema::IdMap;

const IdMap none;
const IdMap first = {{true, true, 100000, 0, 65536}};
const IdMap second = {{true, false, 165536, 0, 1000}, {true, true, 1000, 1000, 1}, {true, true, 166537, 1001, 64535}};

TEST(IdShift, MovesIdsFromMapToMap) {
    EXPECT_EQ((IdShift{none, first}.moved(IdKind::uid, 5)), 100005U);
    EXPECT_EQ((IdShift{first, none}.moved(IdKind::gid, 100005)), 5U);
    EXPECT_EQ((IdShift{first, second}.moved(IdKind::uid, 101000)), 1000U);
    EXPECT_EQ((IdShift{second, first}.moved(IdKind::uid, 1000)), 101000U);
}

TEST(IdShift, WhatTheMapLacksComesBackAsItWas) {
    const auto there = IdShift{none, first}.moved(IdKind::uid, 70000);
    EXPECT_EQ(there, 70000U);
    EXPECT_EQ((IdShift{first, none}.moved(IdKind::uid, there)), 70000U);
}

TEST(IdShift, AnIdThatWouldBecomeAnotherIsRefused) {
    EXPECT_THROW((void)(IdShift{none, first}.moved(IdKind::uid, 100500)), schema::Error);
    EXPECT_THROW((void)(IdShift{none, second}.moved(IdKind::gid, 166600)), schema::Error);
}

std::string capability(uint32_t magic, uint32_t root, size_t size) {
    vfs_ns_cap_data data{};
    data.magic_etc = magic;
    data.data[0].permitted = 1U << CAP_NET_RAW;
    data.rootid = root;
    return {reinterpret_cast<const char*>(&data), size};
}

TEST(IdShift, CapabilitiesGetTheNewRoot) {
    const auto plain = capability(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 0, XATTR_CAPS_SZ_2);
    const auto shifted = capability(VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE, 100000, XATTR_CAPS_SZ_3);
    EXPECT_EQ((IdShift{none, first}.moved_capability(plain)), shifted);
    EXPECT_EQ((IdShift{first, none}.moved_capability(shifted)), plain);
    const auto nested = capability(VFS_CAP_REVISION_3, 500, XATTR_CAPS_SZ_3);
    EXPECT_EQ((IdShift{none, first}.moved_capability(nested)), capability(VFS_CAP_REVISION_3, 100500, XATTR_CAPS_SZ_3));
    EXPECT_EQ((IdShift{none, first}.moved_capability("short")), "short");
}

TEST(IdShift, AclsAreMovedWhereTheyNameSomebody) {
    const char acl[] = "\x02\0\0\0"
                       "\x01\0\x07\0\xff\xff\xff\xff"  // owner
                       "\x02\0\x07\0\x05\0\0\0"        // user 5
                       "\x08\0\x05\0\xe8\x03\0\0"      // group 1000
                       "\x10\0\x07\0\xff\xff\xff\xff"; // mask
    const std::string value(acl, sizeof acl - 1);
    auto expected = value;
    expected.replace(16, 4, "\xa5\x86\x01\0", 4);
    expected.replace(24, 4, "\x88\x8a\x01\0", 4);
    EXPECT_EQ((IdShift{none, first}.moved_acl(value)), expected);
    EXPECT_EQ((IdShift{first, none}.moved_acl(expected)), value);
    EXPECT_EQ((IdShift{none, first}.moved_acl("")), "");
}

TEST(ShiftJournal, IsReadBackUpToWhatWasTorn) {
    const std::vector<OwnersBefore> one = {{1, 2, 3, 4, 0104755, {{"security.capability", std::string(24, '\0')}}}};
    const std::vector<OwnersBefore> two = {{1, 3, 0, 0, 0100644, {}}, {1, 4, 0, 0, 0100644, {}}};
    const auto whole = encoded(one) + encoded(two);
    auto both = one;
    both.insert(both.end(), two.begin(), two.end());
    EXPECT_EQ(decoded(whole), both);
    for (size_t torn = encoded(one).size(); torn < whole.size(); ++torn) EXPECT_EQ(decoded(whole.substr(0, torn)), one);
    auto spoilt = whole;
    spoilt[spoilt.size() - 20] ^= 1;
    EXPECT_EQ(decoded(spoilt), one);
    EXPECT_TRUE(decoded(std::string(100, '\0')).empty());
}

/// What needs no root: ids that stay the tester's own.
class ShiftTest : public testing::Test {
protected:
    ShiftTest() {
        ::mkdir((folder.path() + "/rootfs").c_str(), 0755);
        base::write_file(folder.path() + "/rootfs/file", "x");
    }
    IdShift to_oneself() const {
        const auto uid = static_cast<int64_t>(::getuid());
        const auto gid = static_cast<int64_t>(::getgid());
        return {none, {{true, false, uid, uid, 1}, {false, true, gid, gid, 1}}};
    }
    fakes::TemporaryFolder folder;
};

TEST_F(ShiftTest, KeepsItsJournalUntilItIsForgotten) {
    EXPECT_FALSE(has_shift_journal(folder.path()));
    shift_owners(folder.path(), to_oneself(), {}, {});
    ASSERT_TRUE(has_shift_journal(folder.path()));
    EXPECT_TRUE(schema::same_ids(aim_of_shift(folder.path()), to_oneself().to));
    forget_shift(folder.path());
    EXPECT_FALSE(has_shift_journal(folder.path()));
}

TEST_F(ShiftTest, ACancelledOneLeavesNothing) {
    const base::CancelToken cancel;
    cancel.cancel();
    EXPECT_THROW(shift_owners(folder.path(), to_oneself(), cancel, {}), schema::Error);
    EXPECT_FALSE(has_shift_journal(folder.path()));
}

TEST_F(ShiftTest, ARootThatIsALinkIsNotFollowed) {
    ::rename((folder.path() + "/rootfs").c_str(), (folder.path() + "/elsewhere").c_str());
    ASSERT_EQ(::symlink("elsewhere", (folder.path() + "/rootfs").c_str()), 0);
    EXPECT_ANY_THROW(shift_owners(folder.path(), to_oneself(), {}, {}));
}

} // namespace
} // namespace storage
