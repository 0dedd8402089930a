// What snapshots the clock makes and removes, by a clock of the test's own.

#include <string>
#include <vector>

#include "daemon/instance/snapshot_schedule.h"
#include "daemon/instance/volume_schedule.h"
#include "test/api/daemon_fixture.h"

namespace {

using std::chrono::minutes;

const std::string volumes = "/1.0/storage-pools/default/volumes/custom";

struct SchedulesTest : DaemonTest {
    SchedulesTest() { set_up_storage(); }

    void make_volume(const std::string& name, const std::string& config) {
        EXPECT_EQ(error("POST", volumes, R"({"name":")" + name + R"(","config":{)" + config + "}}"), "ok");
    }
    template <class Schedule> std::vector<std::string> run(Schedule& schedule, schema::Time now) {
        std::vector<std::string> done;
        for (auto& spec : schedule.due(now)) {
            done.push_back(spec.description);
            const auto ended = rooms_->operations.start(std::move(spec))->wait();
            EXPECT_EQ(ended.err, "");
        }
        return done;
    }
    std::vector<std::string> snapshots(const std::string& volume) {
        std::vector<std::string> names;
        const auto list = get(volumes + "/" + volume + "/snapshots");
        for (const auto& url : list.as_array()) names.push_back(url.as_string().substr(url.as_string().rfind('/') + 1));
        return names;
    }
    instance::VolumeSchedule volume_schedule() { return {rooms_->volumes, rooms_->events, rooms_->log, start_}; }

    /// Far from now, where the daemon's own clock finds nothing due.
    schema::Time start_ = schema::parse_rfc3339("2030-01-02T03:04:30Z");
};

using Words = std::vector<std::string>;

TEST_F(SchedulesTest, AVolumesMinuteBringsASnapshotOnce) {
    make_volume("each", R"("snapshots.schedule":"* * * * *")");
    make_volume("none", "");
    auto schedule = volume_schedule();
    EXPECT_EQ(run(schedule, start_), Words{});
    EXPECT_EQ(run(schedule, start_ + std::chrono::seconds(40)), Words{"Creating storage volume snapshot"});
    EXPECT_EQ(run(schedule, start_ + std::chrono::seconds(50)), Words{});
    EXPECT_EQ(run(schedule, start_ + minutes(2)), Words{"Creating storage volume snapshot"});
    EXPECT_EQ(snapshots("each"), (Words{"snap0", "snap1"}));
    EXPECT_EQ(snapshots("none"), Words{});
}

TEST_F(SchedulesTest, AVolumesSnapshotIsCalledByThePatternAndLivesAsLongAsConfigured) {
    make_volume("data", R"("snapshots.schedule":"5 * * * *","snapshots.pattern":"auto-%d","snapshots.expiry":"1d")");
    auto schedule = volume_schedule();
    run(schedule, start_ + minutes(1));
    EXPECT_EQ(snapshots("data"), Words{"auto-0"});
    const auto shown = get(volumes + "/data/snapshots/auto-0");
    const auto time = [&](const char* key) { return schema::parse_rfc3339(shown[key].as_string()); };
    const auto lives = time("expires_at") - time("created_at");
    EXPECT_GT(lives, std::chrono::hours(22));
    EXPECT_LT(lives, std::chrono::hours(26));
}

TEST_F(SchedulesTest, APatternThatMakesNoNameMakesNoSnapshot) {
    make_volume("data", R"("snapshots.schedule":"* * * * *","snapshots.pattern":"a/b")");
    auto schedule = volume_schedule();
    run(schedule, start_ + minutes(1));
    EXPECT_EQ(snapshots("data"), Words{});
}

TEST_F(SchedulesTest, ExpiredSnapshotsOfVolumesGoAndOthersStay) {
    make_volume("data", "");
    for (const auto* order : {R"({"name":"never","expires_at":"0001-01-01T00:00:00Z"})",
                              R"({"name":"soon","expires_at":"2029-01-01T00:00:00Z"})",
                              R"({"name":"later","expires_at":"2031-01-01T00:00:00Z"})"})
        EXPECT_EQ(error("POST", volumes + "/data/snapshots", order), "ok");
    auto schedule = volume_schedule();
    EXPECT_EQ(run(schedule, start_), Words{"Cleaning up expired volume snapshots"});
    EXPECT_EQ(snapshots("data"), (Words{"never", "later"}));
    EXPECT_EQ(run(schedule, start_), Words{});
}

TEST_F(SchedulesTest, AnInstancesMinuteBringsASnapshotOnceAndToARunningOneAlone) {
    make_instance("c1", R"(,"config":{"snapshots.schedule":"* * * * *"})");
    instance::SnapshotSchedule schedule(rooms_->instances, rooms_->snapshot_rows, rooms_->lifecycle, rooms_->log,
                                        start_);
    EXPECT_EQ(run(schedule, start_ + minutes(1)), Words{});
    start("c1");
    EXPECT_EQ(run(schedule, start_ + minutes(2)), Words{"Snapshotting instance"});
    EXPECT_EQ(run(schedule, start_ + minutes(2)), Words{});
    EXPECT_EQ(get("/1.0/instances/c1/snapshots").as_array().size(), 1U);
}

} // namespace
