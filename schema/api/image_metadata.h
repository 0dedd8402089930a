#pragma once
// /1.0/instances/NAME/metadata: what metadata.yaml of an image, or of an instance made from one, says.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

/// What is not there is null for clients, as in LXD.
struct ImageTemplate {
    std::optional<std::vector<std::string>> when; // "create", "copy", "rename", "start"
    bool create_only = false;                     // leaves a file alone that is there
    std::string source;                           // its name in the folder templates
    std::optional<Config> properties;
};

struct ImageMetadata {
    std::string architecture;
    int64_t creation_date = 0; // seconds since 1970
    int64_t expiry_date = 0;   // 0: never
    std::optional<Config> properties;
    std::optional<std::map<std::string, ImageTemplate>> templates; // by the path that each is written to
};

Json to_json(const ImageMetadata& metadata);
/// What is missing stays as in `base`; members of maps are added to those of `base`.
ImageMetadata image_metadata_from(const Json& value, ImageMetadata base = {});

} // namespace schema
