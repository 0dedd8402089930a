#include <array>
#include <filesystem>

#include <future>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "daemon/instance/announced_change.h"
#include "test/api/daemon_fixture.h"

namespace {

struct InstancesTest : DaemonTest {
    InstancesTest() { set_up_storage(); }

    /// The URL of an operation that goes on.
    std::string begin(const std::string& method, const std::string& target, const std::string& body = "") {
        return schema::Json::parse(body_of(ask(method, target, body)))["operation"].as_string();
    }
    std::string result(const std::string& operation) { return get(operation + "/wait")["err"].as_string(); }
};

/// The names of snapshots that three requests in a row, none of which names its own, make below a URL.
struct NamelessTest : InstancesTest {
    std::vector<std::string> names_of_three(const std::string& url) {
        const std::array operations{begin("POST", url, "{}"), begin("POST", url, "{}"), begin("POST", url, "{}")};
        for (const auto& operation : operations) EXPECT_EQ(result(operation), "");
        std::vector<std::string> names;
        const auto list = get(url);
        for (const auto& entry : list.as_array()) {
            const auto& found = entry.as_string();
            names.push_back(found.substr(found.rfind('/') + 1));
        }
        return names;
    }
};

/// A running c1 that reboots, up to the point where its container is started again.
struct RebootTest : InstancesTest {
    RebootTest() {
        make_instance("c1");
        start("c1");
        std::promise<void> reached;
        runtime().before_next_start([&reached, go = release_.get_future().share()] {
            reached.set_value();
            go.wait();
        });
        runtime().request_reboot("c1");
        reached.get_future().wait();
    }
    void finish() { release_.set_value(); }

    std::promise<void> release_;
};

} // namespace

TEST_F(NamelessTest, SnapshotsAskedForInARowGetNamesOfTheirOwn) {
    make_instance("c1");
    EXPECT_EQ(error("POST", "/1.0/storage-pools/default/volumes/custom", R"({"name":"v1"})"), "ok");
    for (const auto* url : {"/1.0/instances/c1/snapshots", "/1.0/storage-pools/default/volumes/custom/v1/snapshots"})
        EXPECT_THAT(names_of_three(url), testing::UnorderedElementsAre("snap0", "snap1", "snap2")) << url;
}

TEST_F(InstancesTest, AnInstanceLivesFromCreationToDeletion) {
    make_instance("c1");
    EXPECT_EQ(status("c1"), "Stopped");
    start("c1");
    EXPECT_EQ(status("c1"), "Running");
    change_state("c1", R"({"action":"stop","timeout":5})");
    EXPECT_EQ(status("c1"), "Stopped");
    EXPECT_EQ(error("DELETE", "/1.0/instances/c1"), "ok");
    EXPECT_EQ(get("/1.0/instances").dump(), "[]");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "var/storage-pools/default/containers/c1"));
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(folder_ / "var/containers/c1")));
}

TEST_F(InstancesTest, BothFamiliesServeTheSameInstance) {
    make_instance("c1");
    EXPECT_EQ(get("/1.0/containers").dump(), R"(["/1.0/containers/c1"])");
    EXPECT_EQ(get("/1.0/instances").dump(), R"(["/1.0/instances/c1"])");
    EXPECT_EQ(get("/1.0/containers/c1")["name"].as_string(), "c1");
}

TEST_F(InstancesTest, RecursionTwoCarriesStateSnapshotsAndBackups) {
    make_instance("c1");
    const auto list = get("/1.0/instances?recursion=2");
    const auto& full = list.as_array().at(0);
    EXPECT_EQ(full["state"]["status"].as_string(), "Stopped");
    EXPECT_NE(full.find("snapshots"), nullptr);
    EXPECT_NE(full.find("backups"), nullptr);
    EXPECT_EQ(get("/1.0/instances?recursion=1").as_array().at(0).find("state"), nullptr);
}

