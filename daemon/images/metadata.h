#pragma once
// metadata.yaml, which says what an image is. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/api/image_metadata.h"
#include "schema/config.h"

namespace images {

struct Metadata {
    std::string architecture;  // LXD's name: "x86_64" also where the image says "amd64"
    int64_t creation_date = 0; // seconds since 1970
    int64_t expiry_date = 0;   // 0: never
    schema::Config properties;
};

/// What the file says, whatever that is. Throws bad_request where it is no YAML or a value is of another kind than
/// LXD's.
schema::ImageMetadata read_metadata(const std::string& yaml);
std::string metadata_yaml(const schema::ImageMetadata& metadata);

/// As read_metadata, for the file of an image. Throws bad_request with LXD's texts where the architecture or the
/// creation date is missing or unknown.
Metadata parse_metadata(const std::string& yaml);

} // namespace images
