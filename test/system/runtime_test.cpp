// The liblxc runtime and lxd-runner against the real liblxc, privileged and unprivileged. Needs root; exits 77 without.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/files.h"

#include "schema/error.h"
#include "test/system/box.h"

namespace {

using box::Box;

/// Cgroups named after a container that still exist.
std::string cgroups_of(const std::string& name) {
    std::string found;
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup"))
        if (hierarchy.is_directory())
            for (const auto& entry : std::filesystem::directory_iterator(hierarchy))
                if (entry.path().filename().string().find(name) != std::string::npos)
                    found += entry.path().string() + "\n";
    return found;
}

bool run_ip(std::vector<std::string> arguments) {
    base::Command command;
    command.argv = std::move(arguments);
    command.argv.insert(command.argv.begin(), "ip");
    return base::run(command).exit.ok();
}

class RuntimeTest : public testing::TestWithParam<bool> {
protected:
    /// Until init has set its signals up, it takes none.
    void await_init() {
        while (box.run({"sh", "-c", "grep -q '^SigCgt:.*[1-9a-f]' /proc/1/status && [ $(hostname) = box ]"}).code !=
               0) {
        }
    }
    bool await_stop() {
        const auto running = box.runtime().find(box.name());
        return !running || box::await_end(running->monitor_pid);
    }

