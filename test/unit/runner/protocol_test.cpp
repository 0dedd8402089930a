// The pure parts of lxd-runner: liblxc's log, and the protocols that it shares with the daemon.

#include <gtest/gtest.h>

#include "daemon/base/fd.h"
#include "daemon/runner/cgroup_tree.h"
#include "daemon/runner/exec_request.h"
#include "daemon/runner/files.h"
#include "daemon/runner/frame.h"
#include "daemon/runner/listener.h"
#include "daemon/runner/lxc_log.h"
#include "daemon/runner/paths.h"
#include "daemon/runner/serve.h"

namespace {

TEST(LxcLog, KeepsTheWordsOfErrorLines) {
    constexpr std::string_view log =
        "lxc c1 20261122004109.441 WARN     cgfsng - ../src/lxc/cgroups/cgfsng.c:fchowmodat:1619 - No such file\n"
        "lxc c1 20261122004109.446 ERROR    start - ../src/lxc/start.c:start:2197 - No such file or directory - Failed "
        "to exec \"/sbin/init\"\n"
        "lxc c1 20261122004109.447 ERROR    start - ../src/lxc/start.c:__lxc_start:2107 - Failed to spawn container\n"
        "an ERROR of another form";
    EXPECT_EQ(runner::error_messages(log), "No such file or directory - Failed to exec \"/sbin/init\"\n"
                                           "Failed to spawn container\n"
                                           "an ERROR of another form");
    EXPECT_EQ(runner::error_messages(""), "");
}

TEST(CgroupTree, FindsTheCgroupThatLiblxcMade) {
    const auto payload = [](std::string_view path) { return runner::payload_of(path, "c1"); };
    EXPECT_EQ(payload("/lxc.payload.c1"), "/lxc.payload.c1");
    EXPECT_EQ(payload("/system.slice/lxd.service/lxc.payload.c1-12/init.scope"),
              "/system.slice/lxd.service/lxc.payload.c1-12");
    EXPECT_EQ(payload("/lxc.payload.c1-x/lxc.payload.c1/a"), "/lxc.payload.c1-x/lxc.payload.c1");
    EXPECT_EQ(payload("/lxc.payload.c12"), "");
    EXPECT_EQ(payload("/lxc.payload.c1-"), "");
    EXPECT_EQ(payload("/"), "");
}

TEST(Listener, APolicyWithoutItKeepsAllOtherRules) {
    EXPECT_EQ(runner::without_listener("2\ndenylist\n[all]\nmknod notify [1,8192,SCMP_CMP_MASKED_EQ,61440]\n"
                                       "kexec_load errno 38\n  mount\tnotify\nnotify errno 1\n"),
              "2\ndenylist\n[all]\nkexec_load errno 38\nnotify errno 1\n");
}

TEST(ServeRequest, ComesBackAsItWasSent) {
    const auto request =
        runner::decode_serve_request(runner::encode_serve_request({"mount", "", "a\nb"}, {{40, 3}, {41, 12}}));
    EXPECT_EQ(request.arguments, (std::vector<std::string>{"mount", "", "a\nb"}));
    EXPECT_EQ(request.targets, (std::vector<int>{3, 12}));
    EXPECT_EQ(runner::decode_serve_request(runner::encode_serve_request({"files"}, {})).targets.size(), 0U);
    EXPECT_TRUE(runner::decode_serve_request("").arguments.empty());
}

TEST(ExecRequest, ComesBackAsItWasSent) {
    runner::ExecRequest request;
    request.command = {"sh", "-c", "echo \"\n\""};
    request.environment = {"A=\u00fc", "B="};
    request.cwd = "/home";
    request.uid = 4294967294U;
    request.gid = 7;
    request.terminal = true;
    const auto again = runner::decode_exec_request(runner::encode(request));
    EXPECT_EQ(again.command, request.command);
    EXPECT_EQ(again.environment, request.environment);
    EXPECT_EQ(again.cwd, request.cwd);
    EXPECT_EQ(again.uid, request.uid);
    EXPECT_EQ(again.gid, request.gid);
    EXPECT_TRUE(again.terminal);
}

TEST(FilesProtocol, ComesBackAsItWasSent) {
    runner::FilesRequest request;
    request.verb = "put";
    request.path = "/a b\xff";
    request.uid = 1000;
    request.append = true;
    const auto asked = runner::decode_files_request(runner::encode(request));
    EXPECT_EQ(asked.path, request.path);
    EXPECT_EQ(asked.uid, 1000);
    EXPECT_EQ(asked.mode, -1);
    EXPECT_TRUE(asked.append);
    runner::FilesReply reply;
    reply.error = 2;
    reply.size = 1LL << 40U;
    reply.names = {"x", "\xc3\xa4", "\xe4"};
    const auto answered = runner::decode_files_reply(runner::encode(reply));
    EXPECT_EQ(answered.error, 2);
    EXPECT_EQ(answered.size, reply.size);
    EXPECT_EQ(answered.names, reply.names);
}

TEST(Frame, EndsAndLimitsAreNoticed) {
    auto pipe = base::make_pipe();
    base::write_all(pipe.write_end.get(), runner::framed("abc") + runner::framed("") + runner::framed("12345"));
    EXPECT_EQ(runner::read_frame(pipe.read_end.get(), 4), "abc");
    EXPECT_EQ(runner::read_frame(pipe.read_end.get(), 4), "");
    EXPECT_THROW(runner::read_frame(pipe.read_end.get(), 4), std::system_error);
    pipe = base::make_pipe();
    base::write_all(pipe.write_end.get(), runner::framed("cut off").substr(0, 6));
    pipe.write_end.reset();
    EXPECT_EQ(runner::read_frame(pipe.read_end.get(), 10), std::nullopt);
}

TEST(Paths, AreMadeAbsolute) {
    EXPECT_EQ(runner::absolute("a/b/"), "/a/b");
    EXPECT_EQ(runner::absolute("/a//"), "/a");
    EXPECT_EQ(runner::absolute(""), "/");
    EXPECT_EQ(runner::absolute("/"), "/");
}

} // namespace
