#include "daemon/runner/sftp_server.h"

#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "test/fakes/temporary_folder.h"

namespace {

using namespace runner::sftp;

std::string number(uint64_t value, size_t size) {
    std::string bytes;
    for (size_t at = size; at-- > 0;) bytes += static_cast<char>(value >> 8U * at & 0xFFU);
    return bytes;
}
std::string u32(uint64_t value) {
    return number(value, 4);
}
std::string text(std::string_view value) {
    return u32(value.size()) + std::string(value);
}
std::string packet(Type type, const std::string& rest, uint32_t id = 7) {
    return std::string(1, static_cast<char>(type)) + u32(id) + rest;
}
std::string extended(std::string_view name, const std::string& rest) {
    return packet(Type::extended, text(name) + rest);
}
const std::string no_attributes = u32(0);

TEST(SftpPackets, AnOpenIsDecodedWhole) {
    const auto attributes = u32(0x0F) + number(5, 8) + u32(1000) + u32(1001) + u32(0640) + u32(11) + u32(12);
    const auto request = decode(packet(Type::open, text("/a b") + u32(open_read | open_create) + attributes));
    EXPECT_EQ(request.type, Type::open);
    EXPECT_EQ(request.id, 7U);
    EXPECT_EQ(request.path, "/a b");
    EXPECT_EQ(request.flags, open_read | open_create);
    EXPECT_EQ(request.attributes, (Attributes{0x0F, 5, 1000, 1001, 0640, 11, 12}));
}

TEST(SftpPackets, ExtensionsAreKnownByTheirNames) {
    const auto request = decode(extended("posix-rename@openssh.com", text("old") + text("new")));
    EXPECT_EQ(request.type, Type::posix_rename);
    EXPECT_EQ(request.path, "old");
    EXPECT_EQ(request.second, "new");
    EXPECT_EQ(decode(extended("no-such@example.org", "garbage")).type, Type::unknown);
    EXPECT_EQ(decode(packet(static_cast<Type>(50), "")).type, Type::unknown); // only by name
}

TEST(SftpPackets, ExtendedAttributesAreReadOver) {
    const auto attributes = u32(0x80000004) + u32(0600) + u32(2) + text("a") + text("b") + text("c") + text("d");
    EXPECT_EQ(decode(packet(Type::mkdir, text("d") + attributes)).attributes.mode, 0600U);
}

TEST(SftpPackets, WhatIsCutOffIsRefused) {
    const auto whole = packet(Type::write, text("0") + number(3, 8) + text("data"));
    EXPECT_EQ(decode(whole).data, "data");
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_THROW(decode(std::string_view(whole).substr(0, size)), BadPacket) << size;
    EXPECT_THROW(decode(packet(Type::stat, u32(0xFFFFFFFF) + "x")), BadPacket);
    EXPECT_THROW(decode(packet(Type::stat, text(std::string_view("a\0b", 3)))), BadPacket);
}

TEST(SftpPackets, AnswersCarryTheirLength) {
    EXPECT_EQ(data_packet(9, "hi"), u32(11) + std::string(1, 103) + u32(9) + text("hi"));
    EXPECT_EQ(status_packet(1, Status::end_of_file, "End"),
              u32(20) + std::string(1, 101) + u32(1) + u32(1) + text("End") + text(""));
}

TEST(SftpPackets, ALongNameLooksLikeLs) {
    Attributes attributes;
    attributes.mode = S_IFDIR | 01775;
    attributes.uid = 1000;
    EXPECT_EQ(long_name("x", attributes, 2), "drwxrwxr-t    2 1000     0               0 Jan  1  1970 x");
    attributes.mode = S_IFREG | 04644;
    EXPECT_TRUE(long_name("x", attributes, 1).starts_with("-rwSr--r--")) << long_name("x", attributes, 1);
}

TEST(SftpPaths, AreCleanedByTheirText) {
    const std::pair<const char*, const char*> cases[] = {{".", "/"},           {"", "/"},         {"/", "/"},
                                                         {"a//b/", "/a/b"},    {"/a/../b", "/b"}, {"../../x", "/x"},
                                                         {"/a/./b/.", "/a/b"}, {"/..", "/"}};
    for (const auto& [path, wanted] : cases) EXPECT_EQ(clean_path(path), wanted) << path;
}

class SftpServer : public testing::Test {
protected:
    struct Answer {
        Type type;
        uint32_t status;
        std::string rest;
    };

