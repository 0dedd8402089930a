#include "daemon/api/handlers/handlers.h"

#include "daemon/api/respond.h"
#include "daemon/api/storage_keys.h"
#include "schema/api/server.h"
#include "schema/error.h"
#include "schema/keys/server.h"
#include "schema/unset.h"

namespace api {

using schema::Json;

namespace {

schema::Server server(Context& context, const http::Request& request) {
    schema::Server shown;
    if (!is_trusted(request)) {
        shown.auth = "untrusted";
        return shown;
    }
    shown.config = context.server_config.get();
    shown.environment = context.environment();
    return shown;
}

Json writable(Context& context) {
    return {context.server_config.get()};
}

void replace(Context& context, const http::Request& request, const schema::Config& before, schema::Config config) {
    schema::drop_unset(config);
    schema::check_server_config(config);
    follow_storage_keys(context, before, config);
    context.daemon_storage.follow(before, config, [&] { context.server_config.replace(config); });
    context.events.lifecycle("config-updated", "/1.0", {}, requestor(request));
}

} // namespace

http::Response versions_get(Context&, const http::Request&) {
    return sync(Json(std::vector<std::string>{"/1.0"}));
}

http::Response server_get(Context& context, const http::Request& request) {
    const auto shown = server(context, request);
    return sync(to_json(shown), writable(context));
}

http::Response server_put(Context& context, const http::Request& request) {
    const auto changing = context.server_config.change();
    check_etag(request, writable(context));
    schema::Config wanted;
    schema::json::read(json_body(request), "config", wanted);
    replace(context, request, context.server_config.get(), std::move(wanted));
    return done();
}

http::Response server_patch(Context& context, const http::Request& request) {
    const auto changing = context.server_config.change();
    check_etag(request, writable(context));
    schema::Config wanted;
    schema::json::read(json_body(request), "config", wanted);
    const auto before = context.server_config.get();
    for (const auto& [key, value] : before) wanted.try_emplace(key, value);
    replace(context, request, before, std::move(wanted));
    return done();
}

http::Response shutdown_put(Context& context, const http::Request& request) {
    const bool force = request.parameter("force") == "true";
    context.log.info("Asked to shutdown by API", {{"force", force ? "true" : "false"}});
    if (!context.shut_down(force)) throw schema::failure("Shutdown already in progress");
    return done();
}

http::Response ready_get(Context&, const http::Request&) {
    return done();
}

} // namespace api