TEST_F(InstancesTest, BadOrdersAreRefusedAndLeaveNothing) {
    make_instance("c1");
    const std::pair<const char*, const char*> cases[] = {
        {R"({"name":"c_1","source":{"type":"none"}})",
         "400 Invalid instance name: Name can only contain alphanumeric and hyphen characters"},
        {R"({"name":"c2","source":{"type":"foo"}})", "400 Unknown source type foo"},
        {R"({"name":"c2","source":{"type":"image","alias":"nosuch"}})", "404 Image alias not found"},
        {R"({"name":"c2","source":{"type":"image","fingerprint":"00ff"}})",
         "operation: Image not provided for instance creation"},
        {R"({"name":"c2","source":{"type":"none"},"profiles":["nope"]})",
         "500 Requested profile \"nope\" doesn't exist"},
        {R"({"name":"c2","source":{"type":"image","alias":"box"},"config":{"foo":"bar"}})",
         "operation: Failed creating instance record: Unknown configuration key: foo"},
        {R"({"name":"c1","source":{"type":"image","alias":"box"}})",
         "operation: Failed creating instance record: Add instance info to the database: This \"instances\" entry "
         "already exists"},
        {R"({"name":)", "400"},
        {R"({"name":"c2","config":{"limits.cpu":4}})", "400"},
        {R"([])", "400"},
    };
    for (const auto& [body, expected] : cases)
        EXPECT_TRUE(error("POST", "/1.0/instances", body).starts_with(expected))
            << body << ": " << error("POST", "/1.0/instances", body);
    EXPECT_EQ(get("/1.0/instances").dump(), R"(["/1.0/instances/c1"])");
}

TEST_F(InstancesTest, AFailedStartLeavesAStoppedInstanceThatCanBeStarted) {
    make_instance("c1");
    runtime().fail_next_start("no luck");
    EXPECT_EQ(error("PUT", "/1.0/instances/c1/state", R"({"action":"start"})"),
              "operation: Failed starting \"c1\": no luck");
    EXPECT_EQ(status("c1"), "Stopped");
    EXPECT_EQ(get("/1.0/instances/c1")["config"]["volatile.last_state.power"].as_string(), "STOPPED");
    start("c1");
}

TEST_F(InstancesTest, ACleanStopThatIsIgnoredFailsAndAKillHelps) {
    make_instance("c1");
    start("c1");
    runtime().ignore_shutdown(true);
    EXPECT_TRUE(error("PUT", "/1.0/instances/c1/state", R"({"action":"stop","timeout":1})")
                    .starts_with("operation: Failed shutting down instance, status is \"Running\""));
    EXPECT_EQ(status("c1"), "Running");
    change_state("c1", R"({"action":"stop","force":true})");
    EXPECT_EQ(status("c1"), "Stopped");
}

TEST_F(InstancesTest, WrongStatesAreRefused) {
    make_instance("c1");
    EXPECT_EQ(error("PUT", "/1.0/instances/c1/state", R"({"action":"stop"})"),
              "operation: The instance is already stopped");
    EXPECT_EQ(error("PUT", "/1.0/instances/c1/state", R"({"action":"dance"})"), "400 Unknown action: 'dance'");
    EXPECT_EQ(error("POST", "/1.0/instances/c1/exec", R"({"command":["true"]})"), "400 Instance is not running");
    start("c1");
    EXPECT_EQ(error("PUT", "/1.0/instances/c1/state", R"({"action":"start"})"),
              "operation: The instance is already running");
    EXPECT_EQ(error("DELETE", "/1.0/instances/c1"), "400 Instance is running");
    EXPECT_EQ(error("POST", "/1.0/instances/c1", R"({"name":"c2"})"),
              "operation: Renaming of running container not allowed");
}

TEST_F(InstancesTest, AnEphemeralInstanceGoesWhenItStops) {
    make_instance("c1", R"(,"ephemeral":true)");
    start("c1");
    change_state("c1", R"({"action":"stop","force":true})");
    EXPECT_EQ(error("GET", "/1.0/instances/c1"), "404 Instance not found");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "var/storage-pools/default/containers/c1"));
}

TEST_F(InstancesTest, AnEphemeralInstanceSurvivesARestart) {
    make_instance("c1", R"(,"ephemeral":true)");
    start("c1");
    change_state("c1", R"({"action":"restart","force":true})");
    EXPECT_EQ(status("c1"), "Running");
}

