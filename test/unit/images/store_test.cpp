#include "daemon/images/store.h"

#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include "daemon/base/crypto.h"
#include "daemon/state/database.h"
#include "daemon/state/instances.h"
#include "daemon/state/pools.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/unit/storage/tar_builder.h"

namespace images {

namespace {

namespace fs = std::filesystem;
using storage::TarBuilder;

const std::string yaml = "architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: BusyBox, name: bb}\n";

TarBuilder unified() {
    return TarBuilder().file("metadata.yaml", yaml).folder("rootfs").file("rootfs/file", "content");
}

ByteSource source_of(const std::string& text) {
    return [text, at = size_t{0}](char* buffer, size_t size) mutable {
        const auto count = std::min(size, text.size() - at);
        std::copy_n(text.data() + at, count, buffer);
        at += count;
        return count;
    };
}

std::string split_body(const std::string& metadata, const std::string& root, const char* root_name = "rootfs") {
    return "--B\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"m.tar\"\r\n\r\n" + metadata +
           "\r\n--B\r\nContent-Disposition: form-data; name=\"" + root_name + "\"; filename=\"r.tar\"\r\n\r\n" + root +
           "\r\n--B--\r\n";
}

struct ImageStoreTest : testing::Test {
    static state::Paths paths(const std::string& folder) {
        state::Paths paths;
        paths.var = folder;
        return paths;
    }

    void SetUp() override {
        for (const auto& path : {paths_.images(), paths_.containers(), paths_.pools()}) fs::create_directory(path);
        schema::Profile profile;
        profile.name = "default";
        profiles_.insert(profile);
    }

    schema::Image import(const std::string& body, UploadHeaders headers = {}, const base::CancelToken& cancel = {}) {
        return store_.import(store_.receive(std::move(headers), source_of(body)), cancel);
    }

    template <class Attempt> static std::string refusal(const Attempt& attempt) {
        try {
            attempt();
        } catch (const std::exception& error) {
            return error.what();
        }
        return "";
    }

    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(paths_.images()))
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }

    static std::string content(Export exported) {
        std::string result;
        std::string buffer(1000, '\0');
        while (const auto count = exported.read(buffer.data(), buffer.size())) result += buffer.substr(0, count);
        EXPECT_EQ(result.size(), exported.length());
        return result;
    }

    fakes::TemporaryFolder folder_;
    state::Paths paths_ = paths(folder_.path());
    state::Database database_{paths_.database()};
    state::Pools pool_rows_{database_};
    state::Images rows_{database_};
    state::Instances instances_{database_};
    state::Snapshots snapshots_{database_};
    state::Profiles profiles_{database_};
    base::Log log_{{base::LogLevel::error, "", false}};
    state::Volumes volumes_{database_};
    storage::Pools pools_{paths_, {pool_rows_, rows_, instances_, snapshots_, profiles_, volumes_}, log_};
    storage::DaemonFolder images_folder_{paths_.images()};
    ImageStore store_{images_folder_, rows_, profiles_, pools_, log_};
};

TEST_F(ImageStoreTest, ImportsAUnifiedImage) {
    const auto body = unified().bytes();
    const auto image =
        import(body, {"application/octet-stream", "bb.tar", "true", "os=Mine&variant=a+b", base::sha256(body)});
    EXPECT_EQ(image.fingerprint, base::sha256(body));
    const auto stored = store_.get(image.fingerprint.substr(0, 12));
    EXPECT_EQ(stored.filename, "bb.tar");
    EXPECT_TRUE(stored.is_public);
    EXPECT_EQ(stored.size, static_cast<int64_t>(body.size()));
    EXPECT_EQ(stored.architecture, "x86_64");
    EXPECT_EQ(stored.created_at, schema::Time(std::chrono::seconds(1700000000)));
    EXPECT_EQ(stored.properties, (schema::Config{{"os", "Mine"}, {"name", "bb"}, {"variant", "a b"}}));
    EXPECT_EQ(files(), std::vector<std::string>{image.fingerprint});
    EXPECT_EQ(fakes::read(paths_.images() + "/" + image.fingerprint), body);
}

TEST_F(ImageStoreTest, ImportsASplitImageWhoseFingerprintIsOfBothFiles) {
    const auto metadata = TarBuilder().file("metadata.yaml", yaml).bytes();
    const auto root = TarBuilder().file("file", "content").bytes();
    const auto image = import(split_body(metadata, root), {"multipart/form-data; boundary=B", "", "", "", ""});
    EXPECT_EQ(image.fingerprint, base::sha256(metadata + root));
    EXPECT_EQ(image.filename, "r.tar");
    EXPECT_EQ(files(), (std::vector<std::string>{image.fingerprint, image.fingerprint + ".rootfs"}));
    EXPECT_EQ(fakes::read(paths_.images() + "/" + image.fingerprint + ".rootfs"), root);
}

