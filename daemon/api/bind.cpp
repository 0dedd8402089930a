#include "daemon/api/bind.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/api/handlers/handlers.h"
#include "daemon/api/range.h"
#include "daemon/api/respond.h"
#include "schema/error.h"
#include "schema/routes.h"

namespace api {

namespace {

constexpr auto handlers = std::to_array<std::pair<std::string_view, HandlerFunction>>({
    {"events_get", events_get},
    {"image_alias_delete", image_alias_delete},
    {"image_alias_get", image_alias_get},
    {"image_alias_patch", image_alias_patch},
    {"image_alias_post", image_alias_post},
    {"image_alias_put", image_alias_put},
    {"image_aliases_get", image_aliases_get},
    {"image_aliases_post", image_aliases_post},
    {"image_delete", image_delete},
    {"image_export_get", image_export_get},
    {"image_get", image_get},
    {"image_patch", image_patch},
    {"image_put", image_put},
    {"image_refresh_post", image_refresh_post},
    {"image_secret_post", image_secret_post},
    {"images_get", images_get},
    {"images_post", images_post},
    {"instance_backup_delete", instance_backup_delete},
    {"instance_backup_export_get", instance_backup_export_get},
    {"instance_backup_get", instance_backup_get},
    {"instance_backup_post", instance_backup_post},
    {"instance_backups_get", instance_backups_get},
    {"instance_backups_post", instance_backups_post},
    {"instance_console_delete", instance_console_delete},
    {"instance_console_get", instance_console_get},
    {"instance_console_post", instance_console_post},
    {"instance_delete", instance_delete},
    {"instance_exec_post", instance_exec_post},
    {"instance_files_delete", instance_files_delete},
    {"instance_files_get", instance_files_get},
    {"instance_files_head", instance_files_head},
    {"instance_files_post", instance_files_post},
    {"instance_get", instance_get},
    {"instance_log_delete", instance_log_delete},
    {"instance_log_get", instance_log_get},
    {"instance_logs_get", instance_logs_get},
    {"instance_lxc_conf_get", instance_lxc_conf_get},
    {"instance_metadata_get", instance_metadata_get},
    {"instance_metadata_patch", instance_metadata_patch},
    {"instance_metadata_put", instance_metadata_put},
    {"instance_patch", instance_patch},
    {"instance_post", instance_post},
    {"instance_put", instance_put},
    {"instance_sftp_get", instance_sftp_get},
    {"instance_snapshot_delete", instance_snapshot_delete},
    {"instance_snapshot_get", instance_snapshot_get},
    {"instance_snapshot_patch", instance_snapshot_put}, // there is one field
    {"instance_snapshot_post", instance_snapshot_post},
    {"instance_snapshot_put", instance_snapshot_put},
    {"instance_snapshots_get", instance_snapshots_get},
    {"instance_snapshots_post", instance_snapshots_post},
    {"instance_state_get", instance_state_get},
    {"instance_state_put", instance_state_put},
    {"instance_templates_delete", instance_templates_delete},
    {"instance_templates_get", instance_templates_get},
    {"instance_templates_post", instance_templates_post},
    {"instances_get", instances_get},
    {"instances_post", instances_post},
    {"instances_put", instances_put},
    {"operation_delete", operation_delete},
    {"operation_get", operation_get},
    {"operation_wait_get", operation_wait_get},
    {"operation_websocket_get", operation_websocket_get},
    {"operations_get", operations_get},
    {"pool_delete", pool_delete},
    {"pool_get", pool_get},
    {"pool_patch", pool_patch},
    {"pool_put", pool_put},
    {"pool_resources_get", pool_resources_get},
    {"pools_get", pools_get},
    {"pools_post", pools_post},
    {"profile_delete", profile_delete},
    {"profile_get", profile_get},
    {"profile_patch", profile_patch},
    {"profile_post", profile_post},
    {"profile_put", profile_put},
    {"profiles_get", profiles_get},
    {"profiles_post", profiles_post},
    {"ready_get", ready_get},
    {"recover_import_post", recover_import_post},
    {"recover_validate_post", recover_validate_post},
    {"resources_get", resources_get},
    {"server_get", server_get},
    {"server_patch", server_patch},
    {"server_put", server_put},
    {"shutdown_put", shutdown_put},
    {"versions_get", versions_get},
    {"virtual_machine_get", virtual_machine_get},
    {"virtual_machines_get", virtual_machines_get},
    {"virtual_machines_post", virtual_machines_post},
    {"volume_backup_delete", volume_backup_delete},
    {"volume_backup_export_get", volume_backup_export_get},
    {"volume_backup_get", volume_backup_get},
    {"volume_backup_post", volume_backup_post},
    {"volume_backups_get", volume_backups_get},
    {"volume_backups_post", volume_backups_post},
    {"volume_delete", volume_delete},
    {"volume_get", volume_get},
    {"volume_patch", volume_patch},
    {"volume_post", volume_post},
    {"volume_put", volume_put},
    {"volume_snapshot_delete", volume_snapshot_delete},
    {"volume_snapshot_get", volume_snapshot_get},
    {"volume_snapshot_patch", volume_snapshot_patch},
    {"volume_snapshot_post", volume_snapshot_post},
    {"volume_snapshot_put", volume_snapshot_put},
    {"volume_snapshots_get", volume_snapshots_get},
    {"volume_snapshots_post", volume_snapshots_post},
    {"volume_state_get", volume_state_get},
    {"volumes_get", volumes_get},
    {"volumes_of_type_get", volumes_of_type_get},
    {"volumes_of_type_post", volumes_of_type_post},
    {"volumes_post", volumes_post},
});

static_assert(std::is_sorted(handlers.begin(), handlers.end(),
                             [](const auto& left, const auto& right) { return left.first < right.first; }));

HandlerFunction handler_of(std::string_view name) {
    const auto found = std::lower_bound(handlers.begin(), handlers.end(), name,
                                        [](const auto& row, std::string_view wanted) { return row.first < wanted; });
    return found != handlers.end() && found->first == name ? found->second : nullptr;
}

/// Where LXD looks for the cluster member that a request names; elsewhere it is ignored.
constexpr auto for_members = std::to_array<std::string_view>({"instance_post",
                                                              "pool_get",
                                                              "pool_patch",
                                                              "pool_put",
                                                              "pool_resources_get",
                                                              "pools_post",
                                                              "resources_get",
                                                              "server_get",
                                                              "server_patch",
                                                              "server_put",
                                                              "volume_backup_delete",
                                                              "volume_backup_export_get",
                                                              "volume_backup_get",
                                                              "volume_backup_post",
                                                              "volume_backups_post",
                                                              "volume_delete",
                                                              "volume_get",
                                                              "volume_patch",
                                                              "volume_post",
                                                              "volume_put",
                                                              "volume_snapshots_post",
                                                              "volumes_of_type_post"});

void refuse_target(const http::Request& request, std::string_view route) {
    const auto target = request.parameter("target");
    if (target.empty() || target == "none") return; // "none" is where everything is without a cluster
    if (std::find(for_members.begin(), for_members.end(), route) != for_members.end())
        throw schema::not_found("Cluster member not found");
}

/// As it was sent, but for secrets.
std::string shown_url(const http::Request& request) {
    auto url = request.path;
    char separator = '?';
    for (const auto& [key, value] : request.query) {
        url += separator + key + '=' + (key == "secret" ? "..." : value);
        separator = '&';
    }
    return url;
}

void log_request(Context& context, const http::Request& request) {
    if (!context.log.wants(base::LogLevel::debug)) return;
    const auto caller = requestor(request);
    context.log.debug("Handling API request", {{"ip", caller.address},
                                               {"method", request.method},
                                               {"protocol", caller.protocol},
                                               {"url", shown_url(request)},
                                               {"username", caller.username}});
}

http::Response answer(Context& context, http::Request& request) {
    if (request.method == "OPTIONS") return {};
    auto match = schema::match_route(request.method, request.path);
    if (!match) throw schema::not_found("not found");
    const bool guest = match->route != nullptr && match->route->access == schema::Access::guest;
    if (!guest && !is_trusted(request)) throw schema::forbidden("not authorized");
    if (match->route == nullptr) throw schema::Error(schema::ErrorKind::not_implemented, "not implemented");
    const auto& project = request.parameter("project");
    if (!project.empty() && project != "default") throw schema::not_found("Project not found");
    refuse_target(request, match->route->name);
    request.arguments = std::move(match->arguments);
    return handler_of(match->route->name)(context, request);
}

} // namespace

bool is_bound(std::string_view route_name) {
    return handler_of(route_name) != nullptr;
}

http::Handler bind(Context& context) {
    return [&context](http::Request request) -> http::Response {
        log_request(context, request);
        try {
            auto response = answer(context, request);
            serve_range(request, response);
            return response;
        } catch (...) {
            auto response = error(std::current_exception());
            if (context.log.wants(base::LogLevel::debug))
                context.log.debug(
                    "Request failed",
                    {{"method", request.method}, {"url", request.path}, {"status", std::to_string(response.status)}});
            return response;
        }
    };
}

} // namespace api
