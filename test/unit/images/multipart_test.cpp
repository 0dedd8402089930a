#include "daemon/images/multipart.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/images/media_type.h"
#include "daemon/images/query.h"
#include "schema/error.h"

namespace images {

namespace {

/// Gives a text in pieces of at most `piece` bytes.
ByteSource source_of(const std::string& text, size_t piece) {
    return [text, piece, at = size_t{0}](char* buffer, size_t size) mutable {
        const auto count = std::min({size, piece, text.size() - at});
        std::memcpy(buffer, text.data() + at, count);
        at += count;
        return count;
    };
}

std::string content(MultipartReader& reader) {
    std::string result;
    char buffer[7];
    while (const auto count = reader.read(buffer, sizeof buffer)) result.append(buffer, count);
    return result;
}

const std::string body =
    "preamble\r\n"
    "--B\r\n"
    "Content-Disposition: form-data; name=\"metadata\"; filename=\"meta.tar.xz\"\r\n"
    "Content-Type: application/octet-stream\r\n"
    "\r\n"
    "first \r\n--content\r\n"
    "\r\n--B  \r\n"
    "content-disposition: form-data; filename=\"/some/where/root \\\"x\\\".squashfs\"; name=rootfs\r\n"
    "\r\n"
    "\r\n--B--\r\nepilogue";

TEST(MultipartReader, ReadsPartsHoweverTheBodyIsCutIntoPieces) {
    for (const size_t piece : {1U, 2U, 3U, 5U, 17U, 100000U}) {
        MultipartReader reader(source_of(body, piece), "B");
        const auto first = reader.next_part();
        ASSERT_TRUE(first);
        EXPECT_EQ(first->name, "metadata");
        EXPECT_EQ(first->filename, "meta.tar.xz");
        EXPECT_EQ(content(reader), "first \r\n--content\r\n");
        const auto second = reader.next_part();
        ASSERT_TRUE(second);
        EXPECT_EQ(second->name, "rootfs");
        EXPECT_EQ(second->filename, "root \"x\".squashfs");
        EXPECT_EQ(content(reader), "");
        EXPECT_FALSE(reader.next_part());
        EXPECT_FALSE(reader.next_part());
    }
}

TEST(MultipartReader, SkipsWhatIsLeftOfAPart) {
    MultipartReader reader(source_of(body, 9), "B");
    EXPECT_EQ(reader.next_part()->name, "metadata");
    EXPECT_EQ(reader.next_part()->name, "rootfs");
}

TEST(MultipartReader, RefusesWhatIsNoMultipartBody) {
    struct Row {
        std::string body;
        std::string boundary;
    };
    const std::vector<Row> rows{
        {"", "B"},
        {"no boundary at all", "B"},
        {"--B\r\n", "B"},
        {"--B\r\nContent-Disposition: form-data; name=a\r\n\r\ncut in the middle", "B"},
        {"--B-\r\n", "B"},
        {"--Bad\r\n\r\n\r\n--B--", "B"},
        {"--B\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n\r\n--B--", "B"},
        {body, ""},
        {body, std::string(71, 'b')},
    };
    for (const auto& [text, boundary] : rows) {
        EXPECT_THROW(
            {
                MultipartReader reader(source_of(text, 4096), boundary);
                while (reader.next_part()) content(reader);
            },
            schema::Error)
            << text.substr(0, 40);
    }
}

TEST(MultipartReader, NeedsLittleMemoryForALargePart) {
    const std::string start = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n";
    const std::string end = "\r\n--B--\r\n";
    constexpr size_t size = 8 << 20;
    size_t given = 0;
    MultipartReader reader(
        [&, at = size_t{0}](char* buffer, size_t wanted) mutable {
            EXPECT_LE(wanted, 256U << 10U);
            const auto all = start.size() + size + end.size();
            const auto count = std::min(wanted, all - at);
            for (size_t i = 0; i < count; ++i) {
                const auto place = at + i;
                buffer[i] = place < start.size()          ? start[place]
                            : place < start.size() + size ? '\r'
                                                          : end[place - start.size() - size];
            }
            at += count;
            return count;
        },
        "B");
    ASSERT_TRUE(reader.next_part());
    std::string buffer(100000, '\0');
    while (const auto count = reader.read(buffer.data(), buffer.size())) given += count;
    EXPECT_EQ(given, size);
}

TEST(MediaType, IsReadWithItsParameters) {
    const auto type = parse_media_type(" Multipart/Form-Data ; Boundary=\"a;b\\\"c\" ; charset = utf-8; broken");
    EXPECT_EQ(type.type, "multipart/form-data");
    EXPECT_EQ(type.parameters, (std::map<std::string, std::string>{{"boundary", "a;b\"c"}, {"charset", "utf-8"}}));
}

TEST(ParseProperties, DecodesQueryStrings) {
    EXPECT_EQ(parse_properties(""), schema::Config{});
    EXPECT_EQ(parse_properties("os=Debian+12&description=a%26b%3Dc&empty=&bare&os=second&bad=%zz"),
              (schema::Config{{"os", "Debian 12"}, {"description", "a&b=c"}, {"empty", ""}, {"bare", ""}}));
    EXPECT_EQ(parse_properties("a=1, b=2"), (schema::Config{{"a", "1"}, {"b", "2"}}));
}

} // namespace

} // namespace images