TEST_F(InstancesTest, ARenameMovesEverything) {
    make_instance("c1");
    EXPECT_EQ(error("POST", "/1.0/instances/c1", R"({"name":"c2"})"), "ok");
    EXPECT_EQ(get("/1.0/instances").dump(), R"(["/1.0/instances/c2"])");
    EXPECT_EQ(get("/1.0/instances/c2")["name"].as_string(), "c2");
    EXPECT_EQ(get("/1.0/instances/c2")["config"].find("volatile.last_state.renaming"), nullptr);
    restart();
    start("c2");
}

TEST_F(InstancesTest, ARestartedDaemonFindsWhatRunsAndWhatStopped) {
    make_instance("c1");
    make_instance("c2");
    start("c1");
    start("c2");
    rooms_.reset();
    runtime().kill("c2");
    restart();
    EXPECT_EQ(status("c1"), "Running");
    EXPECT_EQ(status("c2"), "Stopped");
    EXPECT_EQ(get("/1.0/instances/c2")["config"]["volatile.last_state.power"].as_string(), "STOPPED");
    change_state("c1", R"({"action":"stop","force":true})"); // it is watched again
}

TEST_F(InstancesTest, CpusThatACrashKeptFromAContainerAreItsBeforeTheNextAnswer) {
    make_instance("c1", R"(,"config":{"limits.cpu":"0-0"})");
    start("c1");
    EXPECT_EQ(runtime().cgroup_of("c1")["cpuset.cpus"], "0");
    runtime().set_cgroup("c1", "cpuset.cpus", "0-1");
    const instance::AnnouncedChange cut_off(rooms_->paths, *rooms_->instances.get("c1")->record());
    restart();
    EXPECT_EQ(runtime().cgroup_of("c1")["cpuset.cpus"], "0");
}

TEST_F(InstancesTest, WhatACrashLeftHalfMadeGoesAtTheNextStart) {
    make_instance("c1");
    make_instance("c2");
    rooms_->instance_rows.set_config("c1", {{"volatile.last_state.incomplete", "true"}});
    rooms_->instance_rows.set_config("c2", {{"volatile.last_state.renaming", "c3"}});
    rooms_->pools.rename_container("default", "c2", "c3");
    restart();
    EXPECT_EQ(get("/1.0/instances").dump(), R"(["/1.0/instances/c2"])");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "var/storage-pools/default/containers/c1"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "var/storage-pools/default/containers/c3"));
    start("c2");
}

TEST_F(InstancesTest, AStaleTagChangesNothingAndEveryPutChangesTheTag) {
    make_instance("c1");
    const auto tag = etag("/1.0/instances/c1");
    const auto put = [&](const char* description) {
        return std::string(R"({"profiles":["default"],"description":")") + description +
               "\",\"config\":" + get("/1.0/instances/c1")["config"].dump() + "}";
    };
    EXPECT_EQ(error("PUT", "/1.0/instances/c1", put("one"), {{"If-Match", tag}}), "ok");
    EXPECT_NE(etag("/1.0/instances/c1"), tag);
    EXPECT_TRUE(error("PUT", "/1.0/instances/c1", put("two"), {{"If-Match", tag}}).starts_with("412 "));
    EXPECT_TRUE(
        error("PATCH", "/1.0/instances/c1", R"({"description":"two"})", {{"If-Match", tag}}).starts_with("412 "));
    EXPECT_EQ(get("/1.0/instances/c1")["description"].as_string(), "one");
}

TEST_F(InstancesTest, APatchMerges) {
    make_instance("c1", R"(,"config":{"user.a":"1"})");
    EXPECT_EQ(error("PATCH", "/1.0/instances/c1", R"({"config":{"user.b":"2"}})"), "ok");
    const auto config = get("/1.0/instances/c1")["config"];
    EXPECT_EQ(config["user.a"].as_string(), "1");
    EXPECT_EQ(config["user.b"].as_string(), "2");
}

