// What callers who are not trusted see of images, and how images that were only kept for a launch go.

#include "daemon/operations/operation.h"
#include "test/api/daemon_fixture.h"

namespace {

struct ImagesTest : DaemonTest {
    ImagesTest() {
        set_up_storage();
        url_ = get("/1.0/images").as_array().at(0).as_string();
    }

    /// Status of a request over TLS without a known certificate.
    int guest(const std::string& method, const std::string& path, std::map<std::string, std::string> query = {}) {
        http::Request request;
        request.method = method;
        request.path = path;
        request.query = std::move(query);
        request.peer.kind = http::Peer::Kind::tls;
        return handler_(std::move(request)).status;
    }
    schema::Json token() { return schema::Json::parse(body_of(ask("POST", url_ + "/secret")))["metadata"]; }

    std::string url_;
};

TEST_F(ImagesTest, GuestsSeePublicImagesAlone) {
    EXPECT_EQ(guest("GET", url_), 404);
    EXPECT_EQ(guest("GET", url_ + "/export"), 404);
    EXPECT_EQ(guest("GET", "/1.0/images/aliases/box"), 404);
    EXPECT_EQ(error("PATCH", url_, R"({"public":true})"), "ok");
    EXPECT_EQ(guest("GET", url_), 200);
    EXPECT_EQ(guest("GET", url_ + "/export"), 200);
    EXPECT_EQ(guest("GET", "/1.0/images/aliases/box"), 200);
}

TEST_F(ImagesTest, GuestsChangeNothing) {
    for (const auto* method : {"PUT", "PATCH", "DELETE"}) EXPECT_EQ(guest(method, url_), 403) << method;
    for (const auto* path : {"/1.0/images", "/1.0/images/aliases"}) EXPECT_EQ(guest("POST", path), 403) << path;
    for (const auto* action : {"/refresh", "/secret"}) EXPECT_EQ(guest("POST", url_ + action), 403) << action;
}

TEST_F(ImagesTest, ASecretLetsAGuestReadThePrivateImageItIsFor) {
    const auto secret = token()["metadata"]["secret"].as_string();
    EXPECT_EQ(secret.size(), 64U);
    EXPECT_EQ(guest("GET", url_, {{"secret", "wrong"}}), 404);
    EXPECT_EQ(guest("GET", url_, {{"secret", secret}}), 200);
    EXPECT_EQ(guest("GET", url_ + "/export", {{"secret", secret}}), 200); // good for some seconds more
}

TEST_F(ImagesTest, TheFirstUseOfASecretEndsItsToken) {
    const auto made = token();
    EXPECT_EQ(made["status"].as_string(), "Running");
    guest("GET", url_, {{"secret", made["metadata"]["secret"].as_string()}});
    EXPECT_EQ(get("/1.0/operations/" + made["id"].as_string())["status"].as_string(), "Cancelled");
}

TEST_F(ImagesTest, ACancelledTokensSecretIsStillThatOfOneImage) {
    const auto secret = token()["metadata"]["secret"].as_string();
    EXPECT_EQ(guest("GET", "/1.0/images/0123", {{"secret", secret}}), 404);
    EXPECT_EQ(guest("GET", "/1.0/operations", {{"secret", secret}}), 403);
}

TEST_F(ImagesTest, OnlyImagesKeptForALaunchExpire) {
    auto kept = rooms_->images.list().at(0);
    auto cached = kept;
    cached.fingerprint = std::string(64, 'c');
    cached.cached = true;
    cached.aliases.clear();
    rooms_->image_rows.insert(cached);
    const auto removed_at = [&](auto distance) {
        return rooms_->images.remove_expired(std::chrono::system_clock::now() + distance, {});
    };
    EXPECT_TRUE(removed_at(-std::chrono::hours(1)).empty());
    rooms_->images.touch(cached.fingerprint);
    EXPECT_TRUE(removed_at(-std::chrono::seconds(10)).empty());
    EXPECT_EQ(removed_at(std::chrono::hours(1)), std::vector{cached.fingerprint});
    EXPECT_EQ(rooms_->images.list().at(0).fingerprint, kept.fingerprint);
}

} // namespace
