// The pure parts of lxc-sftp-listener, and its listening sockets on this machine.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <set>

#include "client/sftp_listener/credentials.h"
#include "client/sftp_listener/listen_address.h"
#include "schema/error.h"

namespace client {
namespace {

std::string complaint(const std::string& address) {
    try {
        listen_on(address);
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

sockaddr_storage ipv6_address(const char* text, uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof address);
    return storage;
}

TEST(ListenAddress, HostAndPortArePartedAtTheLastColon) {
    EXPECT_EQ(split_host_port("127.0.0.1:22"), (HostPort{"127.0.0.1", "22"}));
    EXPECT_EQ(split_host_port("[::1]:22"), (HostPort{"::1", "22"}));
    EXPECT_EQ(split_host_port("localhost:ssh"), (HostPort{"localhost", "ssh"}));
    EXPECT_EQ(split_host_port(":0"), (HostPort{"", "0"}));
    EXPECT_EQ(split_host_port("[]:"), (HostPort{"", ""}));
}

TEST(ListenAddress, WhatIsNoAddressIsRefusedAsGoRefusesIt) {
    EXPECT_EQ(complaint("nonsense"), "listen tcp: address nonsense: missing port in address");
    EXPECT_EQ(complaint("[::1]"), "listen tcp: address [::1]: missing port in address");
    EXPECT_EQ(complaint("[::1]x:1"), "listen tcp: address [::1]x:1: missing port in address");
    EXPECT_EQ(complaint("[::1"), "listen tcp: address [::1: missing ']' in address");
    EXPECT_EQ(complaint("::1:22"), "listen tcp: address ::1:22: too many colons in address");
    EXPECT_EQ(complaint("[::1]:1:2"), "listen tcp: address [::1]:1:2: too many colons in address");
    EXPECT_EQ(complaint("a[b:1"), "listen tcp: address a[b:1: unexpected '[' in address");
    EXPECT_EQ(complaint("ab]:1"), "listen tcp: address ab]:1: unexpected ']' in address");
    EXPECT_EQ(complaint("127.0.0.1:65536"), "listen tcp: address 65536: invalid port");
    EXPECT_EQ(complaint("127.0.0.1:-1"), "listen tcp: address -1: invalid port");
    EXPECT_EQ(complaint("127.0.0.1:no-such-service"), "listen tcp: address tcp/no-such-service: unknown port");
}

TEST(ListenAddress, AddressesAreShownAsGoShowsThem) {
    EXPECT_EQ(shown_address(ipv6_address("::1", 22)), "[::1]:22");
    EXPECT_EQ(shown_address(ipv6_address("::", 65535)), "[::]:65535");
    EXPECT_EQ(shown_address(ipv6_address("::ffff:192.0.2.7", 1)), "192.0.2.7:1");
}

TEST(ListenAddress, PortZeroIsOneThatIsFree) {
    const auto first = listen_on("127.0.0.1:0");
    const auto second = listen_on("127.0.0.1:");
    const auto shown = local_address(first.get());
    EXPECT_TRUE(shown.starts_with("127.0.0.1:")) << shown;
    EXPECT_NE(shown, "127.0.0.1:0");
    EXPECT_NE(shown, local_address(second.get()));
    EXPECT_EQ(complaint(shown), "listen tcp " + shown + ": bind: address already in use");
}

TEST(Credentials, WordsAreLettersAndDigitsAndNeverTheSame) {
    std::set<std::string> seen;
    std::set<char> letters;
    for (int i = 0; i < 500; ++i) {
        const auto word = random_word(8);
        ASSERT_EQ(word.size(), 8U);
        EXPECT_TRUE(seen.insert(word).second) << word;
        letters.insert(word.begin(), word.end());
    }
    EXPECT_EQ(letters.size(), 62U) << "every letter and digit comes";
    for (const char c : letters) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << c;
}

TEST(Credentials, BothPartsMustMatchWhole) {
    const Credentials wanted{"joe", "secret"};
    EXPECT_TRUE(wanted.match("joe", "secret"));
    for (const auto& [user, password] : {std::pair{"joe", "secre"},
                                         {"joe", "secret2"},
                                         {"joe", "Secret"},
                                         {"joe", ""},
                                         {"jo", "secret"},
                                         {"", "secret"},
                                         {"secret", "joe"}}) {
        EXPECT_FALSE(wanted.match(user, password)) << user << " " << password;
    }
}

} // namespace
} // namespace client
