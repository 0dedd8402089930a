#include "schema/compression.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace schema {
namespace {

TEST(Compression, TakesKnownCompressorsWithTheirStrengthAlone) {
    for (const auto* good : {"", "none", "gzip", "gzip -9", "xz -T2 -6", "zstd -19", "bzip2", "squashfs"})
        EXPECT_NO_THROW(check_compression(good)) << good;
    for (const auto* bad :
         {" ", "sh", "/bin/gzip", "gzip file", "xz --files=/etc/passwd", "zstd -o /x", "squashfs -9", "gzip -c100"})
        EXPECT_THROW(check_compression(bad), Error) << bad;
}

} // namespace
} // namespace schema
