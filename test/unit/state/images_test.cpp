#include "daemon/state/images.h"

#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;

struct ImagesTest : test::StoreTest {
    Images images{database};

    ImagesTest() {
        Pools(database).insert(test::pool("default", "dir"));
        schema::Profile profile;
        profile.name = "default";
        Profiles(database).insert(profile);
    }

    static schema::Image image(const std::string& fingerprint, int second = 0) {
        schema::Image image;
        image.fingerprint = fingerprint;
        image.architecture = "x86_64";
        image.filename = "image.tar.xz";
        image.size = int64_t{5} << 32;
        image.is_public = true;
        image.properties = {{"os", "Debian"}, {"release", "12"}};
        image.profiles = {"default"};
        image.uploaded_at = schema::parse_rfc3339(fmt::format("2026-01-01T00:00:{:02}Z", second));
        image.created_at = schema::parse_rfc3339("2025-12-31T23:59:59Z");
        return image;
    }
    static schema::ImageAliasEntry alias(const std::string& name, const std::string& target) {
        schema::ImageAliasEntry alias;
        alias.name = name;
        alias.description = "about " + name;
        alias.target = target;
        return alias;
    }
};

TEST_F(ImagesTest, AnImageComesBackAsItWasInserted) {
    auto with_source = image("abc1");
    with_source.update_source =
        schema::ImageSource{"bookworm", "", "simplestreams", "https://example.org", "container"};
    images.insert(with_source);
    images.insert(image("abd2"));
    EXPECT_EQ(schema::to_json(images.find("abc1").value_or(schema::Image())), schema::to_json(with_source));
    EXPECT_EQ(schema::to_json(images.find("abd2").value_or(schema::Image())), schema::to_json(image("abd2")));
}

TEST_F(ImagesTest, APartOfTheFingerprintIsEnoughWhenItIsUnique) {
    images.insert(image("abc1"));
    images.insert(image("abd2"));
    EXPECT_EQ(images.find("abc").value_or(schema::Image()).fingerprint, "abc1");
    EXPECT_FALSE(images.find("b"));
    EXPECT_FALSE(images.find(""));
    EXPECT_FALSE(images.find("%"));
    EXPECT_EQ(error_of([&] { images.find("ab"); }), "400 More than one image matches");
}

TEST_F(ImagesTest, TheListIsByFingerprintWithAliases) {
    images.insert(image("bbb", 1));
    images.insert(image("aaa", 2));
    images.insert_alias(alias("z", "aaa"));
    images.insert_alias(alias("y", "aaa"));
    const auto list = images.list();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[1].fingerprint, "bbb");
    EXPECT_EQ(list[0].aliases, (std::vector<schema::ImageAlias>{{"y", "about y"}, {"z", "about z"}}));
    EXPECT_EQ(list[0].properties, image("aaa").properties);
    EXPECT_EQ(list[0].profiles, image("aaa").profiles);
    EXPECT_EQ(images.find("aaa").value_or(schema::Image()).aliases, list[0].aliases);
}

TEST_F(ImagesTest, TheSameFingerprintTwiceIsAConflict) {
    images.insert(image("aaa"));
    EXPECT_EQ(error_of([&] { images.insert(image("aaa")); }), "409 Image with same fingerprint already exists");
}

TEST_F(ImagesTest, AnUpdateReplacesWhatClientsMaySet) {
    images.insert(image("aaa"));
    schema::ImagePut put;
    put.properties = {{"os", "Other"}};
    put.auto_update = true;
    put.expires_at = schema::parse_rfc3339("2027-01-01T00:00:00Z");
    images.update("aaa", put);
    const auto found = images.find("aaa").value_or(schema::Image());
    EXPECT_EQ(static_cast<const schema::ImagePut&>(found), put);
    EXPECT_EQ(found.size, image("aaa").size);
    EXPECT_EQ(error_of([&] { images.update("bbb", put); }), "404 Image not found");
}

TEST_F(ImagesTest, UsingAnImageIsRemembered) {
    images.insert(image("aaa"));
    const auto now = schema::parse_rfc3339("2026-03-01T00:00:00Z");
    images.touch("aaa", now);
    EXPECT_EQ(images.find("aaa").value_or(schema::Image()).last_used_at, now);
}

TEST_F(ImagesTest, RemovingAnImageRemovesItsAliases) {
    images.insert(image("aaa"));
    images.insert_alias(alias("x", "aaa"));
    images.remove("aaa");
    EXPECT_FALSE(images.find("aaa"));
    EXPECT_TRUE(images.aliases().empty());
    EXPECT_EQ(error_of([&] { images.remove("aaa"); }), "404 Image not found");
}

TEST_F(ImagesTest, AnAliasNamesItsImage) {
    images.insert(image("aaa"));
    images.insert_alias(alias("debian/12", "aaa"));
    const auto found = images.find_alias("debian/12").value_or(schema::ImageAliasEntry());
    EXPECT_EQ(schema::to_json(found), schema::to_json(alias("debian/12", "aaa")));
    EXPECT_FALSE(images.find_alias("debian"));
    EXPECT_EQ(images.aliases().size(), 1U);
}

TEST_F(ImagesTest, AliasErrorsSayWhatIsWrong) {
    images.insert(image("aaa"));
    images.insert_alias(alias("x", "aaa"));
    images.insert_alias(alias("y", "aaa"));
    EXPECT_EQ(error_of([&] { images.insert_alias(alias("x", "aaa")); }), "409 Alias \"x\" already exists");
    EXPECT_EQ(error_of([&] { images.insert_alias(alias("z", "bbb")); }), "404 Image not found");
    EXPECT_EQ(error_of([&] { images.rename_alias("x", "y"); }), "409 Alias \"y\" already exists");
    EXPECT_EQ(error_of([&] { images.rename_alias("n", "m"); }), "404 Image alias not found");
    EXPECT_EQ(error_of([&] { images.update_alias("n", alias("n", "aaa")); }), "404 Image alias not found");
    EXPECT_EQ(error_of([&] { images.remove_alias("n"); }), "404 Image alias not found");
}

TEST_F(ImagesTest, AnAliasCanBeMovedRenamedAndRemoved) {
    images.insert(image("aaa"));
    images.insert(image("bbb"));
    images.insert_alias(alias("x", "aaa"));
    images.update_alias("x", alias("x", "bbb"));
    images.rename_alias("x", "y");
    EXPECT_EQ(images.find_alias("y").value_or(schema::ImageAliasEntry()).target, "bbb");
    images.remove_alias("y");
    EXPECT_TRUE(images.aliases().empty());
}

TEST_F(ImagesTest, PoolsOfAnImageAreRemembered) {
    images.insert(image("aaa"));
    EXPECT_TRUE(images.pools_of("aaa").empty());
    images.add_to_pool("aaa", "default");
    images.add_to_pool("aaa", "default");
    EXPECT_EQ(images.pools_of("aaa"), std::vector<std::string>{"default"});
    images.insert(image("bbb"));
    EXPECT_EQ(images.unpacked_on("default"), std::vector<std::string>{"aaa"});
    EXPECT_TRUE(images.unpacked_on("none").empty());
    images.remove_from_pool("aaa", "default");
    EXPECT_TRUE(images.pools_of("aaa").empty());
    EXPECT_TRUE(images.unpacked_on("default").empty());
    EXPECT_EQ(error_of([&] { images.add_to_pool("aaa", "none"); }), "404 Storage pool not found");
}

} // namespace
} // namespace state