TEST_F(ImageStoreTest, WhatIsNoImageIsRefusedAndLeavesNothing) {
    const auto good = unified().bytes();
    const auto metadata = TarBuilder().file("metadata.yaml", yaml).bytes();
    const UploadHeaders multipart{"multipart/form-data; boundary=B", "", "", "", ""};
    struct Row {
        std::string body;
        UploadHeaders headers;
        const char* message;
    };
    for (const auto& [body, headers, message] : std::vector<Row>{
             {"", {}, "Unsupported compression"},
             {"some text", {}, "Unsupported compression"},
             {good.substr(0, 1600), {}, "Damaged archive: "},
             {TarBuilder().file("other", "x").bytes(), {}, "Metadata tarball is missing metadata.yaml"},
             {metadata, {}, "Image is missing a rootfs"},
             {TarBuilder().file("metadata.yaml", "a: b").bytes(), {}, "Architecture isn't supported: "},
             {unified().file("/etc/evil", "x").bytes(), {}, "has an absolute path"},
             {unified().file("../evil", "x").bytes(), {}, "leads out of the image"},
             {unified().symlink("rootfs/a", "/").file("rootfs/a/b", "x").bytes(), {}, "behind the symbolic link"},
             {good, {"", "", "", "", std::string(64, '0')}, "fingerprints don't match, got "},
             {split_body(metadata, "rubbish"), multipart, "Unsupported compression"},
             {split_body(metadata, good, "rootfs.img"), multipart, "Invalid multipart image"},
             {split_body(metadata, good).substr(0, 700), multipart, "Invalid multipart body: unexpected EOF"},
             {split_body(good, good), {"multipart/form-data", "", "", "", ""}, "no usable boundary"},
         }) {
        EXPECT_THAT(refusal([&] { import(body, headers); }), testing::HasSubstr(message));
        EXPECT_THAT(files(), testing::IsEmpty()) << message;
        EXPECT_THAT(store_.list(), testing::IsEmpty()) << message;
    }
}

TEST_F(ImageStoreTest, ASecondImportOfTheSameBytesIsRefusedAndChangesNothing) {
    const auto body = unified().bytes();
    const auto image = import(body);
    EXPECT_EQ(refusal([&] { import(body, {"", "other", "true", "", ""}); }),
              "Image with same fingerprint already exists");
    EXPECT_EQ(files(), std::vector<std::string>{image.fingerprint});
    EXPECT_FALSE(store_.get(image.fingerprint).is_public);
}

TEST_F(ImageStoreTest, ALostConnectionLeavesNothing) {
    int calls = 0;
    const ByteSource lost = [&](char* buffer, size_t size) -> size_t {
        if (++calls == 3) throw schema::failure("connection lost");
        std::memset(buffer, 'x', size);
        return size;
    };
    EXPECT_EQ(refusal([&] { store_.receive({}, lost); }), "connection lost");
    calls = 0;
    EXPECT_EQ(refusal([&] { store_.receive({"multipart/form-data; boundary=B", "", "", "", ""}, lost); }),
              "connection lost");
    EXPECT_THAT(files(), testing::IsEmpty());
}

TEST_F(ImageStoreTest, ACancelledImportLeavesNothing) {
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_EQ(refusal([&] { import(unified().bytes(), {}, cancel); }), "Operation cancelled");
    EXPECT_THAT(files(), testing::IsEmpty());
    EXPECT_THAT(store_.list(), testing::IsEmpty());
}

TEST_F(ImageStoreTest, ExportsAUnifiedImageAsItCame) {
    const auto body = unified().bytes();
    const auto image = import(body);
    const auto exported = store_.open_export(image.fingerprint);
    EXPECT_EQ(exported.content_type(), "application/octet-stream");
    EXPECT_EQ(exported.content_disposition(), "inline;filename=" + image.fingerprint + ".tar");
    EXPECT_EQ(content(store_.open_export(image.fingerprint)), body);
}

