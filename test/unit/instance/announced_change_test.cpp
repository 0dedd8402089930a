#include "daemon/instance/announced_change.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/fakes/temporary_folder.h"

namespace instance {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class AnnouncedChangeTest : public ::testing::Test {
protected:
    AnnouncedChangeTest() {
        paths_.var = folder_.path();
        record_.row.name = "c1";
        record_.expanded_config = {{"limits.memory", "64MiB"}};
        wanted_ = record_;
        wanted_.expanded_config["limits.memory"] = "\"32MiB\"";
        wanted_.expanded_devices["data"] = {{"type", "disk"}, {"path", "/data"}};
        std::filesystem::create_directories(paths_.devices("c1"));
    }
    std::vector<Record> cut_off() const { return cut_off_changes(paths_, record_); }

    fakes::TemporaryFolder folder_;
    state::Paths paths_;
    Record record_;
    Record wanted_;
};

TEST_F(AnnouncedChangeTest, IsForgottenAtItsEnd) {
    {
        const AnnouncedChange change(paths_, wanted_);
        EXPECT_THAT(cut_off(), SizeIs(1));
    }
    EXPECT_THAT(cut_off(), IsEmpty());
    EXPECT_TRUE(std::filesystem::is_empty(paths_.devices("c1")));
}

TEST_F(AnnouncedChangeTest, IsFoundByTheNextDaemon) {
    const AnnouncedChange first(paths_, wanted_);
    const AnnouncedChange second(paths_, record_);
    const auto found = cut_off();
    ASSERT_THAT(found, SizeIs(2));
    const auto& change = found[found[0].expanded_devices.empty() ? 1 : 0];
    EXPECT_EQ(change.row.name, "c1");
    EXPECT_EQ(change.expanded_config, wanted_.expanded_config);
    EXPECT_EQ(change.expanded_devices, wanted_.expanded_devices);
    forget_cut_off_changes(paths_, "c1");
    EXPECT_THAT(cut_off(), IsEmpty());
}

TEST_F(AnnouncedChangeTest, OneThatWasNeverWholeIsNone) {
    fakes::write(paths_.devices("c1") + "/.change-1", "{\"config\":{\"limi");
    EXPECT_THAT(cut_off(), IsEmpty());
    forget_cut_off_changes(paths_, "c1");
    EXPECT_TRUE(std::filesystem::is_empty(paths_.devices("c1")));
}

TEST_F(AnnouncedChangeTest, AnInstanceThatNeverRanHasNone) {
    record_.row.name = "c2";
    EXPECT_THAT(cut_off(), IsEmpty());
}

} // namespace
} // namespace instance
