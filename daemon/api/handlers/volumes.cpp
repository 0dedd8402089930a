#include "daemon/api/handlers/handlers.h"

#include "daemon/api/handlers/volumes.h"
#include "daemon/api/respond.h"
#include "daemon/http/target.h"
#include "schema/error.h"
#include "schema/filter.h"
#include "schema/units.h"
#include "schema/values.h"

namespace api {

using schema::Json;

namespace {

constexpr auto taken = "Volume by that name already exists";

Json writable(const schema::StorageVolume& volume) {
    return Json(Json::Array{volume.name, volume.type, Json(volume.config)});
}

/// What a filter sees of a volume: also whether it is a snapshot.
Json filtered(const schema::StorageVolume& volume) {
    return to_json(volume).set("snapshot", volume.name.find('/') == std::string::npos ? "false" : "true");
}

void check_projects(const http::Request& request) {
    if (schema::is_true(request.parameter("all-projects")) && !request.parameter("project").empty())
        throw schema::bad_request("Cannot specify a project when requesting all projects");
}

http::Response list(Context& context, const http::Request& request, const std::string& type) {
    const auto& filter_text = request.parameter("filter");
    const auto filter = schema::Filter::parse(filter_text);
    const auto& pool = argument(request, "pool");
    check_projects(request);
    const bool objects = recursion(request) > 0;
    auto answer = Json::empty_array();
    for (const auto& volume : context.volumes.list(pool, type)) {
        if (!filter_text.empty() && !filter.matches(filtered(volume))) continue;
        answer.push_back(objects ? to_json(volume) : Json(volume_url(pool, volume.type, volume.name)));
    }
    return sync(answer);
}

operations::Spec task(const char* description, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.requestor = requestor(request);
    spec.may_cancel = false;
    return spec;
}

storage::Progress progress_of(operations::Operation& operation, const char* key) {
    return [&operation, key](int percent) { operation.set_progress(key, fmt::format("{}%", percent)); };
}

http::Response copy(Context& context, const http::Request& request, const std::string& pool,
                    const schema::StorageVolumesPost& post, bool refresh) {
    auto spec = task("Copying storage volume", request);
    spec.run = [&context, pool, post, refresh](operations::Operation& operation) {
        const auto progress = progress_of(operation, "fs_progress");
        if (refresh)
            context.volumes.refresh(pool, post, operation.cancel_token(), progress);
        else
            context.volumes.copy(pool, post, operation.cancel_token(), progress);
        report_volume_created(context, pool, post.name, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

bool is_taken(Context& context, const std::string& pool, const std::string& name) {
    for (const auto& volume : context.volumes.list(pool, "custom"))
        if (volume.name == name) return true;
    return false;
}

http::Response create(Context& context, const http::Request& request, schema::StorageVolumesPost post, bool of_type) {
    const auto& pool = argument(request, "pool");
    if (post.content_type.empty()) post.content_type = "filesystem";
    const auto check_content_type = [&] {
        if (post.content_type != "filesystem" && post.content_type != "block")
            throw schema::Error(of_type ? schema::ErrorKind::bad_request : schema::ErrorKind::internal,
                                "Invalid volume content type name");
    };
    if (of_type) check_content_type();
    if (post.type != "custom")
        throw schema::bad_request("Currently not allowed to create storage volumes of type {}",
                                  schema::quoted(post.type));
    const bool present = is_taken(context, pool, post.name);
    const bool refresh = of_type && present && post.source.refresh;
    if (present && !refresh) throw schema::conflict("{}", taken);
    if (post.source.type == "migration")
        throw schema::Error(schema::ErrorKind::not_implemented, "Storage volumes cannot be migrated yet");
    if (!post.source.type.empty() && post.source.type != "copy")
        throw schema::bad_request("Unknown source type {}", schema::quoted(post.source.type));
    check_content_type();
    if (!post.source.name.empty()) return copy(context, request, pool, post, refresh);
    if (refresh) throw schema::bad_request("No source volume name supplied");
    context.volumes.create(pool, post);
    report_volume_created(context, pool, post.name, requestor(request));
    return done();
}

http::Response rename(Context& context, const http::Request& request, const state::VolumePlace& volume,
                      const std::string& new_name) {
    context.volume_users.change(volume, [&] { context.volumes.rename(volume, new_name); });
    Json about;
    about.set("old_name", volume.name);
    const auto url = volume_url(volume.pool, "custom", new_name);
    context.events.lifecycle("storage-volume-renamed", url, about, requestor(request));
    return created(url);
}

http::Response move(Context& context, const http::Request& request, const state::VolumePlace& volume,
                    const state::VolumePlace& target) {
    context.pools.settings(target.pool);
    auto spec = task("Moving storage volume", request);
    spec.run = [&context, volume, target](operations::Operation& operation) {
        context.volume_users.change(volume, [&] {
            context.volumes.move(volume, target, operation.cancel_token(), progress_of(operation, "fs_progress"));
        });
        context.volume_backups.kept().remove_ownerless();
        report_volume_created(context, target.pool, target.name, operation.requestor());
        context.events.lifecycle("storage-volume-deleted", volume_url(volume.pool, "custom", volume.name), {},
                                 operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

storage::VolumeKey key_of(const http::Request& request) {
    storage::VolumeKey key{argument(request, "pool"), argument(request, "type"), argument(request, "volume")};
    check_volume_type(key.type);
    return key;
}

http::Response report_update(Context& context, const http::Request& request, const storage::VolumeKey& key) {
    context.events.lifecycle("storage-volume-updated", volume_url(key.pool, key.type, key.name), {},
                             requestor(request));
    return done();
}

} // namespace

std::string volume_url(const std::string& pool, const std::string& type, const std::string& name) {
    const auto slash = name.find('/');
    auto volume = fmt::format("/1.0/storage-pools/{}/volumes/{}/{}", http::encoded_segment(pool), type,
                              http::encoded_segment(name.substr(0, slash)));
    if (slash == std::string::npos) return volume;
    return fmt::format("{}/snapshots/{}", volume, http::encoded_segment(name.substr(slash + 1)));
}

void check_volume_type(const std::string& type) {
    if (type != "container" && type != "virtual-machine" && type != "image" && type != "custom")
        throw schema::bad_request("Invalid storage volume type name");
}

void check_custom(const std::string& type) {
    check_volume_type(type);
    if (type != "custom") throw schema::bad_request("Invalid storage volume type {}", schema::quoted(type));
}

void check_new_volume_name(const std::string& name) {
    if (name.empty()) throw schema::bad_request("No name provided");
    if (name.find('/') != std::string::npos) throw schema::bad_request("Storage volume names may not contain slashes");
    // LXD lets it through, and no file can be called so.
    if (name.find('\0') != std::string::npos) throw schema::bad_request("Invalid storage volume name {:?}", name);
}

void report_volume_created(Context& context, const std::string& pool, const std::string& name,
                           const std::optional<schema::Requestor>& requestor) {
    Json about;
    about.set("type", "custom");
    context.events.lifecycle("storage-volume-created", volume_url(pool, "custom", name), about, requestor);
}

http::Response volumes_get(Context& context, const http::Request& request) {
    return list(context, request, "");
}

http::Response volumes_of_type_get(Context& context, const http::Request& request) {
    const auto& type = argument(request, "type");
    check_volume_type(type);
    return list(context, request, type);
}

http::Response volumes_post(Context& context, const http::Request& request) {
    const auto post = schema::storage_volumes_post_from(json_body(request));
    check_new_volume_name(post.name);
    if (post.type.empty()) throw schema::bad_request("You must provide a storage volume type of the storage volume");
    return create(context, request, post, false);
}

http::Response volumes_of_type_post(Context& context, const http::Request& request) {
    if (request.header("Content-Type") == "application/octet-stream") return volume_from_backup(context, request);
    auto post = schema::storage_volumes_post_from(json_body(request));
    check_new_volume_name(post.name);
    post.type = argument(request, "type");
    return create(context, request, post, true);
}

http::Response volume_get(Context& context, const http::Request& request) {
    const auto volume = context.volumes.get(key_of(request));
    return sync(to_json(volume), writable(volume));
}

http::Response volume_put(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    const auto present = context.volumes.get(key);
    check_etag(request, writable(present));
    const auto change = schema::storage_volume_change_from(json_body(request));
    const bool restores = key.type == "custom" && !change.restore.empty();
    if (restores) {
        context.volumes.restore({key.pool, key.name}, change.restore, {}, {});
        Json about;
        about.set("snapshot", change.restore);
        context.events.lifecycle("storage-volume-restored", volume_url(key.pool, key.type, key.name), about,
                                 requestor(request));
    }
    if (restores && !change.config) return done();
    context.volumes.update(key, {change.config.value_or(schema::Config{}), change.description});
    return report_update(context, request, key);
}

http::Response volume_patch(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    check_custom(key.type);
    if (key.name.find('/') != std::string::npos) throw schema::bad_request("Invalid volume name");
    const auto present = context.volumes.get(key);
    check_etag(request, writable(present));
    const auto change = schema::storage_volume_change_from(json_body(request));
    auto config = change.config.value_or(schema::Config{});
    for (const auto& [option, value] : present.config) config.try_emplace(option, value);
    context.volumes.update(key, {config, change.description});
    return report_update(context, request, key);
}

http::Response volume_post(Context& context, const http::Request& request) {
    const storage::VolumeKey key{argument(request, "pool"), argument(request, "type"), argument(request, "volume")};
    if (key.name.find('/') != std::string::npos) throw schema::bad_request("Invalid volume name");
    const auto post = schema::storage_volume_post_from(json_body(request));
    check_new_volume_name(post.name);
    if (key.type != "custom")
        throw schema::bad_request("Renaming storage volumes of type {} is not allowed", schema::quoted(key.type));
    if (!post.project.empty() && post.project != "default") throw schema::not_found("Project not found");
    if (post.migration)
        throw schema::Error(schema::ErrorKind::not_implemented, "Storage volumes cannot be migrated yet");
    const auto& pool = post.pool.empty() ? key.pool : post.pool;
    if (is_taken(context, pool, post.name)) throw schema::conflict("{}", taken);
    const state::VolumePlace volume{key.pool, key.name};
    context.volumes.get(key);
    context.volumes.check_can_rename(volume);
    if (context.volumes.in_use(volume)) throw schema::failure("Volume is still in use by running instances");
    if (pool == key.pool) return rename(context, request, volume, post.name);
    return move(context, request, volume, {pool, post.name});
}

http::Response volume_delete(Context& context, const http::Request& request) {
    const storage::VolumeKey key{argument(request, "pool"), argument(request, "type"), argument(request, "volume")};
    if (key.name.find('/') != std::string::npos)
        throw schema::bad_request("Invalid storage volume {}", schema::quoted(key.name));
    check_volume_type(key.type);
    context.volumes.get(key);
    if (key.type != "custom" && key.type != "image")
        throw schema::bad_request("Storage volumes of type {} cannot be deleted with the storage API",
                                  schema::quoted(key.type));
    if (key.type == "image") {
        context.pools.remove_image_volume(key.pool, key.name);
    } else {
        if (!context.volumes.used_by(key).empty()) throw schema::bad_request("The storage volume is still in use");
        const auto snapshots = context.volumes.snapshots(key);
        context.volumes.remove({key.pool, key.name});
        for (const auto& snapshot : snapshots)
            context.events.lifecycle("storage-volume-snapshot-deleted",
                                     volume_url(key.pool, key.type, key.name + "/" + snapshot.name), {},
                                     requestor(request));
        context.volume_backups.kept().remove_ownerless();
    }
    context.events.lifecycle("storage-volume-deleted", volume_url(key.pool, key.type, key.name), {},
                             requestor(request));
    return done();
}

http::Response volume_state_get(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    if (key.type == "image") throw schema::bad_request("Invalid storage volume type {}", schema::quoted(key.type));
    if (key.type == "custom") context.volumes.row({key.pool, key.name}); // for LXD's text where it is missing
    const auto volume = context.volumes.get(key);
    Json usage;
    if (const auto used = context.volumes.usage(key); used && *used > 0) usage.set("used", *used);
    usage.set("total", schema::parse_bytes(schema::get(volume.config, "size")));
    Json state;
    state.set("usage", usage);
    return sync(state);
}

} // namespace api
