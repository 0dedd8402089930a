#include "daemon/api/handlers/handlers.h"

#include "daemon/api/instance_view.h"
#include "daemon/api/respond.h"
#include "schema/error.h"
#include "schema/names.h"

namespace api {

using schema::Json;

namespace {

/// LXD names what an operation is about in more than one way.
operations::Spec task(const char* description, const std::string& resource, const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.resources["instances"] = {"/1.0/instances/" + resource};
    spec.requestor = requestor(request);
    return spec;
}

instance::Caller caller(operations::Operation& operation) {
    return {operation.requestor(), operation.cancel_token()};
}

state::SnapshotRow snapshot_row(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    const auto& snapshot = argument(request, "snapshot");
    auto row = context.instances.find(name) ? context.snapshots.find(name, snapshot) : std::nullopt;
    if (!row || row->incomplete)
        throw schema::not_found(
            "Failed to fetch snapshot {:?} of instance {:?} in project \"default\": InstanceSnapshot not found",
            snapshot, name);
    return *std::move(row);
}

schema::InstanceSnapshot sized_view(Context& context, const state::SnapshotRow& row) {
    auto shown = snapshot_view(context, row);
    const auto pool = context.instances.get(row.instance)->record()->row.pool;
    shown.size = context.pools.snapshot_usage(pool, row.instance, row.name).value_or(-1);
    return shown;
}

/// What its ETag covers.
Json writable(const state::SnapshotRow& row) {
    Json json;
    json.set("expires_at", row.expires_at);
    return json;
}

} // namespace

http::Response instance_snapshots_get(Context& context, const http::Request& request) {
    const auto name = context.instances.get(argument(request, "name"))->record()->row.name;
    auto list = Json::empty_array();
    for (const auto& row : snapshots_of(context, name)) {
        if (recursion(request) > 0)
            list.push_back(to_json(sized_view(context, row)));
        else
            list.push_back(fmt::format("/1.0/instances/{}/snapshots/{}", name, row.name));
    }
    return sync(std::move(list));
}

http::Response instance_snapshots_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    context.instances.get(name);
    const auto post = schema::instance_snapshots_post_from(json_body(request));
    instance::SnapshotOrder order;
    schema::check_snapshot_name(post.name.empty() ? context.lifecycle.next_snapshot_name(name) : post.name);
    order.name = post.name;
    order.expires_at = post.expires_at ? *post.expires_at : context.lifecycle.snapshot_expiry(name);
    order.stateful = post.stateful;
    auto spec = task("Snapshotting instance", name, request);
    spec.run = [&context, name, order](operations::Operation& operation) {
        context.lifecycle.take_snapshot(name, order, caller(operation), {});
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_snapshot_get(Context& context, const http::Request& request) {
    const auto row = snapshot_row(context, request);
    return sync(to_json(sized_view(context, row)), writable(row));
}

http::Response instance_snapshot_put(Context& context, const http::Request& request) {
    const auto row = snapshot_row(context, request);
    check_etag(request, writable(row));
    const auto body = json_body(request);
    const auto* wanted = body.find("expires_at");
    std::optional<schema::Time> expires_at;
    if (wanted != nullptr && wanted->is_string()) schema::json::read(body, "expires_at", expires_at);
    auto spec = task("Updating snapshot", row.name, request);
    spec.run = [&context, row, expires_at](operations::Operation& operation) {
        if (expires_at) context.lifecycle.set_snapshot_expiry(row.instance, row.name, *expires_at, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_snapshot_post(Context& context, const http::Request& request) {
    const auto row = snapshot_row(context, request);
    const auto post = schema::instance_snapshot_post_from(json_body(request));
    if (post.migration)
        throw schema::Error(schema::ErrorKind::not_implemented, "Snapshots cannot be migrated to other servers yet");
    if (!post.name) throw schema::bad_request("Response was missing `name`");
    schema::check_snapshot_name(*post.name);
    if (context.snapshots.find(row.instance, *post.name))
        throw schema::conflict("Name '{}/{}' already in use", row.instance, *post.name);
    auto spec = task("Renaming snapshot", row.instance, request);
    spec.run = [&context, row, name = *post.name](operations::Operation& operation) {
        context.lifecycle.rename_snapshot(row.instance, row.name, name, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response instance_snapshot_delete(Context& context, const http::Request& request) {
    const auto row = snapshot_row(context, request);
    auto spec = task("Deleting snapshot", row.instance + "/" + row.name, request);
    spec.run = [&context, row](operations::Operation& operation) {
        context.lifecycle.remove_snapshot(row.instance, row.name, caller(operation));
    };
    return async(*context.operations.start(std::move(spec)));
}

} // namespace api
