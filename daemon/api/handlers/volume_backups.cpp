#include "daemon/api/handlers/backups.h"
#include "daemon/api/handlers/handlers.h"

#include "daemon/api/body_source.h"
#include "daemon/api/handlers/volumes.h"
#include "daemon/api/pack_progress.h"
#include "daemon/api/respond.h"
#include "daemon/storage/volume_backups.h"
#include "schema/error.h"

namespace api {

namespace {

state::VolumePlace place_of(const http::Request& request) {
    check_custom(argument(request, "type"));
    return {argument(request, "pool"), argument(request, "volume")};
}

BackedUp backed_up_by(Context& context, const http::Request& request) {
    const auto place = place_of(request);
    context.volumes.get({place.pool, "custom", place.name});
    return {.kept = context.volume_backups.kept(),
            .owner = storage::VolumeBackups::owner(place),
            .name = place.name,
            .url = volume_url(place.pool, "custom", place.name),
            .json = &schema::volume_backup_json,
            .event = "storage-volume-backup",
            .created_with = schema::Json().set("type", "custom")};
}

operations::Spec backup_task(const char* description, const char* kind, const std::string& volume,
                             const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.resources[kind] = {fmt::format("/1.0/{}/{}", kind, volume)};
    spec.requestor = requestor(request);
    return spec;
}

} // namespace

http::Response volume_backups_get(Context& context, const http::Request& request) {
    return list_backups(request, backed_up_by(context, request));
}

http::Response volume_backups_post(Context& context, const http::Request& request) {
    const auto backed_up = backed_up_by(context, request);
    return make_backup(context, backed_up, schema::volume_backups_post_from(json_body(request)),
                       backup_task("Creating custom volume backup", "storage_volumes", backed_up.name, request),
                       "Create volume backup: ",
                       [&context, place = place_of(request)](const auto& post, operations::Operation& operation) {
                           context.volume_backups.create(place, post, operation.cancel_token(),
                                                         pack_progress(operation, "create_backup_progress", ""));
                       });
}

http::Response volume_backup_get(Context& context, const http::Request& request) {
    return show_backup(request, backed_up_by(context, request));
}

http::Response volume_backup_post(Context& context, const http::Request& request) {
    const auto backed_up = backed_up_by(context, request);
    return rename_backup(context, request, backed_up,
                         backup_task("Renaming custom volume backup", "volume", backed_up.name, request));
}

http::Response volume_backup_delete(Context& context, const http::Request& request) {
    const auto backed_up = backed_up_by(context, request);
    return remove_backup(context, request, backed_up,
                         backup_task("Deleting custom volume backup", "volume", backed_up.name, request));
}

http::Response volume_backup_export_get(Context& context, const http::Request& request) {
    return export_backup(context, request, backed_up_by(context, request));
}

http::Response volume_from_backup(Context& context, const http::Request& request) {
    check_custom(argument(request, "type"));
    const auto upload =
        context.volume_backups.receive(body_source(request), request.header("X-LXD-name"), argument(request, "pool"));
    check_new_volume_name(upload->index.name);
    auto spec = backup_task("Restoring custom volume backup", "storage_volumes", upload->index.name, request);
    spec.may_cancel = true;
    spec.run = [&context, upload](operations::Operation& operation) {
        try {
            context.volume_backups.restore(*upload, operation.cancel_token());
        } catch (const schema::Error& error) {
            throw schema::Error(error.kind(), fmt::format("Create custom volume from backup: {}", error.what()));
        }
        report_volume_created(context, upload->index.pool, upload->index.name, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

} // namespace api
