#include "client/commands/multipart.h"

#include <map>

#include <gtest/gtest.h>

#include "schema/error.h"

namespace client {
namespace {

const std::string body =
    "--b1\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"m.tar\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\nme\r\n--b\r\nta\r\n"
    "--b1\r\ncontent-disposition: form-data; name=\"rootfs\"; filename=\"r\"\r\n\r\n\r\n--b1--\r\n";

TEST(Multipart, ComesApartWhateverThePiecesAre) {
    for (size_t piece = 1; piece <= body.size(); ++piece) {
        std::map<std::string, std::string> files;
        MultipartReader reader("b1", [&](const MultipartReader::Part& part) -> Sink {
            auto& content = files[part.name + "/" + part.filename];
            return [&content](std::string_view data) { content += data; };
        });
        for (size_t i = 0; i < body.size(); i += piece) reader.feed(std::string_view(body).substr(i, piece));
        reader.finish();
        EXPECT_EQ(files, (std::map<std::string, std::string>{{"metadata/m.tar", "me\r\n--b\r\nta"}, {"rootfs/r", ""}}));
    }
}

TEST(Multipart, ThatEndsEarlyIsAnError) {
    MultipartReader reader("b1", [](const auto&) { return Sink{}; });
    reader.feed(std::string_view(body).substr(0, body.size() - 8));
    EXPECT_THROW(reader.finish(), schema::Error);
}

TEST(HeaderParameter, IsFoundQuotedAndPlain) {
    EXPECT_EQ(header_parameter("multipart/form-data; boundary=abc", "boundary"), "abc");
    EXPECT_EQ(header_parameter("inline;filename=\"a b.tar\"", "filename"), "a b.tar");
    EXPECT_EQ(header_parameter("inline", "filename"), "");
}

} // namespace
} // namespace client
