#include "schema/api/image_metadata.h"

namespace schema {

namespace {

template <class T> Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

Json template_json(const ImageTemplate& one) {
    Json json;
    json.set("when", or_null(one.when))
        .set("create_only", one.create_only)
        .set("template", one.source)
        .set("properties", or_null(one.properties));
    return json;
}

ImageTemplate template_from(const Json& value) {
    ImageTemplate one;
    value.as_object();
    json::read(value, "when", one.when);
    json::read(value, "create_only", one.create_only);
    json::read(value, "template", one.source);
    json::read(value, "properties", one.properties);
    return one;
}

} // namespace

Json to_json(const ImageMetadata& metadata) {
    Json templates;
    if (metadata.templates) {
        templates = Json::empty_object();
        for (const auto& [path, one] : *metadata.templates) templates.set(path, template_json(one));
    }
    Json json;
    json.set("architecture", metadata.architecture)
        .set("creation_date", metadata.creation_date)
        .set("expiry_date", metadata.expiry_date)
        .set("properties", or_null(metadata.properties))
        .set("templates", std::move(templates));
    return json;
}

ImageMetadata image_metadata_from(const Json& value, ImageMetadata base) {
    value.as_object();
    json::read(value, "architecture", base.architecture);
    json::read(value, "creation_date", base.creation_date);
    json::read(value, "expiry_date", base.expiry_date);
    std::optional<Config> properties;
    json::read(value, "properties", properties);
    if (properties) {
        if (base.properties) properties->merge(*base.properties);
        base.properties = std::move(properties);
    }
    if (const auto* templates = value.find("templates"); templates != nullptr && !templates->is_null()) {
        if (!base.templates) base.templates.emplace();
        for (const auto& [path, one] : templates->as_object())
            (*base.templates)[path] = one.is_null() ? ImageTemplate() : template_from(one);
    }
    return base;
}

} // namespace schema
