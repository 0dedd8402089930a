#include <filesystem>

#include <gtest/gtest.h>

#include "daemon/instance/backup_config.h"
#include "test/fakes/temporary_folder.h"

namespace instance {
namespace {

class BackupFile : public testing::Test {
protected:
    BackupFile() { std::filesystem::create_directory(folder_ / "rootfs"); }
    bool lacks() const { return lacks_backup_file(folder_.path()); }

    fakes::TemporaryFolder folder_;
};

TEST_F(BackupFile, IsThereOnceItWasWritten) {
    EXPECT_TRUE(lacks());
    write_backup_file(folder_.path(), "text");
    EXPECT_FALSE(lacks());
}

TEST_F(BackupFile, IsMissingWhereAPowerCutLeftItEmpty) {
    fakes::write(folder_ / "backup.yaml", "");
    EXPECT_TRUE(lacks());
}

TEST_F(BackupFile, IsNotLookedForInAVolumeThatIsNotMounted) {
    std::filesystem::remove(folder_ / "rootfs");
    EXPECT_FALSE(lacks());
    std::filesystem::remove(folder_.path());
    EXPECT_FALSE(lacks());
}

TEST_F(BackupFile, LosesWhatAWriteThatWasCutOffLeft) {
    fakes::write(folder_ / ".backup.yaml.0a1b", "te");
    fakes::write(folder_ / "backup.yaml", "text");
    EXPECT_FALSE(lacks());
    EXPECT_FALSE(std::filesystem::exists(folder_ / ".backup.yaml.0a1b"));
}

} // namespace
} // namespace instance
