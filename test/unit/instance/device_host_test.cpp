// What the host's side of devices makes of texts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "daemon/instance/backing_disks.h"
#include "daemon/instance/mount_options.h"
#include "daemon/instance/tpm.h"

namespace instance {
namespace {

using ::testing::ElementsAre;

TEST(MountOptions, AreTheMountsOrTheFilesystems) {
    const auto options = parse_mount_options("nosuid, ro,commit=9,,noatime,errors=continue,rw");
    EXPECT_EQ(options.flags, static_cast<unsigned long>(MS_NOSUID | MS_RDONLY | MS_NOATIME));
    EXPECT_EQ(options.attributes, static_cast<uint64_t>(MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME));
    EXPECT_EQ(options.cleared, static_cast<uint64_t>(MOUNT_ATTR__ATIME));
    EXPECT_EQ(options.of_filesystem, "commit=9,errors=continue");
    EXPECT_EQ(parse_mount_options("").flags, 0U);
}

TEST(BackingDisks, OfAZpoolAreThoseOnline) {
    const auto* const status = "  pool: tank\n state: ONLINE\nconfig:\n\n"
                               "\tNAME           STATE     READ WRITE CKSUM\n"
                               "\ttank           ONLINE       0     0     0\n"
                               "\t  mirror-0     ONLINE       0     0     0\n"
                               "\t    /dev/sda1  ONLINE       0     0     0\n"
                               "\t    /dev/sdb1  FAULTED      0     0     0\n"
                               "\t  /srv/file    ONLINE       0     0     0\n\nerrors: No known data errors\n";
    EXPECT_THAT(disks_of_zpool(status), ElementsAre("/dev/sda1", "/srv/file"));
}

TEST(BackingDisks, OfTheKernelsFilesAreNone) {
    EXPECT_TRUE(backing_disks("/proc").empty());
    EXPECT_THROW(backing_disks("/nosuch/path"), std::system_error);
}

TEST(Tpm, IsNamedByItsEmulator) {
    const auto tpm = parse_new_tpm("New TPM device: /dev/tpm12 (major/minor = 253/12)\n");
    ASSERT_TRUE(tpm);
    EXPECT_EQ(tpm->device, "tpm12");
    EXPECT_EQ(tpm->major, 253U);
    EXPECT_EQ(tpm->minor, 12U);
    for (const auto* text : {"", "New TPM device: /dev/tpm1", "/dev/sda (major/minor = 8/0)", "/dev/"})
        EXPECT_FALSE(parse_new_tpm(text)) << text;
}

} // namespace
} // namespace instance
