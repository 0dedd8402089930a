#include "daemon/base/pid_namespace.h"

#include <cerrno>
#include <system_error>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

/// A listening socket, and a process that connects to it from so many namespaces below ours and stays.
class PeerTest : public ::testing::Test {
protected:
    PeerTest() {
        address_.sun_family = AF_UNIX;
        (folder_.path() + "/sock").copy(address_.sun_path, sizeof address_.sun_path - 1);
        listener_ = checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0 ||
            ::listen(listener_.get(), 1) != 0)
            throw std::system_error(errno, std::generic_category(), "listening");
    }
    ~PeerTest() override { end_peer(); }

    void end_peer() {
        hold_.write_end.reset();
        if (child_ > 0) ::waitpid(child_, nullptr, 0);
        child_ = 0;
    }

    /// False where this user may make no namespaces.
    bool accept_from(int depth) {
        hold_ = make_pipe();
        auto ready = make_pipe();
        child_ = ::fork();
        if (child_ == 0) {
            hold_.write_end.reset();
            ::_exit(connect_from(depth, ready.write_end.get()));
        }
        ready.write_end.reset();
        char byte = 0;
        if (::read(ready.read_end.get(), &byte, 1) != 1) return false;
        accepted_ = checked(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept");
        return true;
    }

    int connect_from(int depth, int ready) {
        for (; depth > 0; --depth) {
            const int flags = CLONE_NEWPID | (::geteuid() == 0 ? 0 : CLONE_NEWUSER);
            if (::unshare(flags) != 0) return 1;
            const pid_t inner = ::fork();
            if (inner != 0) {
                ::waitpid(inner, nullptr, 0);
                return 0;
            }
        }
        const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) return 1;
        char byte = 1;
        if (::write(ready, &byte, 1) != 1) return 1;
        return static_cast<int>(::read(hold_.read_end.get(), &byte, 1)); // until the test is done
    }

    test::TemporaryFolder folder_;
    sockaddr_un address_{};
    Fd listener_;
    Pipe hold_;
    pid_t child_ = 0;
    Fd accepted_;
};

TEST_F(PeerTest, OneOfOurOwnNamespaceHasNone) {
    ASSERT_TRUE(accept_from(0));
    EXPECT_FALSE(peer_pid_namespace(accepted_.get()));
}

TEST_F(PeerTest, TheNamespaceIsThatOfTheProcessThatConnected) {
    if (!accept_from(1)) GTEST_SKIP() << "no pid namespaces for this user";
    const auto found = peer_pid_namespace(accepted_.get());
    ASSERT_TRUE(found);
    EXPECT_NE(namespace_id(found), 0U);
    EXPECT_NE(namespace_id(found), pid_namespace_id(::getpid()));
}

TEST_F(PeerTest, OfNestedOnesItIsTheOutermost) {
    if (!accept_from(2)) GTEST_SKIP() << "no pid namespaces for this user";
    const auto found = peer_pid_namespace(accepted_.get());
    ASSERT_TRUE(found);
    // The child's own child is the outer namespace's first process.
    const auto children = "/proc/" + std::to_string(child_) + "/task/" + std::to_string(child_) + "/children";
    pid_t first = 0;
    if (FILE* file = ::fopen(children.c_str(), "re")) {
        if (::fscanf(file, "%d", &first) != 1) first = 0;
        ::fclose(file);
    }
    if (first == 0) GTEST_SKIP() << "the kernel lists no children";
    EXPECT_EQ(namespace_id(found), pid_namespace_id(first));
}

TEST_F(PeerTest, OneThatHasGoneHasNone) {
    if (!accept_from(1)) GTEST_SKIP() << "no pid namespaces for this user";
    end_peer();
    EXPECT_FALSE(peer_pid_namespace(accepted_.get()));
}

TEST(PidNamespace, AProcessThatIsNotThereHasNone) {
    EXPECT_EQ(pid_namespace_id(0x7fffffff), 0U);
    EXPECT_NE(pid_namespace_id(::getpid()), 0U);
}

} // namespace
} // namespace base
