#include "daemon/intercept/notification.h"

#include <cstring>

#include <gtest/gtest.h>
#include <linux/seccomp.h>

#include "test/unit/intercept/packets.h"

namespace intercept {
namespace {

TEST(Notification, IsReadFromLiblxcsPacket) {
    const auto call = parse(test::packet({.number = 133, .arguments = {1, 2, 3, 4, 5, 6}, .cookie = "c1"}));
    ASSERT_TRUE(call);
    EXPECT_EQ(call->id, 77U);
    EXPECT_EQ(call->pid, 4321);
    EXPECT_EQ(call->init_pid, 1234);
    EXPECT_EQ(call->number, 133);
    EXPECT_EQ(call->arguments, (std::array<uint64_t, 6>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(call->cookie, "c1");
}

TEST(Notification, IsNothingForOtherPackets) {
    const auto good = test::packet({.cookie = "c1"});
    EXPECT_FALSE(parse(""));
    EXPECT_FALSE(parse(good.substr(0, good.size() - 1))); // the cookie is shorter than said
    EXPECT_FALSE(parse(good + "x"));
    EXPECT_FALSE(parse(good.substr(0, 40)));
    EXPECT_FALSE(parse(test::packet({.cookie = std::string(largest_packet, 'c')})));
    EXPECT_FALSE(parse(test::packet({.reserved = 1})));
    EXPECT_FALSE(parse(test::packet({.notification_size = sizeof(seccomp_notif) + 8})));
    EXPECT_FALSE(parse(test::packet({.pid = 0})));
    EXPECT_FALSE(parse(test::packet({.init_pid = -1})));
}

TEST(Notification, IsAnsweredWithoutItsCookieAndUnderItsNumber) {
    const auto sent = test::packet({.cookie = "c1"});
    const auto call = parse(sent);
    const auto response_of = [&](const Answer& answer) {
        const auto bytes = reply(*call, answer);
        EXPECT_EQ(bytes.size(), sent.size() - 2);
        EXPECT_EQ(bytes.substr(0, bytes.size() - sizeof(seccomp_notif_resp)),
                  sent.substr(0, bytes.size() - sizeof(seccomp_notif_resp)));
        seccomp_notif_resp response{};
        std::memcpy(&response, bytes.data() + bytes.size() - sizeof response, sizeof response);
        EXPECT_EQ(response.id, 77U);
        return response;
    };
    EXPECT_EQ(response_of(refused(17)).error, -17);
    EXPECT_EQ(response_of({0, 9, false}).val, 9);
    const auto continued = response_of(go_on);
    EXPECT_EQ(continued.flags, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    EXPECT_TRUE(continued.error == 0 && continued.val == 0); // the kernel takes nothing else
}

} // namespace
} // namespace intercept
