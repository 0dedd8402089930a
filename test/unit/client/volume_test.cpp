#include "client/commands/volume.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace {

struct Case {
    const char* word;
    const char* type;
    const char* name;
    const char* url;
};

} // namespace

TEST(VolumeName, IsACustomVolumesUnlessATypeIsNamed) {
    const Case cases[] = {
        {"data", "custom", "data", "/1.0/storage-pools/fast/volumes/custom/data"},
        {"data/first", "custom", "data/first", "/1.0/storage-pools/fast/volumes/custom/data/snapshots/first"},
        {"custom/data", "custom", "data", "/1.0/storage-pools/fast/volumes/custom/data"},
        {"container/c1", "container", "c1", "/1.0/storage-pools/fast/volumes/container/c1"},
        {"container/c1/first", "container", "c1/first", "/1.0/storage-pools/fast/volumes/container/c1/snapshots/first"},
        {"container", "custom", "container", "/1.0/storage-pools/fast/volumes/custom/container"},
        {"a b", "custom", "a b", "/1.0/storage-pools/fast/volumes/custom/a%20b"},
    };
    for (const auto& [word, type, name, url] : cases) {
        const auto volume = client::volume_name(word);
        EXPECT_EQ(volume.type, type) << word;
        EXPECT_EQ(volume.name, name) << word;
        EXPECT_EQ(client::volume_url("fast", volume), url) << word;
    }
}

TEST(VolumeName, HasOneSnapshotAtMost) {
    EXPECT_EQ(client::checked_volume_name("container/c1/first").name, "c1/first");
    EXPECT_THROW(client::checked_volume_name("data/first/second"), schema::Error);
    EXPECT_THROW(client::checked_volume_name("container/c1/first/second"), schema::Error);
}
