#include "daemon/storage/daemon_folder.h"

#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include "schema/error.h"

namespace storage {

namespace {

std::string refusal(const std::function<void()>& attempt) {
    try {
        attempt();
    } catch (const schema::Error& error) {
        return std::to_string(http_status(error.kind())) + " " + error.what();
    }
    return "";
}

TEST(DaemonFolderTest, NobodyWritesWhileItMovesAndItMovesWhileNobodyWrites) {
    DaemonFolder folder("/var/images");
    auto writing = folder.writing();
    const auto also_writing = folder.try_writing();
    EXPECT_TRUE(also_writing);
    EXPECT_EQ(refusal([&] { folder.moving(); }),
              "409 Something is being written to \"/var/images\": try again when that is done");
    writing.reset();
    EXPECT_NE(refusal([&] { folder.moving(); }), ""); // the other one goes on
}

TEST(DaemonFolderTest, WritersWaitForAMove) {
    DaemonFolder folder("/var/images");
    auto moving = folder.moving();
    EXPECT_FALSE(folder.try_writing());
    EXPECT_NE(refusal([&] { folder.moving(); }), "");
    auto writer = std::async(std::launch::async, [&] { folder.writing(); });
    EXPECT_EQ(writer.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    moving.reset();
    writer.get();
    EXPECT_TRUE(folder.try_writing());
}

TEST(DaemonFolderTest, WritersAreToldWhyItIsClosed) {
    DaemonFolder folder("/var/images");
    folder.close("the disk is gone");
    EXPECT_EQ(refusal([&] { folder.writing(); }), "503 the disk is gone");
    EXPECT_FALSE(folder.try_writing());
    EXPECT_EQ(refusal([&] { folder.moving(); }), "");
    folder.open();
    EXPECT_EQ(refusal([&] { folder.writing(); }), "");
}

} // namespace

} // namespace storage
