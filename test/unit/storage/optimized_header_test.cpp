#include "daemon/storage/optimized_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"

namespace storage {

namespace {

using testing::ElementsAre;

TEST(OptimizedHeader, IsReadAsLxdWritesIt) {
    const auto found = optimized_header_from(R"(subvolumes:
- path: /
  snapshot: s0
  readonly: true
  uuid: 8d4c9ae1-24a8-4b4b-9f2c-6a1d3b3d5f11
- path: /
  snapshot: ""
  readonly: false
  uuid: 1f1d8ab2-4f5d-7d43-8b6e-0a5ab2b1b0c2
- path: /rootfs/var/lib/docker
  snapshot: ""
  readonly: false
  uuid: ""
)",
                                             {"s0"});
    EXPECT_THAT(found, ElementsAre(BackedUpSubvolume{"s0", "", true}, BackedUpSubvolume{},
                                   BackedUpSubvolume{"", "rootfs/var/lib/docker", false}));
}

TEST(OptimizedHeader, WhatIsWrittenIsReadAsTheSame) {
    const std::vector<BackedUpSubvolume> wanted{{"007", "", true}, {"007", "a b", true}, {}, {"", "true", false}};
    EXPECT_EQ(optimized_header_from(optimized_header(wanted), {"007"}), wanted);
}

TEST(OptimizedHeader, WhatLeadsElsewhereOrDoesNotFitIsRefused) {
    const std::string itself = "subvolumes: [{path: /, snapshot: ''}";
    for (const auto& text : {
             std::string(),
             std::string("- 1"),
             std::string("subvolumes: 1"),
             std::string("subvolumes: [1]"),
             std::string("subvolumes: []"),
             std::string("subvolumes: [{path: /, snapshot: '', readonly: maybe}]"),
             std::string("subvolumes: [{path: '', snapshot: ''}]"),
             std::string("subvolumes: [{path: /a, snapshot: ''}, {path: /, snapshot: ''}]"),
             itself + ", {path: a, snapshot: ''}]",
             itself + ", {path: //a, snapshot: ''}]",
             itself + ", {path: /a/, snapshot: ''}]",
             itself + ", {path: /a/../b, snapshot: ''}]",
             itself + ", {path: /., snapshot: ''}]",
             itself + ", {path: \"/a\\0b\", snapshot: ''}]",
             itself + ", {path: /" + std::string(5000, 'a') + ", snapshot: ''}]",
             itself + ", {path: /a, snapshot: ''}, {path: /a, snapshot: ''}]",
             itself + ", {path: /, snapshot: other}]",
         })
        EXPECT_THROW(optimized_header_from(text, {}), schema::Error) << text;
    EXPECT_THROW(optimized_header_from(itself + "]", {"s"}), schema::Error);
    EXPECT_EQ(optimized_header_from(itself + "]", {}), std::vector<BackedUpSubvolume>(1));
}

TEST(OptimizedHeader, StreamsAreCalledAsLxdCallsThem) {
    EXPECT_EQ(stream_name(false, ""), "container.bin");
    EXPECT_EQ(stream_name(false, "s0"), "snapshots/s0.bin");
    EXPECT_EQ(stream_name(false, "s0", "rootfs/a-b"), "snapshots/s0_rootfs-a--b.bin");
    EXPECT_EQ(stream_name(true, "", "a"), "volume_a.bin");
    EXPECT_EQ(stream_name(true, "s0"), "volume-snapshots/s0.bin");
}

} // namespace

} // namespace storage
