#include "daemon/base/process.h"

#include <csignal>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "daemon/base/files.h"
#include "schema/error.h"

namespace base {
namespace {

Command shell(const std::string& script) {
    return {.argv = {"/bin/sh", "-c", script}};
}

TEST(ProcessTest, OutputAndErrorAreCollectedApart) {
    const auto output = run(shell("echo one; echo two >&2"));
    EXPECT_EQ(output.out, "one\n");
    EXPECT_EQ(output.err, "two\n");
    EXPECT_TRUE(output.exit.ok());
}

TEST(ProcessTest, ExitCodesAndSignalsAreTold) {
    EXPECT_EQ(run(shell("exit 7")).exit.code, 7);
    EXPECT_EQ(run(shell("kill -TERM $$")).exit.code, 128 + SIGTERM);
}

TEST(ProcessTest, WaitingTwiceGivesTheSame) {
    auto process = Process::spawn(shell("exit 3"));
    EXPECT_EQ(process.wait().code, 3);
    EXPECT_EQ(process.wait().code, 3);
}

TEST(ProcessTest, AMissingProgramIsAnErrorThatNamesIt) {
    try {
        Process::spawn({.argv = {"no-such-program-here"}});
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_NE(std::string(error.what()).find("no-such-program-here"), std::string::npos);
    }
}

TEST(ProcessTest, NoOtherDescriptorReachesTheChild) {
    const Fd leak(::open("/dev/null", O_RDONLY)); // no O_CLOEXEC, as libraries do
    const auto high = ::fcntl(leak.get(), F_DUPFD, 200);
    const auto output = run({.argv = {"/bin/ls", "/proc/self/fd"}});
    ::close(high);
    EXPECT_EQ(output.out, "0\n1\n2\n3\n"); // 3 is ls reading the folder
}

TEST(ProcessTest, SwappedDescriptorsArriveWhereTheyAreMeant) {
    auto first = make_pipe();
    auto second = make_pipe();
    const int a = first.write_end.get();
    const int b = second.write_end.get();
    auto command = shell(fmt::format("echo to-b >&{}; echo to-a >&{}", a, b));
    command.fds = {{a, b}, {b, a}};
    auto process = Process::spawn(command);
    EXPECT_EQ(process.wait().code, 0);
    first.write_end.reset();
    second.write_end.reset();
    EXPECT_EQ(read_to_end(first.read_end.get()), "to-a\n");
    EXPECT_EQ(read_to_end(second.read_end.get()), "to-b\n");
}

TEST(ProcessTest, OneDescriptorMayHaveSeveralNumbers) {
    auto pipe = make_pipe();
    auto command = shell("echo x; echo y >&2; echo z >&5");
    command.fds = {{pipe.write_end.get(), 1}, {pipe.write_end.get(), 2}, {pipe.write_end.get(), 5}};
    Process::spawn(command).wait();
    pipe.write_end.reset();
    EXPECT_EQ(read_to_end(pipe.read_end.get()), "x\ny\nz\n");
}

TEST(ProcessTest, BlockedAndIgnoredSignalsAreNotInherited) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto old = ::signal(SIGPIPE, SIG_IGN);
    const auto status = run({.argv = {"/bin/cat", "/proc/self/status"}}).out;
    ::signal(SIGPIPE, old);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
    // glibc itself ignores its two internal signals, 32 and 33, in what it spawns.
    const auto ignored = std::stoul(status.substr(status.find("SigIgn:") + 8), nullptr, 16);
    EXPECT_EQ(ignored & 0x7fffffffU, 0U);
}

TEST(ProcessTest, TheChildLeadsAGroupOrASession) {
    // Fields 1, 5 and 6 of stat: pid, process group, session.
    const std::string print = "read -r pid name state parent group session rest </proc/self/stat; "
                              "echo $((pid == group)) $((pid == session))";
    EXPECT_EQ(run(shell(print)).out, "1 0\n");
    auto command = shell(print);
    command.new_session = true;
    EXPECT_EQ(run(command).out, "1 1\n");
}

TEST(ProcessTest, FolderAndEnvironmentAreAsAsked) {
    auto command = shell("pwd; env | grep -c . ; echo $NAME");
    command.directory = "/usr";
    command.environment = {"NAME=value", "PWD=/usr", "PATH=/usr/bin:/bin"};
    const auto out = run(command).out;
    EXPECT_EQ(out.substr(0, 5), "/usr\n");
    EXPECT_NE(out.find("value\n"), std::string::npos);
    EXPECT_EQ(run(shell("pwd")).out, "/\n");
}

TEST(ProcessTest, CancellingKillsTheProgramAndWhatItStarted) {
    auto pipe = make_pipe();
    auto command = shell("sleep 1000 & echo started >&5; wait");
    command.fds = {{pipe.write_end.get(), 5}};
    CancelToken token;
    std::thread canceller([&] {
        char byte = 0;
        EXPECT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
        token.cancel();
    });
    EXPECT_THROW(run(command, token), schema::Error);
    canceller.join();
    pipe.write_end.reset();
    EXPECT_EQ(read_to_end(pipe.read_end.get()), "tarted\n"); // ends: nobody holds the pipe any more
}

TEST(ProcessTest, ACancelledTokenStartsNothing) {
    const CancelToken token;
    auto copy = token;
    copy.cancel();
    EXPECT_THROW(run(shell("true"), token), schema::Error);
}

TEST(ProcessTest, RunDoesNotWaitForADaemonLeftBehind) {
    auto pipe = make_pipe(); // ends the daemon at the end of this test
    auto command = shell("(read line <&5) & echo done");
    command.fds = {{pipe.read_end.get(), 5}};
    EXPECT_EQ(run(command).out, "done\n");
}

TEST(ProcessTest, DestroyingARunningProcessEndsIt) {
    pid_t pid = 0;
    {
        const auto process = Process::spawn({.argv = {"sleep", "1000"}});
        pid = process.pid();
        EXPECT_EQ(::kill(pid, 0), 0);
    }
    EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ProcessTest, ThePidfdIsReadableWhenTheProcessHasEnded) {
    auto process = Process::spawn({.argv = {"true"}});
    pollfd poller{process.pidfd(), POLLIN, 0};
    EXPECT_EQ(::poll(&poller, 1, 10000), 1);
    EXPECT_TRUE(process.wait().ok());
}

TEST(ProcessTest, OneThreadSignalsWhatAnotherWaitsFor) {
    auto process = Process::spawn({.argv = {"sleep", "1000"}});
    std::thread waiter([&] { EXPECT_EQ(process.wait().code, 128 + SIGTERM); });
    process.kill(SIGTERM);
    waiter.join();
    process.kill(SIGKILL); // nobody's by now: nothing happens
    process.kill_group(SIGKILL);
}

TEST(ProcessTest, AFailureTellsProgramAndLastLines) {
    try {
        run_or_throw(shell("echo first >&2; echo why >&2; exit 2"));
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_EQ(error.kind(), schema::ErrorKind::internal);
        const std::string text = error.what();
        EXPECT_NE(text.find("/bin/sh"), std::string::npos);
        EXPECT_NE(text.find("exit status 2"), std::string::npos);
        EXPECT_NE(text.find("why"), std::string::npos);
    }
}

TEST(ProcessTest, TooMuchOutputIsAnErrorAndLongErrorsKeepTheirEnd) {
    EXPECT_THROW(run({.argv = {"head", "-c", "17000000", "/dev/zero"}}), schema::Error);
    const auto output = run(shell("head -c 300000 /dev/zero >&2; echo end >&2"));
    EXPECT_EQ(output.err.size(), 64U << 10U);
    EXPECT_EQ(output.err.substr(output.err.size() - 4), "end\n");
}

TEST(ProcessTest, ProgramsAreFoundInPath) {
    EXPECT_EQ(find_program("sh").substr(0, 1), "/");
    EXPECT_EQ(find_program("no-such-program-here"), "");
}

} // namespace
} // namespace base