TEST_F(InstancesTest, ALimitIsWrittenToTheRunningContainerAndTakenBack) {
    make_instance("c1");
    start("c1");
    EXPECT_EQ(error("PATCH", "/1.0/instances/c1", R"({"config":{"limits.processes":"50"}})"), "ok");
    EXPECT_EQ(runtime().cgroup_of("c1")["pids.max"], "50");
    EXPECT_EQ(error("PATCH", "/1.0/instances/c1", R"({"config":{"limits.processes":""}})"), "ok");
    EXPECT_EQ(runtime().cgroup_of("c1")["pids.max"], "max");
}

TEST_F(InstancesTest, ALiveChangeThatFailsHalfwayIsTakenBack) {
    make_instance("c1");
    start("c1");
    const auto source = folder_ / "shared";
    std::filesystem::create_directory(source);
    EXPECT_EQ(error("PATCH", "/1.0/instances/c1", R"({"config":{"limits.memory":"64MiB"}})"), "ok");
    const auto cgroup = runtime().cgroup_of("c1");
    const auto before = get("/1.0/instances/c1").dump();
    runtime().lack_cgroup_file("pids.max");
    const auto change = R"({"config":{"limits.memory":"32MiB","limits.processes":"50"},)"
                        R"("devices":{"a-disk":{"type":"disk","source":")" +
                        source + R"(","path":"/mnt"}}})";
    EXPECT_THAT(error("PATCH", "/1.0/instances/c1", change), testing::HasSubstr("no file pids.max"));
    EXPECT_EQ(runtime().cgroup_of("c1"), cgroup);
    EXPECT_TRUE(runtime().mounts_of("c1").empty());
    EXPECT_EQ(get("/1.0/instances/c1").dump(), before);
}

TEST_F(InstancesTest, AProfileReachesTheRunningContainersThatUseIt) {
    make_instance("c1");
    start("c1");
    EXPECT_EQ(error("PATCH", "/1.0/profiles/default", R"({"config":{"limits.processes":"60"}})"), "ok");
    EXPECT_EQ(runtime().cgroup_of("c1")["pids.max"], "60");
    EXPECT_EQ(get("/1.0/instances/c1")["expanded_config"]["limits.processes"].as_string(), "60");
}

TEST_F(InstancesTest, ADiskIsMountedIntoTheRunningContainerAndTakenOut) {
    make_instance("c1");
    start("c1");
    const auto source = folder_ / "shared";
    std::filesystem::create_directory(source);
    EXPECT_EQ(error("PATCH", "/1.0/instances/c1",
                    R"({"devices":{"d":{"type":"disk","source":")" + source + R"(","path":"/mnt"}}})"),
              "ok");
    EXPECT_EQ(runtime().mounts_of("c1").size(), 1U);
    const auto config = get("/1.0/instances/c1")["config"].dump();
    EXPECT_EQ(error("PUT", "/1.0/instances/c1", R"({"profiles":["default"],"config":)" + config + "}"), "ok");
    EXPECT_TRUE(runtime().mounts_of("c1").empty());
}

TEST_F(InstancesTest, ARefusedChangeLeavesTheInstanceAsItWas) {
    make_instance("c1");
    const auto before = get("/1.0/instances/c1").dump();
    const std::pair<const char*, const char*> cases[] = {
        {R"({"config":{"nope":"1"}})", "500 Invalid config: Unknown configuration key: nope"},
        {R"({"config":{"limits.memory":"much"}})", "500 Invalid config"},
        {R"({"devices":{"d":{"type":"foo"}}})", "500 Invalid devices"},
        {R"({"devices":{"root":{"type":"none"}}})", "500 Invalid expanded devices"},
        {R"({"config":{"raw.lxc":"lxc.log.file = /etc/x"}})", "500 Invalid config"},
    };
    for (const auto& [body, expected] : cases) {
        const auto text = error("PATCH", "/1.0/instances/c1", body);
        EXPECT_TRUE(text.starts_with(expected)) << body << ": " << text;
    }
    EXPECT_EQ(get("/1.0/instances/c1").dump(), before);
}