    Box box{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Both, RuntimeTest, testing::Bool(), [](const auto& parameter) {
    return std::string(parameter.param ? "Privileged" : "Unprivileged");
});

TEST_P(RuntimeTest, AStartedContainerIsFoundAndAKilledOneIsNot) {
    EXPECT_FALSE(box.runtime().find(box.name()));
    const auto started = box.start();
    const auto found = box.runtime().find(box.name()).value_or(instance::Running());
    EXPECT_EQ(found.state, instance::RunState::running);
    EXPECT_EQ(found.init_pid, started.init_pid);
    EXPECT_EQ(found.monitor_pid, started.monitor_pid);
    box.runtime().kill(box.name());
    EXPECT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_FALSE(box.runtime().find(box.name()));
    EXPECT_EQ(box.runtime().stop_target(box.name()), "stop");
}

TEST_P(RuntimeTest, WhoIsOnHisWayIntoADeadContainerDoesNotKeepItsCgroups) {
    const auto started = box.start();
    ASSERT_FALSE(started.cgroups.empty());
    const auto intruder = ::fork();
    if (intruder == 0)
        for (;;) ::pause();
    for (const auto& folder : started.cgroups) {
        // A place of their own, as on cgroup v2 nobody may be where there are others below.
        const auto place = folder + "/intruder";
        ASSERT_EQ(::mkdir(place.c_str(), 0755), 0) << place;
        if (folder.find("cpuset") == std::string::npos) // which has to be given CPUs first
            base::write_file(place + "/cgroup.procs", std::to_string(intruder));
    }
    box.runtime().kill(box.name());
    EXPECT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_TRUE(std::ranges::any_of(started.cgroups, base::exists)) << "liblxc ended it";
    box.runtime().clear_cgroups(box.name(), started.cgroups);
    EXPECT_TRUE(std::ranges::none_of(started.cgroups, base::exists));
    int status = 0;
    EXPECT_EQ(::waitpid(intruder, &status, 0), intruder);
    EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_P(RuntimeTest, WhileAContainerEndsItsMonitorIsFound) {
    const auto gate = box.paths().var + "/gate";
    ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
    auto items = box.items();
    items.push_back({"lxc.hook.post-stop", "/bin/cat " + gate});
    const auto started = box.runtime().start(box.name(), items, {});
    ::kill(started.init_pid, SIGKILL);
    {
        const base::Fd writer(::open(gate.c_str(), O_WRONLY | O_CLOEXEC)); // once the hook reads
        const auto found = box.runtime().find(box.name());
        EXPECT_TRUE(found && found->monitor_pid == started.monitor_pid);
    }
    EXPECT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_FALSE(box.runtime().find(box.name()));
}

TEST_P(RuntimeTest, ExitCodesArriveAsLxdHasThem) {
    box.start();
    EXPECT_EQ(box.run({"true"}).code, 0);
    EXPECT_EQ(box.run({"sh", "-c", "exit 42"}).code, 42);
    EXPECT_EQ(box.run({"sh", "-c", "kill -9 $$"}).code, 137);
    EXPECT_EQ(box.run({"nosuch"}).code, 127);
    EXPECT_EQ(box.run({"/etc/passwd"}).code, 126);
}

TEST_P(RuntimeTest, AFailedStartSaysWhyAndLeavesNothing) {
    ASSERT_EQ(::unlink(box.path("/sbin/init").c_str()), 0);
    try {
        box.start();
        FAIL() << "it started";
    } catch (const schema::Error& error) {
        EXPECT_EQ(error.kind(), schema::ErrorKind::internal);
        EXPECT_NE(std::string(error.what()).find("No such file or directory - Failed to exec \"/sbin/init\""),
                  std::string::npos)
            << error.what();
    }
    EXPECT_FALSE(box.runtime().find(box.name()));
    EXPECT_EQ(cgroups_of(box.name()), "");
}

TEST_P(RuntimeTest, AnItemThatLiblxcRefusesFailsTheStartWithItsWords) {
    auto items = box.items();
    items.push_back({"lxc.idmap", "sideways"});
    EXPECT_THROW(box.runtime().start(box.name(), items, {}), schema::Error);
    items.back() = {"lxc.environment", "A=1\nlxc.hook.pre-start = /bin/false"};
    EXPECT_THROW(box.runtime().start(box.name(), items, {}), schema::Error);
}

TEST_P(RuntimeTest, CheckNamesTheItemThatLiblxcDoesNotTake) {
    box.runtime().check(box.items());
    const auto refused = [&](const instance::LxcItem& item) {
        try {
            box.runtime().check({{"lxc.uts.name", "a"}, item});
        } catch (const schema::Error& error) {
            return error.kind() == schema::ErrorKind::bad_request ? std::string(error.what()) : "another kind";
        }
        return std::string("nothing was refused");
    };
    EXPECT_EQ(refused({"lxc.nosuch", "1"}), "liblxc does not take the item \"lxc.nosuch = 1\"");
    EXPECT_EQ(refused({"lxc.idmap", "x"}), "liblxc does not take the item \"lxc.idmap = x\"");
}

TEST_P(RuntimeTest, ACommandGetsItsEnvironmentAndNothingOfTheDaemons) {
    box.start();
    ::setenv("LXD_SECRET", "1", 1);
    instance::ExecRequest request;
    request.environment = {{"PATH", "/bin"}, {"A", "b c"}};
    auto lines = box.run({"env"}, request).out;
    EXPECT_NE(lines.find("A=b c\n"), std::string::npos);
    EXPECT_NE(lines.find("container=lxc\n"), std::string::npos);
    EXPECT_EQ(lines.find("LXD_"), std::string::npos);
    EXPECT_EQ(std::ranges::count(lines, '\n'), 3) << lines;
}

TEST_P(RuntimeTest, ACommandRunsAsTheUserAndInTheFolderThatWereAskedFor) {
    box.start();
    instance::ExecRequest request;
    request.uid = 1000;
    request.gid = 1001;
    request.cwd = "/home";
    EXPECT_EQ(box.run({"sh", "-c", "id -u; id -g; id -G; pwd"}, request).out, "1000\n1001\n1001\n/home\n");
    EXPECT_EQ(box.run({"sh", "-c", "id -u; pwd"}).out, "0\n/\n");
    EXPECT_EQ(box.run({"cat", "/proc/self/cgroup"}).out.find("/lxc.monitor"), std::string::npos);
}

TEST_P(RuntimeTest, ACommandHasNoDescriptorsButItsThree) {
    box.start();
    // 3 is the folder that ls itself reads.
    EXPECT_EQ(box.run({"ls", "/proc/self/fd"}).out, "0\n1\n2\n3\n");
}

TEST_P(RuntimeTest, SignalsReachTheCommand) {
    box.start();
    auto out = base::make_pipe();
    instance::ExecRequest request;
    request.command = {"/bin/sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 1; done"};
    request.environment = {{"PATH", "/bin"}};
    request.fds[1] = out.write_end.get();
    auto session = box.runtime().exec(box.name(), request);
    session->go();
    out.write_end.reset();
    char ready[6];
    ASSERT_EQ(::read(out.read_end.get(), ready, sizeof ready), 6);
    session->signal(SIGTERM);
    EXPECT_EQ(session->wait(), 7);
    session->signal(SIGKILL); // ended: nothing happens
    EXPECT_EQ(session->wait(), 7);
}

TEST_P(RuntimeTest, LettingGoOfASessionEndsItsCommand) {
    box.start();
    auto out = base::make_pipe();
    instance::ExecRequest request;
    request.command = {"/bin/sleep", "1000"};
    request.fds[1] = out.write_end.get();
    auto session = box.runtime().exec(box.name(), request);
    session->go();
    out.write_end.reset();
    session.reset();
    EXPECT_EQ(base::read_to_end(out.read_end.get()), ""); // its end is what ends this
}

TEST_P(RuntimeTest, ExecInAStoppedContainerFails) {
    instance::ExecRequest request;
    request.command = {"true"};
    EXPECT_THROW(box.runtime().exec(box.name(), request)->go(), std::exception);
}

TEST_P(RuntimeTest, APseudoTerminalBecomesTheControllingOne) {
    box.start();
    int master = -1;
    int slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    const base::Fd ours(master);
    base::Fd theirs(slave);
    instance::ExecRequest request;
    request.command = {"/bin/sh", "-c", "tty >/dev/null; exec 3</dev/tty && echo controlling; stty size; cat"};
    request.environment = {{"PATH", "/bin"}};
    request.terminal = true;
    for (int& fd : request.fds) fd = theirs.get();
    winsize size{40, 100, 0, 0};
    ::ioctl(ours.get(), TIOCSWINSZ, &size);
    auto session = box.runtime().exec(box.name(), request);
    session->go();
    theirs.reset();
    std::string seen;
    char buffer[256];
    while (seen.find("40 100") == std::string::npos) {
        const auto count = ::read(ours.get(), buffer, sizeof buffer);
        ASSERT_GT(count, 0) << seen;
        seen.append(buffer, static_cast<size_t>(count));
    }
    EXPECT_NE(seen.find("controlling"), std::string::npos) << seen;
    base::write_all(ours.get(), "\x03"); // Ctrl-C reaches the foreground job
    EXPECT_EQ(session->wait(), 130);
}

TEST_P(RuntimeTest, AQuarterGigabytePassesThroughACommand) {
    box.start();
    auto in = base::make_pipe();
    auto out = base::make_pipe();
    instance::ExecRequest request;
    request.command = {"/bin/cat"};
    request.fds[0] = in.read_end.get();
    request.fds[1] = out.write_end.get();
    auto session = box.runtime().exec(box.name(), request);
    session->go();
    in.read_end.reset();
    out.write_end.reset();
    const std::string piece(1U << 20U, 'x');
    std::thread sender([&] {
        for (int count = 0; count < 256; ++count) base::write_all(in.write_end.get(), piece);
        in.write_end.reset();
    });
    size_t total = 0;
    std::string buffer(1U << 16U, '\0');
    for (auto count = ::read(out.read_end.get(), buffer.data(), buffer.size()); count > 0;
         count = ::read(out.read_end.get(), buffer.data(), buffer.size()))
        total += static_cast<size_t>(count);
    sender.join();
    EXPECT_EQ(total, 256U << 20U);
    EXPECT_EQ(session->wait(), 0);
}

TEST_P(RuntimeTest, AFrozenContainerIsSeenAndThawed) {
    box.start();
    box.runtime().freeze(box.name());
    EXPECT_EQ(box.runtime().find(box.name()).value_or(instance::Running()).state, instance::RunState::frozen);
    box.runtime().unfreeze(box.name());
    EXPECT_EQ(box.runtime().find(box.name()).value_or(instance::Running()).state, instance::RunState::running);
    EXPECT_EQ(box.run({"true"}).code, 0);
}

TEST_P(RuntimeTest, KillingIsQuickEvenWhenFrozen) {
    for (const bool frozen : {false, true}) {
        const auto started = box.start();
        if (frozen) box.runtime().freeze(box.name());
        const auto begin = std::chrono::steady_clock::now();
        box.runtime().kill(box.name());
        const auto taken = std::chrono::steady_clock::now() - begin;
        EXPECT_LT(taken, std::chrono::milliseconds(500));
        EXPECT_TRUE(box::await_end(started.monitor_pid));
        EXPECT_EQ(cgroups_of(box.name()), "");
    }
}

TEST_P(RuntimeTest, AContainerFrozenBehindOurBackIsKilled) {
    box.start();
    const bool v1 = box.runtime().get_cgroup(box.name(), "freezer.state").has_value();
    box.runtime().set_cgroup(box.name(), v1 ? "freezer.state" : "cgroup.freeze", v1 ? "FROZEN" : "1");
    box.runtime().kill(box.name());
    EXPECT_TRUE(await_stop());
}

TEST_P(RuntimeTest, ARebootFromInsideIsLeftToTheDaemon) {
    const auto started = box.start();
    await_init();
    box.run({"reboot"});
    ASSERT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_FALSE(box.runtime().find(box.name()));
    EXPECT_EQ(box.runtime().stop_target(box.name()), "reboot");
    EXPECT_EQ(box.runtime().stop_target(box.name()), ""); // it was read
    EXPECT_EQ(box.start().init_pid > 0, true);
}

TEST_P(RuntimeTest, TheSignalsOfTheConfigurationHaltAndReboot) {
    auto started = box.start();
    await_init();
    box.runtime().request_shutdown(box.name());
    ASSERT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_EQ(box.runtime().stop_target(box.name()), "stop");
    started = box.start();
    await_init();
    box.runtime().request_reboot(box.name());
    ASSERT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_EQ(box.runtime().stop_target(box.name()), "reboot");
}

TEST_P(RuntimeTest, TheMonitorKeepsNothingOfItsStarter) {
    const base::Fd kept(::open("/etc/hostname", O_RDONLY)); // not close-on-exec, on purpose
    ::setenv("LISTEN_FDS", "5", 1);
    const auto started = box.start();
    ::unsetenv("LISTEN_FDS");
    const auto folder = fmt::format("/proc/{}/", started.monitor_pid);
    for (const auto& entry : std::filesystem::directory_iterator(folder + "fd")) {
        std::error_code closed; // meanwhile: it is at work
        const auto target = std::filesystem::read_symlink(entry, closed).string();
        EXPECT_NE(target, "/etc/hostname");
        EXPECT_EQ(target.find("pipe:"), std::string::npos) << target;
    }
    EXPECT_EQ(::getsid(started.monitor_pid), started.monitor_pid);
    EXPECT_EQ(base::read_file(folder + "environ").find("LXD_RUNNER"), std::string::npos);
}

TEST_P(RuntimeTest, AContainerOutlivesTheProcessThatStartedIt) {
    const auto child = ::fork();
    if (child == 0) {
        box.start();
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_GT(box.runtime().find(box.name()).value_or(instance::Running()).monitor_pid, 1);
    EXPECT_EQ(box.run({"true"}).code, 0);
}

TEST_P(RuntimeTest, CgroupItemsAreWrittenAndRead) {
    box.start();
    const auto* const item = box.runtime().get_cgroup(box.name(), "pids.max") ? "pids.max" : "cgroup.max.depth";
    box.runtime().set_cgroup(box.name(), item, "300");
    EXPECT_EQ(box.runtime().get_cgroup(box.name(), item), "300");
    EXPECT_EQ(box.runtime().get_cgroup(box.name(), "nosuch.item"), std::nullopt);
    EXPECT_THROW(box.runtime().set_cgroup(box.name(), item, "no number"), schema::Error);
}

TEST_P(RuntimeTest, AFolderIsMountedInARunningContainerAndTakenAway) {
    const auto source = box.paths().var + "/shared";
    base::make_dir(source, 0755);
    base::write_file(source + "/file", "shared\n", 0644);
    box.start();
    box.runtime().attach_mount(box.name(), {.source = source, .target = "/mnt/deep/er", .idmapped = true});
    EXPECT_EQ(box.run({"cat", "/mnt/deep/er/file"}).out, "shared\n");
    EXPECT_EQ(box.run({"stat", "-c", "%u", "/mnt/deep/er/file"}).out, "0\n");
    EXPECT_EQ(box.run({"touch", "/mnt/deep/er/made"}).code, 0);
    struct stat made{};
    ASSERT_EQ(::stat((source + "/made").c_str(), &made), 0);
    EXPECT_EQ(made.st_uid, 0U);
    box.runtime().detach_mount(box.name(), "/mnt/deep/er");
    EXPECT_NE(box.run({"test", "-e", "/mnt/deep/er"}).code, 0);
    EXPECT_NO_THROW(box.runtime().detach_mount(box.name(), "/mnt/deep/er"));
}

TEST_P(RuntimeTest, AReadOnlyMountOfAFileIsReadOnlyAndStaysInside) {
    const auto source = box.paths().var + "/one";
    base::write_file(source, "one\n", 0644);
    ASSERT_EQ(::symlink("../../../../tmp", box.path("/mnt/out").c_str()), 0);
    box.start();
    box.runtime().attach_mount(box.name(), {.source = source, .target = "/mnt/out/one", .read_only = true});
    EXPECT_EQ(box.run({"cat", "/tmp/one"}).out, "one\n");
    EXPECT_NE(box.run({"sh", "-c", "echo two > /tmp/one"}).code, 0);
    EXPECT_FALSE(base::exists("/tmp/one"));
    EXPECT_THROW(box.runtime().attach_mount(box.name(), {.source = "/nosuch", .target = "/mnt/x"}), schema::Error);
}

TEST_P(RuntimeTest, AnInterfaceIsMovedInAndBack) {
    const std::string outside = "outside0";
    ASSERT_TRUE(run_ip({"link", "add", outside, "type", "veth", "peer", "name", "outside1"}));
    box.start();
    box.runtime().attach_interface(box.name(), outside, "eth7");
    EXPECT_FALSE(run_ip({"link", "show", outside}));
    EXPECT_EQ(box.run({"ip", "link", "show", "eth7"}).code, 0);
    box.runtime().detach_interface(box.name(), "eth7", outside);
    EXPECT_TRUE(run_ip({"link", "show", outside}));
    EXPECT_NE(box.run({"ip", "link", "show", "eth7"}).code, 0);
    EXPECT_THROW(box.runtime().attach_interface(box.name(), "nosuch0", "eth8"), schema::Error);
    EXPECT_TRUE(run_ip({"link", "del", outside}));
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (const auto reason = box::missing(); !reason.empty()) {
        std::printf("skipped: %s\n", reason.c_str());
        return 77;
    }
    // Interfaces and command sockets of the tests are nobody else's business.
    if (::unshare(CLONE_NEWNET) < 0) {
        std::printf("skipped: no network namespace can be made\n");
        return 77;
    }
    return RUN_ALL_TESTS();
}
