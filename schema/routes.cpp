#include "schema/routes.h"

#include <algorithm>
#include <array>

#include "schema/error.h"

namespace schema {

namespace {

using enum Access;

constexpr std::array table{
    Route{"versions_get", "GET", "/", guest},
    Route{"versions_get", "POST", "/", guest}, // LXD's root answers every method
    Route{"server_get", "GET", "/1.0", guest},
    Route{"server_put", "PUT", "/1.0"},
    Route{"server_patch", "PATCH", "/1.0"},
    Route{"events_get", "GET", "/1.0/events"},

    Route{"resources_get", "GET", "/1.0/resources"},

    Route{"operations_get", "GET", "/1.0/operations"},
    Route{"operation_get", "GET", "/1.0/operations/{id}"},
    Route{"operation_delete", "DELETE", "/1.0/operations/{id}"},
    Route{"operation_wait_get", "GET", "/1.0/operations/{id}/wait", guest},
    Route{"operation_websocket_get", "GET", "/1.0/operations/{id}/websocket", guest},

    Route{"instances_get", "GET", "/1.0/instances"},
    Route{"instances_post", "POST", "/1.0/instances"},
    Route{"instances_put", "PUT", "/1.0/instances"},
    Route{"instance_get", "GET", "/1.0/instances/{name}"},
    Route{"instance_put", "PUT", "/1.0/instances/{name}"},
    Route{"instance_patch", "PATCH", "/1.0/instances/{name}"},
    Route{"instance_post", "POST", "/1.0/instances/{name}"},
    Route{"instance_delete", "DELETE", "/1.0/instances/{name}"},
    Route{"instance_state_get", "GET", "/1.0/instances/{name}/state"},
    Route{"instance_state_put", "PUT", "/1.0/instances/{name}/state"},
    Route{"instance_exec_post", "POST", "/1.0/instances/{name}/exec"},
    Route{"instance_console_post", "POST", "/1.0/instances/{name}/console"},
    Route{"instance_console_get", "GET", "/1.0/instances/{name}/console"},
    Route{"instance_console_delete", "DELETE", "/1.0/instances/{name}/console"},
    Route{"instance_files_get", "GET", "/1.0/instances/{name}/files"},
    Route{"instance_files_head", "HEAD", "/1.0/instances/{name}/files"},
    Route{"instance_files_post", "POST", "/1.0/instances/{name}/files"},
    Route{"instance_files_delete", "DELETE", "/1.0/instances/{name}/files"},
    Route{"instance_sftp_get", "GET", "/1.0/instances/{name}/sftp"},
    Route{"instance_logs_get", "GET", "/1.0/instances/{name}/logs"},
    Route{"instance_log_get", "GET", "/1.0/instances/{name}/logs/{file}"},
    Route{"instance_log_delete", "DELETE", "/1.0/instances/{name}/logs/{file}"},
    Route{"instance_metadata_get", "GET", "/1.0/instances/{name}/metadata"},
    Route{"instance_metadata_put", "PUT", "/1.0/instances/{name}/metadata"},
    Route{"instance_metadata_patch", "PATCH", "/1.0/instances/{name}/metadata"},
    Route{"instance_templates_get", "GET", "/1.0/instances/{name}/metadata/templates"},
    Route{"instance_templates_post", "POST", "/1.0/instances/{name}/metadata/templates"},
    Route{"instance_templates_delete", "DELETE", "/1.0/instances/{name}/metadata/templates"},
    Route{"instance_snapshots_get", "GET", "/1.0/instances/{name}/snapshots"},
    Route{"instance_snapshots_post", "POST", "/1.0/instances/{name}/snapshots"},
    Route{"instance_snapshot_get", "GET", "/1.0/instances/{name}/snapshots/{snapshot}"},
    Route{"instance_snapshot_put", "PUT", "/1.0/instances/{name}/snapshots/{snapshot}"},
    Route{"instance_snapshot_patch", "PATCH", "/1.0/instances/{name}/snapshots/{snapshot}"},
    Route{"instance_snapshot_post", "POST", "/1.0/instances/{name}/snapshots/{snapshot}"},
    Route{"instance_snapshot_delete", "DELETE", "/1.0/instances/{name}/snapshots/{snapshot}"},
    Route{"instance_backups_get", "GET", "/1.0/instances/{name}/backups"},
    Route{"instance_backups_post", "POST", "/1.0/instances/{name}/backups"},
    Route{"instance_backup_get", "GET", "/1.0/instances/{name}/backups/{backup}"},
    Route{"instance_backup_post", "POST", "/1.0/instances/{name}/backups/{backup}"},
    Route{"instance_backup_delete", "DELETE", "/1.0/instances/{name}/backups/{backup}"},
    Route{"instance_backup_export_get", "GET", "/1.0/instances/{name}/backups/{backup}/export"},

    // There are none, and a container is not found here.
    Route{"virtual_machines_get", "GET", "/1.0/virtual-machines"},
    Route{"virtual_machines_post", "POST", "/1.0/virtual-machines"},
    Route{"virtual_machine_get", "GET", "/1.0/virtual-machines/{name*}"},

    Route{"image_aliases_get", "GET", "/1.0/images/aliases"},
    Route{"image_aliases_post", "POST", "/1.0/images/aliases"},
    Route{"image_alias_get", "GET", "/1.0/images/aliases/{name*}", guest},
    Route{"image_alias_put", "PUT", "/1.0/images/aliases/{name*}"},
    Route{"image_alias_patch", "PATCH", "/1.0/images/aliases/{name*}"},
    Route{"image_alias_post", "POST", "/1.0/images/aliases/{name*}"},
    Route{"image_alias_delete", "DELETE", "/1.0/images/aliases/{name*}"},
    Route{"images_get", "GET", "/1.0/images", guest},
    Route{"images_post", "POST", "/1.0/images", guest},
    Route{"image_get", "GET", "/1.0/images/{fingerprint}", guest},
    Route{"image_put", "PUT", "/1.0/images/{fingerprint}"},
    Route{"image_patch", "PATCH", "/1.0/images/{fingerprint}"},
    Route{"image_delete", "DELETE", "/1.0/images/{fingerprint}"},
    Route{"image_export_get", "GET", "/1.0/images/{fingerprint}/export", guest},
    Route{"image_refresh_post", "POST", "/1.0/images/{fingerprint}/refresh"},
    Route{"image_secret_post", "POST", "/1.0/images/{fingerprint}/secret"},

    Route{"profiles_get", "GET", "/1.0/profiles"},
    Route{"profiles_post", "POST", "/1.0/profiles"},
    Route{"profile_get", "GET", "/1.0/profiles/{name}"},
    Route{"profile_put", "PUT", "/1.0/profiles/{name}"},
    Route{"profile_patch", "PATCH", "/1.0/profiles/{name}"},
    Route{"profile_post", "POST", "/1.0/profiles/{name}"},
    Route{"profile_delete", "DELETE", "/1.0/profiles/{name}"},

    Route{"pools_get", "GET", "/1.0/storage-pools"},
    Route{"pools_post", "POST", "/1.0/storage-pools"},
    Route{"pool_get", "GET", "/1.0/storage-pools/{name}"},
    Route{"pool_put", "PUT", "/1.0/storage-pools/{name}"},
    Route{"pool_patch", "PATCH", "/1.0/storage-pools/{name}"},
    Route{"pool_delete", "DELETE", "/1.0/storage-pools/{name}"},
    Route{"pool_resources_get", "GET", "/1.0/storage-pools/{name}/resources"},

    Route{"volumes_get", "GET", "/1.0/storage-pools/{pool}/volumes"},
    Route{"volumes_post", "POST", "/1.0/storage-pools/{pool}/volumes"},
    Route{"volumes_of_type_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}"},
    Route{"volumes_of_type_post", "POST", "/1.0/storage-pools/{pool}/volumes/{type}"},
    Route{"volume_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}"},
    Route{"volume_put", "PUT", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}"},
    Route{"volume_patch", "PATCH", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}"},
    Route{"volume_post", "POST", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}"},
    Route{"volume_delete", "DELETE", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}"},
    Route{"volume_state_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/state"},
    Route{"volume_backups_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups"},
    Route{"volume_backups_post", "POST", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups"},
    Route{"volume_backup_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups/{backup}"},
    Route{"volume_backup_post", "POST", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups/{backup}"},
    Route{"volume_backup_delete", "DELETE", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups/{backup}"},
    Route{"volume_backup_export_get", "GET",
          "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups/{backup}/export"},
    Route{"volume_snapshots_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots"},
    Route{"volume_snapshots_post", "POST", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots"},
    Route{"volume_snapshot_get", "GET", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots/{snapshot}"},
    Route{"volume_snapshot_put", "PUT", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots/{snapshot}"},
    Route{"volume_snapshot_patch", "PATCH", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots/{snapshot}"},
    Route{"volume_snapshot_post", "POST", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots/{snapshot}"},
    Route{"volume_snapshot_delete", "DELETE", "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots/{snapshot}"},

    Route{"instance_lxc_conf_get", "GET", "/internal/instances/{name}/lxc-conf"},
    Route{"ready_get", "GET", "/internal/ready"},
    Route{"recover_import_post", "POST", "/internal/recover/import"},
    Route{"recover_validate_post", "POST", "/internal/recover/validate"},
    Route{"shutdown_put", "PUT", "/internal/shutdown"},
};

constexpr std::array known_methods{"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"};

/// Cuts the first segment off. The leading slash is gone already.
std::string_view take_segment(std::string_view& rest) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    return segment;
}

/// Both without their leading slash; a difference in how many segments there are shows as an empty rest.
bool path_fits(std::string_view pattern, std::string_view path) {
    while (true) {
        const bool pattern_ends = pattern.find('/') == std::string_view::npos;
        const bool path_ends = path.find('/') == std::string_view::npos;
        const auto wanted = take_segment(pattern);
        if (wanted.ends_with("*}")) return !path.empty();
        const auto segment = take_segment(path);
        if (wanted.starts_with('{') ? segment.empty() : segment != wanted) return false;
        if (pattern_ends || path_ends) return pattern_ends && path_ends;
    }
}

std::map<std::string, std::string> arguments_of(std::string_view pattern, std::string_view path) {
    std::map<std::string, std::string> arguments;
    while (!pattern.empty()) {
        auto wanted = take_segment(pattern);
        const bool greedy = wanted.ends_with("*}");
        const auto segment = greedy ? path : take_segment(path);
        if (!wanted.starts_with('{')) continue;
        wanted = wanted.substr(1, wanted.size() - (greedy ? 3 : 2));
        arguments.emplace(wanted, segment);
    }
    return arguments;
}

} // namespace

std::span<const Route> routes() noexcept {
    return table;
}

std::optional<RouteMatch> match_route(std::string_view method, std::string_view path) {
    if (!path.starts_with('/')) return {};
    path.remove_prefix(1);
    std::string as_instances;
    constexpr std::string_view containers = "1.0/containers";
    if (path == containers || (path.starts_with(containers) && path[containers.size()] == '/')) {
        as_instances = "1.0/instances" + std::string(path.substr(containers.size()));
        path = as_instances;
    }

    std::string_view known_path;
    for (const auto& route : table) {
        const auto pattern = route.path.substr(1);
        // The rows of one path are neighbours, and the first path that fits is the one: no other comes after it.
        if (known_path.empty() ? !path_fits(pattern, path) : route.path != known_path) {
            if (!known_path.empty()) break;
            continue;
        }
        known_path = route.path;
        if (route.method == method) return RouteMatch{&route, arguments_of(pattern, path)};
    }
    if (known_path.empty()) return {};
    if (std::ranges::find(known_methods, method) == known_methods.end()) {
        throw not_found("Method \"{}\" not found", method);
    }
    return RouteMatch{nullptr, arguments_of(known_path.substr(1), path)};
}

} // namespace schema
