#include "daemon/api/handlers/handlers.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/body_source.h"
#include "daemon/api/pack_progress.h"
#include "daemon/api/respond.h"
#include "daemon/base/fd.h"
#include "daemon/images/export.h"
#include "daemon/instance/backups.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

std::string url(const std::string& instance, const std::string& backup) {
    return "/1.0/instances/" + instance + "/backups/" + backup;
}

const std::string& instance_name(const http::Request& request) {
    return argument(request, "name");
}

void check_name(const std::string& name) {
    if (name.find('/') != std::string::npos) throw schema::bad_request("Backup names may not contain slashes");
}

operations::Spec backup_task(const char* description, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.resources["instances"] = {"/1.0/instances/" + instance_name(request)};
    spec.requestor = requestor(request);
    return spec;
}

std::string chosen_compression(Context& context, const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    const auto configured = schema::get(context.server_config.get(), "backups.compression_algorithm");
    return configured.empty() ? "gzip" : configured;
}

class FileBody : public http::BodyProducer {
public:
    explicit FileBody(images::Export source) : source_(std::move(source)) {}
    size_t read(char* buffer, size_t size) override { return source_.read(buffer, size); }
    std::optional<uint64_t> length() const override { return source_.length(); }

private:
    images::Export source_;
};

} // namespace

http::Response instance_backups_get(Context& context, const http::Request& request) {
    const auto& name = instance_name(request);
    context.instances.get(name);
    auto list = Json::empty_array();
    for (const auto& row : context.backups.list(name))
        list.push_back(recursion(request) > 0 ? to_json(row) : Json(url(name, row.name)));
    return sync(list);
}

http::Response instance_backups_post(Context& context, const http::Request& request) {
    const auto& name = instance_name(request);
    context.instances.get(name);
    auto post = schema::instance_backups_post_from(json_body(request));
    if (post.name.empty()) post.name = context.backups.free_name(name);
    check_name(post.name);
    post.compression_algorithm = chosen_compression(context, post.compression_algorithm);
    post.optimized_storage = false; // as LXD where a driver has no format of its own
    auto spec = backup_task("Backing up instance", request);
    spec.resources["backups"] = {"/1.0/backups/" + post.name}; // so do clients expect it, who fetch it elsewhere
    spec.may_cancel = true;
    spec.run = [&context, name, post](operations::Operation& operation) {
        try {
            context.backups.create(name, post, operation.cancel_token(),
                                   pack_progress(operation, "create_backup_progress", ""));
        } catch (const schema::Error& error) {
            throw schema::Error(error.kind(), fmt::format("Create backup: {}", error.what()));
        }
        context.events.lifecycle("instance-backup-created", url(name, post.name), {}, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_backup_get(Context& context, const http::Request& request) {
    return sync(to_json(context.backups.get(instance_name(request), argument(request, "backup"))));
}

http::Response instance_backup_post(Context& context, const http::Request& request) {
    const auto row = context.backups.get(instance_name(request), argument(request, "backup"));
    std::string new_name;
    schema::json::read(json_body(request), "name", new_name);
    check_name(new_name);
    if (new_name.empty()) throw schema::bad_request("Missing backup name");
    auto spec = backup_task("Renaming instance backup", request);
    spec.run = [&context, row, new_name](operations::Operation& operation) {
        context.backups.rename(row.instance, row.name, new_name);
        Json details;
        details.set("old_name", row.instance + "/" + row.name);
        context.events.lifecycle("instance-backup-renamed", url(row.instance, new_name), details,
                                 operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_backup_delete(Context& context, const http::Request& request) {
    const auto row = context.backups.get(instance_name(request), argument(request, "backup"));
    auto spec = backup_task("Removing instance backup", request);
    spec.resources = {{"container", {"/1.0/container/" + row.instance}}};
    spec.name_containers = false;
    spec.run = [&context, row](operations::Operation& operation) {
        context.backups.remove(row.instance, row.name);
        context.events.lifecycle("instance-backup-deleted", url(row.instance, row.name), {}, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_backup_export_get(Context& context, const http::Request& request) {
    const auto row = context.backups.get(instance_name(request), argument(request, "backup"));
    images::Export source({{"", row.name, context.backups.file(row)}});
    http::Response response;
    response.headers["Content-Type"] = source.content_type();
    response.headers["Content-Disposition"] = source.content_disposition();
    response.headers["Accept-Ranges"] = "bytes";
    response.body = std::make_shared<FileBody>(std::move(source));
    context.events.lifecycle("instance-backup-retrieved", url(row.instance, row.name), {}, requestor(request));
    return response;
}

http::Response instance_from_backup(Context& context, const http::Request& request) {
    const auto upload =
        context.backups.receive(body_source(request), request.header("X-LXD-name"), request.header("X-LXD-pool"));
    operations::Spec spec;
    spec.description = "Restoring backup";
    spec.resources["instances"] = {"/1.0/instances/" + upload->index.name};
    spec.requestor = requestor(request);
    spec.may_cancel = true;
    spec.run = [&context, upload](operations::Operation& operation) {
        const instance::Caller caller{operation.requestor(), operation.cancel_token(), {}};
        try {
            context.backups.restore(*upload, caller, {});
        } catch (const schema::Error& error) {
            throw schema::Error(error.kind(), fmt::format("Create instance from backup: {}", error.what()));
        }
    };
    return async(*context.operations.start(std::move(spec)));
}

} // namespace api
