#include "daemon/base/fd.h"

#include <system_error>
#include <thread>

#include <fcntl.h>

#include <gtest/gtest.h>

#include "schema/error.h"

namespace base {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(FdTest, ADescriptorIsClosedOnceByItsLastOwner) {
    auto pipe = make_pipe();
    const int number = pipe.read_end.get();
    {
        const Fd owner = std::move(pipe.read_end);
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(FdTest, PipesAreClosedInPrograms) {
    const auto pipe = make_pipe();
    EXPECT_NE(::fcntl(pipe.read_end.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(pipe.write_end.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(FdTest, WhatIsWrittenInOneGoIsReadToItsEnd) {
    auto pipe = make_pipe();
    const std::string data(1U << 20U, 'x'); // more than a pipe holds
    std::thread writer([&, end = std::move(pipe.write_end)] { write_all(end.get(), data); });
    // The capture closes with the thread's function, so the reader sees the end.
    EXPECT_EQ(read_to_end(pipe.read_end.get()), data);
    writer.join();
}

TEST(FdTest, MoreThanTheLimitIsRefused) {
    auto pipe = make_pipe();
    write_all(pipe.write_end.get(), "12345");
    pipe.write_end.reset();
    try {
        read_to_end(pipe.read_end.get(), 4);
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_EQ(error.kind(), schema::ErrorKind::too_large);
    }
}

TEST(FdTest, AFailedCallBecomesAnErrorWithItsNumber) {
    try {
        checked(::open("/no/such/file", O_RDONLY | O_CLOEXEC), "open it");
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    }
}

} // namespace
} // namespace base