TEST_F(InstancesTest, ListsCanBeFiltered) {
    make_instance("c1", R"(,"config":{"user.role":"web"})");
    make_instance("c2");
    EXPECT_EQ(get("/1.0/instances?filter=config.user.role eq web").dump(), R"(["/1.0/instances/c1"])");
    EXPECT_EQ(get("/1.0/instances?filter=name eq c2").dump(), R"(["/1.0/instances/c2"])");
}

TEST_F(InstancesTest, ACommandsOutputIsRecordedAndItsCodeReturned) {
    make_instance("c1");
    start("c1");
    const auto done = get("POST", "/1.0/instances/c1/exec",
                          R"({"command":["sh","-c","echo out; echo err >&2; exit 3"],"record-output":true})");
    EXPECT_EQ(done["metadata"]["return"].as_integer(), 3);
    EXPECT_EQ(body_of(ask("GET", done["metadata"]["output"]["1"].as_string())), "out\n");
    EXPECT_EQ(body_of(ask("GET", done["metadata"]["output"]["2"].as_string())), "err\n");
}

TEST_F(InstancesTest, ACommandThatIsNotThereFailsItsOperationWithLxdsWords) {
    make_instance("c1");
    start("c1");
    EXPECT_EQ(error("POST", "/1.0/instances/c1/exec", R"({"command":["sh","-c","exit 127"]})"),
              "operation: Command not found");
    EXPECT_EQ(error("POST", "/1.0/instances/c1/exec", R"({"command":["sh","-c","exit 126"]})"),
              "operation: Command not executable");
}

TEST_F(InstancesTest, CancellingACommandEndsIt) {
    make_instance("c1");
    start("c1");
    const auto answer =
        schema::Json::parse(body_of(ask("POST", "/1.0/instances/c1/exec", R"({"command":["sleep","1000"]})")));
    const auto url = answer["operation"].as_string();
    EXPECT_EQ(error("DELETE", url), "ok");
    EXPECT_EQ(get(url + "/wait")["status"].as_string(), "Cancelled");
}

TEST_F(InstancesTest, AProtectedInstanceIsNotDeleted) {
    make_instance("c1", R"(,"config":{"security.protection.delete":"true"})");
    EXPECT_EQ(error("DELETE", "/1.0/instances/c1"), "operation: Container is protected");
    EXPECT_EQ(status("c1"), "Stopped");
}

TEST_F(RebootTest, AStopThatComesMeanwhileStopsWhatTheRebootStarts) {
    EXPECT_EQ(status("c1"), "Starting");
    const auto stop = begin("PUT", "/1.0/instances/c1/state", R"({"action":"stop","force":true})");
    finish();
    EXPECT_EQ(result(stop), "");
    EXPECT_EQ(status("c1"), "Stopped");
    EXPECT_FALSE(runtime().find("c1"));
    EXPECT_EQ(error("DELETE", "/1.0/instances/c1"), "ok");
}

TEST_F(RebootTest, ADeletionThatComesMeanwhileFindsARunningInstance) {
    const auto deletion = begin("DELETE", "/1.0/instances/c1");
    finish();
    EXPECT_EQ(result(deletion), "Instance is running");
    EXPECT_EQ(status("c1"), "Running");
    EXPECT_TRUE(runtime().find("c1"));
}

TEST_F(RebootTest, AStartThatComesMeanwhileFindsARunningInstance) {
    const auto second = begin("PUT", "/1.0/instances/c1/state", R"({"action":"start"})");
    finish();
    EXPECT_EQ(result(second), "The instance is already running");
    EXPECT_TRUE(runtime().find("c1"));
}

TEST_F(RebootTest, OneThatFailsLeavesAStoppedInstance) {
    runtime().fail_next_start("no luck");
    const auto stop = begin("PUT", "/1.0/instances/c1/state", R"({"action":"stop","force":true})");
    finish();
    // The stop met the reboot, or came when it had failed already: both are right, and the end is the same.
    EXPECT_THAT(result(stop), testing::AnyOf("", "The instance is already stopped"));
    EXPECT_EQ(status("c1"), "Stopped");
    start("c1");
}

