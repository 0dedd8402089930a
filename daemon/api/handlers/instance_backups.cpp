#include "daemon/api/handlers/backups.h"
#include "daemon/api/handlers/handlers.h"

#include "daemon/api/body_source.h"
#include "daemon/api/pack_progress.h"
#include "daemon/api/respond.h"
#include "daemon/instance/backups.h"
#include "schema/error.h"

namespace api {

namespace {

BackedUp backed_up_by(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    context.instances.get(name);
    return {.kept = context.backups.kept(),
            .owner = name,
            .name = name,
            .url = "/1.0/instances/" + name,
            .json = &schema::instance_backup_json,
            .event = "instance-backup",
            .created_with = {}};
}

operations::Spec backup_task(const char* description, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.resources["instances"] = {"/1.0/instances/" + argument(request, "name")};
    spec.requestor = requestor(request);
    return spec;
}

} // namespace

http::Response instance_backups_get(Context& context, const http::Request& request) {
    return list_backups(request, backed_up_by(context, request));
}

http::Response instance_backups_post(Context& context, const http::Request& request) {
    const auto backed_up = backed_up_by(context, request);
    return make_backup(context, backed_up, schema::instance_backups_post_from(json_body(request)),
                       backup_task("Backing up instance", request), "Create backup: ",
                       [&context, name = backed_up.name](const auto& post, operations::Operation& operation) {
                           context.backups.create(name, post, operation.cancel_token(),
                                                  pack_progress(operation, "create_backup_progress", ""));
                       });
}

http::Response instance_backup_get(Context& context, const http::Request& request) {
    return show_backup(request, backed_up_by(context, request));
}

http::Response instance_backup_post(Context& context, const http::Request& request) {
    return rename_backup(context, request, backed_up_by(context, request),
                         backup_task("Renaming instance backup", request));
}

http::Response instance_backup_delete(Context& context, const http::Request& request) {
    auto spec = backup_task("Removing instance backup", request);
    spec.resources = {{"container", {"/1.0/container/" + argument(request, "name")}}};
    spec.name_containers = false;
    return remove_backup(context, request, backed_up_by(context, request), std::move(spec));
}

http::Response instance_backup_export_get(Context& context, const http::Request& request) {
    return export_backup(context, request, backed_up_by(context, request));
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
