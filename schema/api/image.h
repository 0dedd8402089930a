#pragma once
// /1.0/images and /1.0/images/aliases.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

/// An alias as it is shown inside its image.
struct ImageAlias {
    std::string name;
    std::string description;

    bool operator==(const ImageAlias&) const = default;
};

/// /1.0/images/aliases/<name>.
struct ImageAliasEntry : ImageAlias {
    std::string target; // fingerprint
    std::string type = "container";
};

struct ImagePut {
    bool auto_update = false;
    Config properties;
    bool is_public = false;
    Time expires_at;
    std::vector<std::string> profiles;

    bool operator==(const ImagePut&) const = default;
};

/// Where an image came from, for refresh.
struct ImageSource {
    std::string alias;
    std::string certificate;
    std::string protocol;
    std::string server;
    std::string image_type = "container";
};

struct Image : ImagePut {
    std::vector<ImageAlias> aliases;
    std::string architecture;
    bool cached = false;
    std::string filename;
    std::string fingerprint; // lower-case hex of SHA-256
    int64_t size = 0;        // bytes, metadata and root together
    std::optional<ImageSource> update_source;
    std::string type = "container";
    Time created_at;
    Time last_used_at;
    Time uploaded_at;
};

/// What POST /1.0/images makes an image of, where it is not an upload.
struct ImagesPostSource {
    std::string type; // "instance", "container", "snapshot", "virtual-machine", "image", "url"
    std::string mode;
    std::string name; // of the instance, or INSTANCE/SNAPSHOT
};

/// The JSON body of POST /1.0/images.
struct ImagesPost : ImagePut {
    std::optional<Config> wanted_properties; // nothing: those of the source
    std::string filename;
    ImagesPostSource source;
    std::string compression_algorithm;
    std::vector<ImageAlias> aliases;
};

Json to_json(const ImageAlias& alias);
Json to_json(const ImageAliasEntry& alias);
Json to_json(const ImagePut& image);
Json to_json(const Image& image);
ImageAliasEntry image_alias_from(const Json& value, ImageAliasEntry base = {});
/// As profile_put_from: what is missing stays as in `base`.
ImagePut image_put_from(const Json& value, ImagePut base = {});
Image image_from(const Json& value);
ImagesPost images_post_from(const Json& value);

} // namespace schema
