#include "schema/api/image.h"

namespace schema {

namespace {

void read_put(const Json& value, ImagePut& put) {
    value.as_object();
    json::read(value, "auto_update", put.auto_update);
    json::read(value, "properties", put.properties);
    json::read(value, "public", put.is_public);
    json::read(value, "expires_at", put.expires_at);
    json::read(value, "profiles", put.profiles);
}

Json aliases_json(const std::vector<ImageAlias>& aliases) {
    auto json = Json::empty_array();
    for (const auto& alias : aliases) json.push_back(to_json(alias));
    return json;
}

} // namespace

Json to_json(const ImageAlias& alias) {
    Json json;
    json.set("name", alias.name).set("description", alias.description);
    return json;
}

Json to_json(const ImageAliasEntry& alias) {
    Json json;
    json.set("description", alias.description)
        .set("target", alias.target)
        .set("name", alias.name)
        .set("type", alias.type);
    return json;
}

Json to_json(const ImagePut& image) {
    Json json;
    json.set("auto_update", image.auto_update)
        .set("properties", image.properties)
        .set("public", image.is_public)
        .set("expires_at", rfc3339_since_1970(image.expires_at))
        .set("profiles", image.profiles);
    return json;
}

Json to_json(const Image& image) {
    auto json = to_json(static_cast<const ImagePut&>(image));
    json.set("aliases", aliases_json(image.aliases))
        .set("architecture", image.architecture)
        .set("cached", image.cached)
        .set("filename", image.filename)
        .set("fingerprint", image.fingerprint)
        .set("size", image.size);
    if (const auto& source = image.update_source) {
        Json origin;
        origin.set("alias", source->alias)
            .set("certificate", source->certificate)
            .set("protocol", source->protocol)
            .set("server", source->server)
            .set("image_type", source->image_type);
        json.set("update_source", std::move(origin));
    }
    json.set("type", image.type)
        .set("created_at", rfc3339_since_1970(image.created_at))
        .set("last_used_at", image.last_used_at)
        .set("uploaded_at", image.uploaded_at);
    return json;
}

ImageAliasEntry image_alias_from(const Json& value, ImageAliasEntry base) {
    value.as_object();
    json::read(value, "description", base.description);
    json::read(value, "target", base.target);
    json::read(value, "name", base.name);
    json::read(value, "type", base.type);
    return base;
}

ImagePut image_put_from(const Json& value, ImagePut base) {
    read_put(value, base);
    return base;
}

ImagesPost images_post_from(const Json& value) {
    ImagesPost post;
    read_put(value, post);
    json::read(value, "properties", post.wanted_properties);
    json::read(value, "filename", post.filename);
    json::read(value, "compression_algorithm", post.compression_algorithm);
    if (const auto* source = value.find("source"); source != nullptr && !source->is_null()) {
        json::read(*source, "type", post.source.type);
        json::read(*source, "mode", post.source.mode);
        json::read(*source, "name", post.source.name);
    }
    if (const auto* aliases = value.find("aliases"); aliases != nullptr && !aliases->is_null())
        for (const auto& alias : aliases->as_array()) post.aliases.push_back(image_alias_from(alias));
    return post;
}

Image image_from(const Json& value) {
    Image image;
    read_put(value, image);
    if (const auto* aliases = value.find("aliases"); aliases != nullptr && !aliases->is_null())
        for (const auto& alias : aliases->as_array()) image.aliases.push_back(image_alias_from(alias));
    json::read(value, "architecture", image.architecture);
    json::read(value, "cached", image.cached);
    json::read(value, "filename", image.filename);
    json::read(value, "fingerprint", image.fingerprint);
    json::read(value, "size", image.size);
    if (const auto* origin = value.find("update_source"); origin != nullptr && !origin->is_null()) {
        auto& source = image.update_source.emplace();
        json::read(*origin, "alias", source.alias);
        json::read(*origin, "certificate", source.certificate);
        json::read(*origin, "protocol", source.protocol);
        json::read(*origin, "server", source.server);
        json::read(*origin, "image_type", source.image_type);
    }
    json::read(value, "type", image.type);
    json::read(value, "created_at", image.created_at);
    json::read(value, "last_used_at", image.last_used_at);
    json::read(value, "uploaded_at", image.uploaded_at);
    return image;
}

} // namespace schema
