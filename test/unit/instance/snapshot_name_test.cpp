#include "daemon/instance/snapshot_name.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace instance {
namespace {

std::string next(const std::string& pattern, const std::vector<std::string>& taken) {
    return next_snapshot_name(pattern, schema::parse_rfc3339("2026-03-09T05:07:08Z"), taken);
}

TEST(SnapshotName, TheCounterGoesOnFromTheHighestNumber) {
    EXPECT_EQ(next("snap%d", {}), "snap0");
    EXPECT_EQ(next("snap%d", {"snap3", "snap0", "other7", "snap", "snapx"}), "snap4");
    EXPECT_EQ(next("a%d-b", {"a5", "a2-b", "a9-c"}), "a3-b");
    EXPECT_EQ(next("snap%d", {"snap99999999999999999999"}), "snap0");
}

TEST(SnapshotName, ATakenNameWithoutCounterGetsANumber) {
    EXPECT_EQ(next("daily", {"other"}), "daily");
    EXPECT_EQ(next("daily", {"daily"}), "daily-0");
    EXPECT_EQ(next("daily", {"daily", "daily-0", "daily-4"}), "daily-5");
}

TEST(SnapshotName, APatternMayShowTheDate) {
    EXPECT_EQ(next("{{ creation_date|date:\"2006-01\" }}", {}), "2026-03");
    EXPECT_EQ(next("{{ creation_date|date:'2006' }}-%d", {"2026-1"}), "2026-2");
}

TEST(SnapshotName, APatternThatMakesNoNameIsRefused) {
    EXPECT_THROW(next("%d-%d", {}), schema::Error);
    EXPECT_THROW(next("{{ creation_date", {}), schema::Error);
}

} // namespace
} // namespace instance