TEST_F(ImageStoreTest, AnExportedSplitImageCanBeImportedAgain) {
    const auto metadata = TarBuilder().file("metadata.yaml", yaml).bytes();
    const auto root = TarBuilder().file("file", "content").bytes();
    const auto image = import(split_body(metadata, root), {"multipart/form-data; boundary=B", "", "", "", ""});
    auto exported = store_.open_export(image.fingerprint);
    const auto type = exported.content_type();
    const auto body = content(std::move(exported));
    EXPECT_THAT(body, testing::HasSubstr("filename=\"meta-" + image.fingerprint + ".tar\""));
    store_.remove(image.fingerprint);
    EXPECT_THAT(files(), testing::IsEmpty());
    EXPECT_EQ(import(body, {type, "", "", "", ""}).fingerprint, image.fingerprint);
}

TEST_F(ImageStoreTest, ARemovedImageIsGoneFromItsPoolsToo) {
    schema::StoragePool pool;
    pool.name = "default";
    pool.driver = "dir";
    pools_.create(pool);
    const auto image = import(unified().bytes());
    store_.add_alias({{"bb", ""}, image.fingerprint, "container"});
    pools_.ensure_image("default", image.fingerprint, {}, {});
    store_.remove(image.fingerprint);
    EXPECT_FALSE(fs::exists(paths_.pool("default") + "/images/" + image.fingerprint));
    EXPECT_THAT(store_.aliases(), testing::IsEmpty());
    EXPECT_EQ(refusal([&] { store_.get(image.fingerprint); }), "Image not found");
    EXPECT_EQ(refusal([&] { store_.remove(image.fingerprint); }), "Image not found");
}

TEST_F(ImageStoreTest, ResolvesAliasesAndPartialFingerprints) {
    const auto image = import(unified().bytes());
    store_.add_alias({{"bb/1", "words"}, image.fingerprint.substr(0, 10), "container"});
    EXPECT_EQ(store_.resolve("bb/1").fingerprint, image.fingerprint);
    EXPECT_EQ(store_.resolve(image.fingerprint.substr(0, 6)).fingerprint, image.fingerprint);
    EXPECT_EQ(refusal([&] { store_.resolve("nothing"); }), "Image not found");
    EXPECT_EQ(refusal([&] { store_.get(""); }), "Image not found");
    EXPECT_EQ(store_.get(image.fingerprint).aliases.size(), 1U);
}

TEST_F(ImageStoreTest, AliasesAreRenamedChangedAndRemoved) {
    const auto image = import(unified().bytes());
    store_.add_alias({{"a", ""}, image.fingerprint, "container"});
    EXPECT_EQ(refusal([&] { store_.add_alias({{"a", ""}, image.fingerprint, "container"}); }),
              "Alias \"a\" already exists");
    EXPECT_EQ(refusal([&] { store_.add_alias({{"b", ""}, "", "container"}); }), "name and target are required");
    EXPECT_EQ(refusal([&] { store_.add_alias({{"b", ""}, "ffff", "container"}); }), "Image not found");
    store_.rename_alias("a", "b");
    store_.update_alias("b", {{"", "new words"}, image.fingerprint, "container"});
    EXPECT_EQ(store_.alias("b").description, "new words");
    EXPECT_EQ(refusal([&] { store_.rename_alias("b", "b"); }), "Alias \"b\" already exists");
    store_.remove_alias("b");
    EXPECT_EQ(refusal([&] { store_.alias("b"); }), "Image alias not found");
    EXPECT_EQ(refusal([&] { store_.remove_alias("b"); }), "Image alias not found");
}

TEST_F(ImageStoreTest, UpdatesWhatMayBeEdited) {
    const auto image = import(unified().bytes());
    schema::Profile profile;
    profile.name = "docker";
    profiles_.insert(profile);
    schema::ImagePut put;
    put.is_public = true;
    put.properties = {{"os", "Other"}};
    put.profiles = {"docker"};
    store_.update(image.fingerprint, put);
    const auto updated = store_.get(image.fingerprint);
    EXPECT_TRUE(updated.is_public);
    EXPECT_EQ(updated.properties, put.properties);
    EXPECT_EQ(updated.profiles, put.profiles);
    put.profiles = {"missing"};
    EXPECT_EQ(refusal([&] { store_.update(image.fingerprint, put); }), "Profile 'missing' doesn't exist");
}

TEST_F(ImageStoreTest, ARestartRemovesInterruptedImports) {
    const auto image = import(unified().bytes());
    fs::create_directory(paths_.images() + "/lxd_build_1234");
    fakes::write(paths_.images() + "/lxd_build_1234/image", "half");
    fakes::write(paths_.images() + "/" + std::string(64, 'b') + ".rootfs", "half");
    store_.clean_up();
    EXPECT_EQ(files(), std::vector<std::string>{image.fingerprint});
}

} // namespace

} // namespace images
