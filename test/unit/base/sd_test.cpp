#include "daemon/base/sd.h"

#include <cstdlib>
#include <functional>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "daemon/base/process.h"
#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

/// Runs a part in a process of its own, which alone may have its environment and low descriptors changed.
int in_child(const std::function<int()>& part) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(part());
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
    return info.si_status;
}

TEST(SdTest, InheritedSocketsAreTakenAndTheirVariablesGo) {
    EXPECT_EQ(in_child([] {
                  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
                  ::dup2(socket, 3);
                  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
                  ::setenv("LISTEN_FDS", "1", 1);
                  const auto sockets = inherited_sockets();
                  const bool taken = sockets.size() == 1 && sockets[0].get() == 3;
                  const bool closes = (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0;
                  const bool gone = std::getenv("LISTEN_FDS") == nullptr && std::getenv("LISTEN_PID") == nullptr;
                  return taken && closes && gone ? 0 : 1;
              }),
              0);
}

TEST(SdTest, WithoutAServiceManagerThereAreNone) {
    EXPECT_EQ(in_child([] {
                  ::unsetenv("LISTEN_FDS");
                  return static_cast<int>(inherited_sockets().size());
              }),
              0);
}

TEST(SdTest, ReadinessIsToldOnceAndTheVariableGoes) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() + "/notify";
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(in_child([&] {
                  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
                  notify_ready();
                  return std::getenv("NOTIFY_SOCKET") == nullptr ? 0 : 1;
              }),
              0);
    char text[64];
    const auto count = ::recv(socket.get(), text, sizeof text, MSG_DONTWAIT);
    EXPECT_EQ(std::string(text, static_cast<size_t>(count > 0 ? count : 0)), "READY=1");
}

} // namespace
} // namespace base