TEST_F(RebootTest, AShutdownWaitsForItAndStopsTheContainer) {
    auto shutdown = std::async(std::launch::async, [this] { rooms_->lifecycle.stop_for_shutdown(); });
    finish();
    shutdown.get();
    EXPECT_FALSE(runtime().find("c1"));
    EXPECT_EQ(get("/1.0/instances/c1")["config"]["volatile.last_state.power"].as_string(), "RUNNING");
}

TEST_F(InstancesTest, AnArchitectureThatNobodyKnowsChangesNothing) {
    make_instance("c1");
    get("PATCH", "/1.0/instances/c1", R"({"architecture":"nonsense","description":"words"})");
    const auto shown = get("/1.0/instances/c1");
    EXPECT_EQ(shown["architecture"].as_string(), "x86_64");
    EXPECT_EQ(shown["description"].as_string(), "words");
}

TEST_F(InstancesTest, ARenameWithoutANameKeepsIt) {
    make_instance("c1");
    EXPECT_EQ(error("POST", "/1.0/instances/c1", "{}"), "409 Name \"c1\" already in use");
}

TEST_F(InstancesTest, ARenameLeavesWhatTemplatesWaitFor) {
    const auto waiting = [this](const std::string& name) {
        return get("/1.0/instances/" + name)["config"]["volatile.apply_template"];
    };
    make_instance("c1");
    get("POST", "/1.0/instances/c1", R"({"name":"c2"})");
    EXPECT_EQ(waiting("c2"), schema::Json("create"));
    start("c2");
    EXPECT_TRUE(waiting("c2").is_null());
    change_state("c2", R"({"action":"stop","force":true})");
    get("POST", "/1.0/instances/c2", R"({"name":"c3"})");
    EXPECT_EQ(waiting("c3"), schema::Json("rename"));
}

TEST_F(InstancesTest, ACopyWithoutProfilesHasItsSources) {
    make_instance("c1", R"(,"config":{"user.a":"1","user.b":"2"})");
    get("POST", "/1.0/instances", R"({"name":"c2","config":{"user.a":""},"source":{"type":"copy","source":"c1"}})");
    const auto copy = get("/1.0/instances/c2");
    EXPECT_EQ(copy["profiles"], get("/1.0/instances/c1")["profiles"]);
    EXPECT_TRUE(copy["config"]["user.a"].is_null());
    EXPECT_EQ(copy["config"]["user.b"].as_string(), "2");
}

TEST_F(InstancesTest, NothingIsStartedOnceTheDaemonShutsDown) {
    make_instance("c1");
    rooms_->lifecycle.stop_for_shutdown();
    EXPECT_EQ(error("PUT", "/1.0/instances/c1/state", R"({"action":"start"})"),
              "operation: Failed starting instance \"c1\": the daemon is shutting down");
}

TEST_F(InstancesTest, AnOrderThatWaitedForARemovedInstanceDoesNothing) {
    make_instance("c1");
    const auto instance = rooms_->instances.get("c1");
    std::string start;
    {
        const std::scoped_lock lock(instance->change_lock());
        start = begin("PUT", "/1.0/instances/c1/state", R"({"action":"start"})");
        rooms_->instances.remove("c1");
    }
    EXPECT_EQ(result(start), "Instance not found");
    EXPECT_FALSE(runtime().find("c1"));
}

TEST_F(InstancesTest, AStopThatWaitsForEverDoesNotKeepTheDaemonFromEnding) {
    make_instance("c1");
    start("c1");
    runtime().ignore_shutdown(true);
    begin("PUT", "/1.0/instances/c1/state", R"({"action":"stop","timeout":-1})");
    restart();
    EXPECT_EQ(status("c1"), "Running");
}

TEST_F(InstancesTest, TheDaemonsFolderIsLedThroughThoughItWasThereBefore) {
    const auto folder = folder_ / "var";
    rooms_.reset();
    ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
    restart();
    struct stat status{};
    ASSERT_EQ(::stat(folder.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0711U);
}
