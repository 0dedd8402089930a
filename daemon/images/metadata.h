#pragma once
// metadata.yaml, which says what an image is. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/config.h"

namespace images {

struct Metadata {
    std::string architecture;  // LXD's name: "x86_64" also where the image says "amd64"
    int64_t creation_date = 0; // seconds since 1970
    int64_t expiry_date = 0;   // 0: never
    schema::Config properties;
};

/// Throws bad_request with LXD's texts where the architecture or the creation date is missing or unknown.
Metadata parse_metadata(const std::string& yaml);

} // namespace images
