#include "daemon/api/handlers/handlers.h"

#include "daemon/api/body_source.h"
#include "daemon/api/image_export.h"
#include "daemon/api/pack_progress.h"
#include "daemon/api/respond.h"
#include "daemon/base/crypto.h"
#include "daemon/instance/publish.h"
#include "schema/error.h"
#include "schema/filter.h"

namespace api {

using schema::Json;

namespace {

std::string url(const std::string& fingerprint) {
    return "/1.0/images/" + fingerprint;
}

void end_token(Context& context, const schema::Operation& token) {
    if (token.status != schema::Status::running) return;
    try {
        context.operations.cancel(token.id);
    } catch (const schema::Error&) { // another request ended it meanwhile
    }
}

/// Whether the request carries the secret of a token for this image. Its first use ends the token; it is good for as
/// long then as finished operations are kept.
bool has_secret(Context& context, const http::Request& request, const schema::Image& image) {
    const auto& secret = request.parameter("secret");
    if (secret.empty()) return false;
    for (const auto& operation : context.operations.list()) {
        const auto token = operation->snapshot();
        const auto images = token.resources.find("images");
        if (token.class_name != "token" || images == token.resources.end()) continue;
        if (images->second != std::vector{url(image.fingerprint)} || token.metadata["secret"] != Json(secret)) continue;
        end_token(context, token);
        return true;
    }
    return false;
}

/// An image that this caller may see; others are not found for it.
schema::Image visible_image(Context& context, const http::Request& request) {
    auto image = context.images.get(argument(request, "fingerprint"));
    const bool invited = has_secret(context, request, image);
    if (!image.is_public && !is_trusted(request) && !invited) throw schema::not_found("Image not found");
    return image;
}

Json writable(const schema::Image& image) {
    return to_json(static_cast<const schema::ImagePut&>(image)).set("fingerprint", image.fingerprint);
}

operations::Spec image_task(const char* description, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.requestor = requestor(request);
    return spec;
}

/// Sources that LXD knows and that are not written yet, each with what is true of it.
void refuse_source(const schema::ImagesPostSource& source) {
    static const std::map<std::string, std::string> unavailable{
        {"image", "Images of other servers cannot be downloaded yet"},
        {"url", "Images cannot be downloaded from a URL yet"},
    };
    if (source.mode == "push")
        throw schema::Error(schema::ErrorKind::not_implemented, "Other servers cannot push images here yet");
    if (const auto found = unavailable.find(source.type); found != unavailable.end())
        throw schema::Error(schema::ErrorKind::not_implemented, found->second);
    if (source.type != "instance" && source.type != "container" && source.type != "snapshot" &&
        source.type != "virtual-machine")
        throw schema::failure("Invalid images JSON");
}

void tell_image(operations::Operation& operation, const std::string& fingerprint, int64_t size) {
    operation.set_metadata("fingerprint", fingerprint);
    operation.set_metadata("size", std::to_string(size)); // LXD's is a text here
}

void report_created(Context& context, const schema::Image& image, const operations::Operation& operation) {
    Json details;
    details.set("type", image.type);
    context.events.lifecycle("image-created", url(image.fingerprint), details, operation.requestor());
}

http::Response publish(Context& context, const http::Request& request) {
    auto post = schema::images_post_from(json_body(request));
    refuse_source(post.source);
    if (!post.source.name.empty()) // LXD looks for where it is before it starts
        context.instances.get(post.source.name.substr(0, post.source.name.find('/')));
    if (post.compression_algorithm.empty())
        post.compression_algorithm = schema::get(context.server_config.get(), "images.compression_algorithm");
    if (post.compression_algorithm.empty()) post.compression_algorithm = "gzip";
    auto spec = image_task("Downloading image", request);
    spec.may_cancel = true;
    spec.run = [&context, post](operations::Operation& operation) {
        const auto image = instance::publish(
            post, {context.database, context.instances, context.pools, context.images}, operation.cancel_token(),
            pack_progress(operation, "create_image_from_container_pack_progress", "Image pack: "));
        tell_image(operation, image.fingerprint, image.size);
        report_created(context, image, operation);
    };
    return async(*context.operations.start(std::move(spec)));
}

/// As LXD does: whatever looks like JSON is no image.
bool is_json(const http::Request& request) {
    return request.header("Content-Type").starts_with("application/json") ||
           (!request.stream && request.body.starts_with('{'));
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
        const auto tell = [&operation, fingerprint = upload->fingerprint(), size = upload->size()] {
            tell_image(operation, fingerprint, size);
        };
        schema::Image image;
        try {
            image = context.images.import(std::move(*upload), operation.cancel_token());
        } catch (const schema::Error& error) {
            if (error.kind() == schema::ErrorKind::conflict) tell(); // clients go on with the one that is there
            throw;
        }
        tell();
        report_created(context, image, operation);
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
    if (is_json(request)) return publish(context, request);
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
    return exported(context, visible_image(context, request), request, requestor(request));
}

http::Response image_refresh_post(Context& context, const http::Request& request) {
    const auto image = visible_image(context, request);
    auto spec = image_task("Refreshing image", request);
    spec.run = [image](operations::Operation&) {
        throw schema::failure("Failed to update image \"{}\" in project \"default\": {}", image.fingerprint,
                              image.update_source ? "Images of other servers cannot be downloaded yet"
                                                  : "Image source not found");
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response image_secret_post(Context& context, const http::Request& request) {
    const auto image = visible_image(context, request);
    auto spec = image_task("Image download token", request);
    spec.resources["images"] = {url(image.fingerprint)};
    spec.metadata.set("secret", base::random_hex(32));
    const auto operation = context.operations.start(std::move(spec));
    context.events.lifecycle("image-secret-created", url(image.fingerprint), {}, requestor(request));
    return async(*operation);
}

} // namespace api
