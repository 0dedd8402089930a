#include "daemon/api/file_body.h"
#include "daemon/api/handlers/handlers.h"
#include "daemon/api/respond.h"
#include "daemon/instance/image_files.h"
#include "schema/api/image_metadata.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

instance::ImageFiles files_of(Context& context, const http::Request& request) {
    const auto record = context.instances.get(argument(request, "name"))->record();
    context.pools.mount_container(record->row.pool, record->row.name);
    return instance::ImageFiles(context.pools.container_path(record->row.pool, record->row.name));
}

void report(Context& context, const http::Request& request, const std::string& action) {
    const auto source = fmt::format("/1.0/instances/{}/metadata", argument(request, "name"));
    context.events.lifecycle("instance-metadata-" + action, source, {}, requestor(request));
}

void report_template(Context& context, const http::Request& request, const std::string& action) {
    const auto source = fmt::format("/1.0/instances/{}/metadata/templates", argument(request, "name"));
    Json details;
    details.set("path", request.parameter("path"));
    context.events.lifecycle("instance-metadata-template-" + action, source, std::move(details), requestor(request));
}

const std::string& template_name(const http::Request& request) {
    const auto& name = request.parameter("path");
    if (name.empty()) throw schema::bad_request("missing path argument");
    return name;
}

http::Response store(Context& context, const http::Request& request, const instance::ImageFiles& files,
                     const schema::ImageMetadata& metadata) {
    files.set_metadata(metadata);
    report(context, request, "updated");
    return done();
}

} // namespace

http::Response instance_metadata_get(Context& context, const http::Request& request) {
    const auto metadata = files_of(context, request).metadata();
    if (!metadata) return sync(to_json(schema::ImageMetadata()));
    report(context, request, "retrieved");
    const auto shown = to_json(*metadata);
    return sync(shown, shown);
}

http::Response instance_metadata_put(Context& context, const http::Request& request) {
    const auto wanted = schema::image_metadata_from(json_body(request));
    return store(context, request, files_of(context, request), wanted);
}

http::Response instance_metadata_patch(Context& context, const http::Request& request) {
    const auto files = files_of(context, request);
    auto present = files.metadata().value_or(schema::ImageMetadata());
    check_etag(request, to_json(present));
    return store(context, request, files, schema::image_metadata_from(json_body(request), std::move(present)));
}

http::Response instance_templates_get(Context& context, const http::Request& request) {
    const auto files = files_of(context, request);
    const auto& name = request.parameter("path");
    if (name.empty()) return sync(Json(files.templates()));
    auto file = files.open_template(name);
    report_template(context, request, "retrieved");
    return file_response(std::move(file), name);
}

http::Response instance_templates_post(Context& context, const http::Request& request) {
    const auto files = files_of(context, request);
    const auto& name = template_name(request);
    if (request.stream)
        throw schema::Error(schema::ErrorKind::too_large,
                            fmt::format("The template is larger than {} bytes", http::buffered_body_limit));
    files.put_template(name, request.body);
    report_template(context, request, "created");
    return done();
}

http::Response instance_templates_delete(Context& context, const http::Request& request) {
    const auto files = files_of(context, request);
    files.remove_template(template_name(request));
    report_template(context, request, "deleted");
    return done();
}

} // namespace api
