#include "daemon/api/handlers/handlers.h"

#include "daemon/api/respond.h"
#include "schema/error.h"
#include "schema/filter.h"

namespace api {

using schema::Json;

namespace {

std::string url(const std::string& fingerprint) {
    return "/1.0/images/" + fingerprint;
}
std::string alias_url(const std::string& name) {
    return "/1.0/images/aliases/" + name;
}

/// An image that this caller may see; others are not found for it.
schema::Image visible_image(Context& context, const http::Request& request) {
    auto image = context.images.get(argument(request, "fingerprint"));
    if (!image.is_public && !is_trusted(request)) throw schema::not_found("Image not found");
    return image;
}

Json writable(const schema::Image& image) {
    return to_json(static_cast<const schema::ImagePut&>(image)).set("fingerprint", image.fingerprint);
}

Json alias_writable(const schema::ImageAliasEntry& alias) {
    Json json;
    json.set("description", alias.description).set("target", alias.target);
    return json;
}

operations::Spec image_task(const char* description, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.requestor = requestor(request);
    return spec;
}

/// The body as the images room pulls it, whether it was buffered or is still on its way.
images::ByteSource body_source(const http::Request& request) {
    if (request.stream)
        return [stream = request.stream](char* buffer, size_t size) { return stream->read(buffer, size); };
    return [text = request.body, at = size_t{0}](char* buffer, size_t size) mutable {
        const auto count = text.copy(buffer, size, at);
        at += count;
        return count;
    };
}

http::Response import_upload(Context& context, const http::Request& request) {
    if (!request.stream && request.body.empty()) throw schema::bad_request("Missing request body");
    auto upload =
        std::make_shared<images::Upload>(context.images.receive({.content_type = request.header("Content-Type"),
                                                                 .filename = request.header("X-LXD-filename"),
                                                                 .is_public = request.header("X-LXD-public"),
                                                                 .properties = request.header("X-LXD-properties"),
                                                                 .fingerprint = request.header("X-LXD-fingerprint")},
                                                                body_source(request)));
    auto spec = image_task("Downloading image", request);
    spec.may_cancel = true;
    spec.run = [&context, upload](operations::Operation& operation) {
        const auto image = context.images.import(std::move(*upload), operation.cancel_token());
        operation.set_metadata("fingerprint", image.fingerprint);
        operation.set_metadata("size", image.size);
        Json details;
        details.set("type", image.type);
        context.events.lifecycle("image-created", url(image.fingerprint), details, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response update(Context& context, const http::Request& request, bool merge) {
    const auto present = visible_image(context, request);
    check_etag(request, writable(present));
    schema::ImagePut base;
    base.profiles = {"default"}; // what an image without a list means
    auto wanted =
        schema::image_put_from(json_body(request), merge ? static_cast<const schema::ImagePut&>(present) : base);
    if (merge)
        for (const auto& [key, value] : present.properties) wanted.properties.try_emplace(key, value);
    context.images.update(present.fingerprint, wanted);
    context.events.lifecycle("image-updated", url(present.fingerprint), {}, requestor(request));
    return done();
}

http::Response update_alias(Context& context, const http::Request& request, bool merge) {
    const auto present = context.images.alias(argument(request, "name"));
    check_etag(request, alias_writable(present));
    auto wanted = schema::image_alias_from(json_body(request), merge ? present : schema::ImageAliasEntry{});
    if (wanted.target.empty()) throw schema::bad_request("The target field is required");
    context.images.update_alias(present.name, wanted);
    context.events.lifecycle("image-alias-updated", alias_url(present.name), {}, requestor(request));
    return done();
}

class ExportBody : public http::BodyProducer {
public:
    explicit ExportBody(images::Export source) : source_(std::move(source)) {}
    size_t read(char* buffer, size_t size) override { return source_.read(buffer, size); }
    std::optional<uint64_t> length() const override { return source_.length(); }

private:
    images::Export source_;
};

} // namespace

http::Response images_get(Context& context, const http::Request& request) {
    const bool objects = recursion(request) > 0;
    const auto& filter_text = request.parameter("filter");
    const auto filter = schema::Filter::parse(filter_text);
    auto list = Json::empty_array();
    for (const auto& image : context.images.list()) {
        if (!image.is_public && !is_trusted(request)) continue;
        if (!filter_text.empty() && !filter.matches(to_json(image))) continue;
        list.push_back(objects ? to_json(image) : Json(url(image.fingerprint)));
    }
    return sync(list);
}

http::Response images_post(Context& context, const http::Request& request) {
    if (!is_trusted(request)) throw schema::forbidden("not authorized");
    if (request.header("Content-Type").starts_with("application/json")) {
        json_body(request);
        throw schema::Error(schema::ErrorKind::not_implemented,
                            "Images can be uploaded; other sources are not available yet");
    }
    return import_upload(context, request);
}

http::Response image_get(Context& context, const http::Request& request) {
    const auto image = visible_image(context, request);
    return sync(to_json(image), writable(image));
}

http::Response image_put(Context& context, const http::Request& request) {
    return update(context, request, false);
}
http::Response image_patch(Context& context, const http::Request& request) {
    return update(context, request, true);
}

http::Response image_delete(Context& context, const http::Request& request) {
    const auto image = visible_image(context, request);
    auto spec = image_task("Deleting image", request);
    spec.resources["images"] = {url(image.fingerprint)};
    spec.run = [&context, fingerprint = image.fingerprint](operations::Operation& operation) {
        context.images.remove(fingerprint);
        context.events.lifecycle("image-deleted", url(fingerprint), {}, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response image_export_get(Context& context, const http::Request& request) {
    const auto image = visible_image(context, request);
    auto source = context.images.open_export(image.fingerprint);
    http::Response response;
    response.headers["Content-Type"] = source.content_type();
    if (!source.content_disposition().empty()) response.headers["Content-Disposition"] = source.content_disposition();
    response.body = std::make_shared<ExportBody>(std::move(source));
    context.events.lifecycle("image-retrieved", url(image.fingerprint), {}, requestor(request));
    return response;
}

http::Response image_aliases_get(Context& context, const http::Request& request) {
    const bool objects = recursion(request) > 0;
    auto list = Json::empty_array();
    for (const auto& alias : context.images.aliases())
        list.push_back(objects ? to_json(alias) : Json(alias_url(alias.name)));
    return sync(list);
}

http::Response image_aliases_post(Context& context, const http::Request& request) {
    const auto alias = schema::image_alias_from(json_body(request));
    if (alias.name.empty() || alias.target.empty()) throw schema::bad_request("name and target are required");
    context.images.add_alias(alias);
    Json details;
    details.set("target", alias.target);
    context.events.lifecycle("image-alias-created", alias_url(alias.name), details, requestor(request));
    return created(alias_url(alias.name));
}

http::Response image_alias_get(Context& context, const http::Request& request) {
    const auto alias = context.images.alias(argument(request, "name"));
    if (!is_trusted(request) && !context.images.get(alias.target).is_public)
        throw schema::not_found("Image alias not found");
    return sync(to_json(alias), alias_writable(alias));
}

http::Response image_alias_put(Context& context, const http::Request& request) {
    return update_alias(context, request, false);
}

http::Response image_alias_patch(Context& context, const http::Request& request) {
    return update_alias(context, request, true);
}

http::Response image_alias_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    std::string wanted;
    schema::json::read(json_body(request), "name", wanted);
    context.images.rename_alias(name, wanted);
    Json details;
    details.set("old_name", name);
    context.events.lifecycle("image-alias-renamed", alias_url(wanted), details, requestor(request));
    return created(alias_url(wanted));
}

http::Response image_alias_delete(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    context.images.alias(name);
    context.images.remove_alias(name);
    context.events.lifecycle("image-alias-deleted", alias_url(name), {}, requestor(request));
    return done();
}

} // namespace api
