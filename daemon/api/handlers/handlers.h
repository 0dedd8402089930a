#pragma once
// The handlers, one function for each method of a route; bind.cpp names them. Each decodes, calls one room and encodes.
// They throw schema::Error; bind turns that into LXD's error reply.

#include "daemon/api/context.h"
#include "daemon/http/message.h"

namespace api {

using HandlerFunction = http::Response (*)(Context&, const http::Request&);

// server.cpp
http::Response versions_get(Context&, const http::Request&);
http::Response server_get(Context&, const http::Request&);
http::Response server_put(Context&, const http::Request&);
http::Response server_patch(Context&, const http::Request&);
http::Response shutdown_put(Context&, const http::Request&);
http::Response ready_get(Context&, const http::Request&);

// events.cpp
http::Response events_get(Context&, const http::Request&);

// operations.cpp
http::Response operations_get(Context&, const http::Request&);
http::Response operation_get(Context&, const http::Request&);
http::Response operation_delete(Context&, const http::Request&);
http::Response operation_wait_get(Context&, const http::Request&);
http::Response operation_websocket_get(Context&, const http::Request&);

// profiles.cpp
http::Response profiles_get(Context&, const http::Request&);
http::Response profiles_post(Context&, const http::Request&);
http::Response profile_get(Context&, const http::Request&);
http::Response profile_put(Context&, const http::Request&);
http::Response profile_patch(Context&, const http::Request&);
http::Response profile_post(Context&, const http::Request&);
http::Response profile_delete(Context&, const http::Request&);

// images.cpp
http::Response images_get(Context&, const http::Request&);
http::Response images_post(Context&, const http::Request&);
http::Response image_get(Context&, const http::Request&);
http::Response image_put(Context&, const http::Request&);
http::Response image_patch(Context&, const http::Request&);
http::Response image_delete(Context&, const http::Request&);
http::Response image_export_get(Context&, const http::Request&);
http::Response image_refresh_post(Context&, const http::Request&);
http::Response image_secret_post(Context&, const http::Request&);

// image_aliases.cpp
http::Response image_aliases_get(Context&, const http::Request&);
http::Response image_aliases_post(Context&, const http::Request&);
http::Response image_alias_get(Context&, const http::Request&);
http::Response image_alias_put(Context&, const http::Request&);
http::Response image_alias_patch(Context&, const http::Request&);
http::Response image_alias_post(Context&, const http::Request&);
http::Response image_alias_delete(Context&, const http::Request&);

// resources.cpp
http::Response resources_get(Context&, const http::Request&);

// storage.cpp
http::Response pools_get(Context&, const http::Request&);
http::Response pools_post(Context&, const http::Request&);
http::Response pool_get(Context&, const http::Request&);
http::Response pool_put(Context&, const http::Request&);
http::Response pool_patch(Context&, const http::Request&);
http::Response pool_delete(Context&, const http::Request&);
http::Response pool_resources_get(Context&, const http::Request&);

// volumes.cpp
http::Response volume_delete(Context&, const http::Request&);
http::Response volume_get(Context&, const http::Request&);
http::Response volume_patch(Context&, const http::Request&);
http::Response volume_post(Context&, const http::Request&);
http::Response volume_put(Context&, const http::Request&);
http::Response volume_state_get(Context&, const http::Request&);
http::Response volumes_get(Context&, const http::Request&);
http::Response volumes_of_type_get(Context&, const http::Request&);
http::Response volumes_of_type_post(Context&, const http::Request&);
http::Response volumes_post(Context&, const http::Request&);

// volume_backups.cpp
http::Response volume_backup_delete(Context&, const http::Request&);
http::Response volume_backup_export_get(Context&, const http::Request&);
http::Response volume_backup_get(Context&, const http::Request&);
http::Response volume_backup_post(Context&, const http::Request&);
http::Response volume_backups_get(Context&, const http::Request&);
http::Response volume_backups_post(Context&, const http::Request&);
http::Response volume_from_backup(Context&, const http::Request&);

// volume_snapshots.cpp
http::Response volume_snapshot_delete(Context&, const http::Request&);
http::Response volume_snapshot_get(Context&, const http::Request&);
http::Response volume_snapshot_patch(Context&, const http::Request&);
http::Response volume_snapshot_post(Context&, const http::Request&);
http::Response volume_snapshot_put(Context&, const http::Request&);
http::Response volume_snapshots_get(Context&, const http::Request&);
http::Response volume_snapshots_post(Context&, const http::Request&);

// instances.cpp
http::Response instances_get(Context&, const http::Request&);
http::Response instances_post(Context&, const http::Request&);
http::Response instances_put(Context&, const http::Request&);
http::Response virtual_machine_get(Context&, const http::Request&);
http::Response virtual_machines_get(Context&, const http::Request&);
http::Response virtual_machines_post(Context&, const http::Request&);
http::Response instance_get(Context&, const http::Request&);
http::Response instance_put(Context&, const http::Request&);
http::Response instance_patch(Context&, const http::Request&);
http::Response instance_post(Context&, const http::Request&);
http::Response instance_delete(Context&, const http::Request&);
http::Response instance_backup_delete(Context&, const http::Request&);
http::Response instance_backup_export_get(Context&, const http::Request&);
http::Response instance_backup_get(Context&, const http::Request&);
http::Response recover_import_post(Context&, const http::Request&);
http::Response recover_validate_post(Context&, const http::Request&);
http::Response instance_backup_post(Context&, const http::Request&);
http::Response instance_backups_get(Context&, const http::Request&);
http::Response instance_backups_post(Context&, const http::Request&);
http::Response instance_from_backup(Context&, const http::Request&);

// instance_snapshots.cpp
http::Response instance_snapshots_get(Context&, const http::Request&);
http::Response instance_snapshots_post(Context&, const http::Request&);
http::Response instance_snapshot_get(Context&, const http::Request&);
http::Response instance_snapshot_put(Context&, const http::Request&);
http::Response instance_snapshot_post(Context&, const http::Request&);
http::Response instance_snapshot_delete(Context&, const http::Request&);

// instance_state.cpp
http::Response instance_state_get(Context&, const http::Request&);
http::Response instance_state_put(Context&, const http::Request&);

// instance_exec.cpp
http::Response instance_exec_post(Context&, const http::Request&);

// instance_console.cpp
http::Response instance_console_post(Context&, const http::Request&);
http::Response instance_console_get(Context&, const http::Request&);
http::Response instance_console_delete(Context&, const http::Request&);

// instance_sftp.cpp
http::Response instance_sftp_get(Context&, const http::Request&);

// instance_files.cpp
http::Response instance_files_get(Context&, const http::Request&);
http::Response instance_files_head(Context&, const http::Request&);
http::Response instance_files_post(Context&, const http::Request&);
http::Response instance_files_delete(Context&, const http::Request&);

// instance_logs.cpp
http::Response instance_logs_get(Context&, const http::Request&);
http::Response instance_log_get(Context&, const http::Request&);
http::Response instance_lxc_conf_get(Context&, const http::Request&);
http::Response instance_log_delete(Context&, const http::Request&);

// instance_metadata.cpp
http::Response instance_metadata_get(Context&, const http::Request&);
http::Response instance_metadata_put(Context&, const http::Request&);
http::Response instance_metadata_patch(Context&, const http::Request&);
http::Response instance_templates_get(Context&, const http::Request&);
http::Response instance_templates_post(Context&, const http::Request&);
http::Response instance_templates_delete(Context&, const http::Request&);

} // namespace api