    Answer ask(const std::string& request) {
        const auto whole = server_.answer(request);
        Answer answer{static_cast<Type>(whole.at(4)), 0, whole.substr(9)};
        EXPECT_EQ(u32(whole.size() - 4), whole.substr(0, 4));
        EXPECT_EQ(whole.substr(5, 4), u32(7));
        if (answer.type == Type::status) answer.status = static_cast<unsigned char>(answer.rest.at(3));
        return answer;
    }
    uint32_t status(Type type, const std::string& rest) {
        const auto answer = ask(packet(type, rest));
        EXPECT_EQ(answer.type, Type::status);
        return answer.status;
    }
    std::string open(const std::string& path, uint32_t flags, const std::string& attributes = no_attributes) {
        const auto answer = ask(packet(Type::open, text(path) + u32(flags) + attributes));
        return answer.type == Type::handle ? answer.rest : "";
    }
    static uint32_t code(Status status) { return static_cast<uint32_t>(status); }
    std::string at(const std::string& path) const { return folder_ / path; }

    fakes::TemporaryFolder folder_;
    fakes::TemporaryFolder outside_;
    Server server_{base::Fd(::open(folder_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))};
};

TEST_F(SftpServer, WritesAndReadsAFile) {
    const auto handle = open("/f", open_read | open_write | open_create, u32(4) + u32(0600));
    ASSERT_NE(handle, "");
    EXPECT_EQ(status(Type::write, handle + number(2, 8) + text("abc")), 0U);
    EXPECT_EQ(ask(packet(Type::read, handle + number(1, 8) + u32(100))).rest, text(std::string_view("\0abc", 4)));
    EXPECT_EQ(status(Type::read, handle + number(5, 8) + u32(100)), code(Status::end_of_file));
    EXPECT_EQ(status(Type::close, handle), 0U);
    EXPECT_EQ(status(Type::close, handle), code(Status::no_such_file));
    EXPECT_EQ(fakes::read(at("f")), std::string("\0\0abc", 5));
    struct stat info{};
    ASSERT_EQ(::stat(at("f").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(SftpServer, ListsWithAttributesUntilTheEnd) {
    for (int index = 0; index < 200; ++index) fakes::write(at(std::to_string(index)), "x");
    const auto handle = ask(packet(Type::opendir, text("/"))).rest;
    size_t names = 0;
    for (;;) {
        const auto answer = ask(packet(Type::readdir, handle));
        if (answer.type == Type::status) {
            EXPECT_EQ(answer.status, code(Status::end_of_file));
            break;
        }
        names += static_cast<unsigned char>(answer.rest.at(3));
    }
    EXPECT_EQ(names, 200U);
}

TEST_F(SftpServer, NothingLeadsOutOfTheRoot) {
    fakes::write(outside_ / "secret", "s");
    std::filesystem::create_symlink(outside_.path(), at("out"));
    std::filesystem::create_symlink(outside_ / "secret", at("direct"));
    for (const auto& path :
         {std::string("/out/secret"), std::string("/direct"), "../../../../.." + (outside_ / "secret")}) {
        EXPECT_EQ(open(path, open_read), "") << path;
        EXPECT_EQ(status(Type::stat, text(path)), code(Status::no_such_file)) << path;
        EXPECT_NE(status(Type::setstat, text(path) + u32(4) + u32(0777)), 0U) << path;
    }
    EXPECT_NE(status(Type::remove, text("/out/secret")), 0U);
    EXPECT_NE(status(Type::rename, text("/out/secret") + text("/mine")), 0U);
    EXPECT_NE(ask(extended("hardlink@openssh.com", text("/out/secret") + text("/mine"))).status, 0U);
    EXPECT_NE(status(Type::mkdir, text("/out/made") + no_attributes), 0U);
    EXPECT_EQ(open("/out/new", open_write | open_create), "");
    EXPECT_TRUE(std::filesystem::exists(outside_ / "secret"));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside_.path()), {}), 1);
}

TEST_F(SftpServer, OpensNothingButRegularFiles) {
    ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
    EXPECT_EQ(open("/pipe", open_read), "");
    EXPECT_EQ(open("/pipe", open_write), "");
    EXPECT_EQ(open("/", open_read), "");
}

TEST_F(SftpServer, RenamesReplaceOnlyWhenAskedTo) {
    fakes::write(at("a"), "a");
    fakes::write(at("b"), "b");
    EXPECT_EQ(status(Type::rename, text("a") + text("b")), code(Status::failure));
    EXPECT_EQ(fakes::read(at("b")), "b");
    EXPECT_EQ(ask(extended("posix-rename@openssh.com", text("a") + text("b"))).status, 0U);
    EXPECT_EQ(fakes::read(at("b")), "a");
}

TEST_F(SftpServer, ChangesWhatIsAskedForAlone) {
    fakes::write(at("f"), "12345");
    ASSERT_EQ(::chmod(at("f").c_str(), 0644), 0);
    EXPECT_EQ(status(Type::setstat, text("f") + u32(1) + number(2, 8)), 0U);
    EXPECT_EQ(status(Type::setstat, text("f") + u32(8) + u32(100) + u32(200)), 0U);
    struct stat info{};
    ASSERT_EQ(::stat(at("f").c_str(), &info), 0);
    EXPECT_EQ(info.st_size, 2);
    EXPECT_EQ(info.st_mtim.tv_sec, 200);
    EXPECT_EQ(info.st_mode & 07777U, 0644U);
    EXPECT_EQ(status(Type::setstat, text("f") + u32(4) + u32(0600)), 0U);
    ASSERT_EQ(::stat(at("f").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(SftpServer, LinksKeepTheirTarget) {
    EXPECT_EQ(status(Type::symlink, text("some/where") + text("/link")), 0U); // OpenSSH's order: the target first
    EXPECT_EQ(std::filesystem::read_symlink(at("link")), "some/where");
    const auto answer = ask(packet(Type::readlink, text("/link")));
    EXPECT_TRUE(answer.rest.starts_with(u32(1) + text("some/where")));
}

TEST_F(SftpServer, HoldsABoundedNumberOfHandles) {
    fakes::write(at("f"), "");
    int opened = 0;
    while (opened < 5000 && !open("f", open_read).empty()) ++opened;
    EXPECT_LT(opened, 1000);
    EXPECT_GT(opened, 100);
}

TEST_F(SftpServer, AnswersEverythingThatIsThrownAtIt) {
    fakes::write(at("f"), "content");
    const std::vector<std::string> seeds = {packet(Type::open, text("/f") + u32(3) + u32(15) + number(1, 8) + u32(0) +
                                                                   u32(0) + u32(0644) + u32(1) + u32(2)),
                                            packet(Type::readdir, text("0")),
                                            packet(Type::write, text("0") + number(0, 8) + text("data")),
                                            packet(Type::read, text("0") + number(0, 8) + u32(0xFFFFFFFF)),
                                            extended("statvfs@openssh.com", text("/")),
                                            packet(Type::rename, text("/f") + text("/g")),
                                            packet(Type::fsetstat, text("0") + u32(0x8000000F)),
                                            packet(Type::opendir, text("/"))};
    std::mt19937 random(1); // NOLINT: the same sequence every time
    for (int round = 0; round < 20000; ++round) {
        auto bytes = seeds[random() % seeds.size()];
        for (auto changes = random() % 4; changes > 0; --changes)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
        if (bytes.empty()) continue;
        const auto answer = server_.answer(bytes);
        ASSERT_GE(answer.size(), 9U);
        ASSERT_EQ(answer.substr(0, 4), u32(answer.size() - 4));
    }
}

} // namespace
