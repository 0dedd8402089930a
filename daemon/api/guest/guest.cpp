#include "daemon/api/guest/guest.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "daemon/api/event_feed.h"
#include "daemon/api/guest/callers.h"
#include "daemon/api/guest/respond.h"
#include "daemon/api/guest/throttle.h"
#include "daemon/api/image_export.h"
#include "daemon/api/respond.h"
#include "daemon/instance/guest_folder.h"
#include "daemon/instance/volatile_keys.h"
#include "schema/error.h"
#include "schema/id_map.h"

namespace api {

namespace {

using schema::Json;

struct Rooms {
    explicit Rooms(Context& of) : context(of), callers(of.instances) {}

    Context& context;
    Callers callers;
    guest::Throttle states{schema::limits::guest_states.value, std::chrono::minutes(1)};
};

struct Call {
    Rooms& rooms;
    const http::Request& request;
    Callers::Caller caller;
    std::shared_ptr<const instance::Record> record; // as it was when the call came
    std::string rest;                               // of the path, after the route's
};

bool is_for_guests(const std::string& key) {
    return key.starts_with("user.") || key.starts_with("cloud-init.");
}

http::Response not_authorized() {
    return guest::error(403, "not authorized");
}

http::Response versions(const Call&) {
    return guest::json(Json(std::vector<std::string>{"/1.0"}));
}

http::Response report_state(const Call& call) {
    if (call.request.stream || call.request.body.size() > schema::limits::guest_body.value)
        return guest::error(413, "Request body is too large");
    std::string state;
    try {
        schema::json::read(Json::parse(call.request.body), "state", state);
    } catch (const schema::Error& error) {
        return guest::error(400, error.what());
    }
    const bool ready = state == schema::status_name(schema::Status::ready);
    if (!ready && state != schema::status_name(schema::Status::started))
        return guest::error(400, fmt::format("Invalid state {:?}", state));
    if (!call.rooms.states.allow(call.record->row.name, guest::Throttle::Clock::now()))
        return guest::error(429, "Too many changes of state");
    call.rooms.context.lifecycle.set_ready(*call.caller.instance, call.caller.init, ready);
    return guest::raw("");
}

http::Response server(const Call& call) {
    if (call.request.method == "PATCH") return report_state(call);
    const auto state = instance::is_ready(*call.record) ? schema::Status::ready : schema::Status::started;
    Json shown;
    shown.set("state", schema::status_name(state))
        .set("api_version", "1.0")
        .set("instance_type", "container")
        .set("location", "none");
    return guest::json(shown);
}

http::Response config_keys(const Call& call) {
    auto keys = Json::empty_array();
    for (const auto& [key, value] : call.record->expanded_config)
        if (is_for_guests(key)) keys.push_back("/1.0/config/" + key);
    return guest::json(keys);
}

http::Response config_key(const Call& call) {
    if (!is_for_guests(call.rest)) return not_authorized();
    const auto& config = call.record->expanded_config;
    const auto found = config.find(call.rest);
    return found == config.end() ? guest::error(404, "not found") : guest::raw(found->second);
}

http::Response meta_data(const Call& call) {
    const auto& row = call.record->row;
    const auto& id = schema::get(row.put.config, instance::cloud_init_key);
    return guest::raw(fmt::format("#cloud-config\ninstance-id: {}\nlocal-hostname: {}\n{}", id.empty() ? row.name : id,
                                  row.name, schema::get(call.record->expanded_config, "user.meta-data")));
}

http::Response devices(const Call& call) {
    auto shown = call.record->expanded_devices;
    for (auto& [name, options] : shown) {
        const auto& hwaddr = schema::get(call.record->row.put.config, "volatile." + name + ".hwaddr");
        if (schema::get(options, "type") == "nic" && schema::get(options, "hwaddr").empty() && !hwaddr.empty())
            options["hwaddr"] = hwaddr;
    }
    return guest::json(Json(shown));
}

http::Response events(const Call& call) {
    auto types = wanted_types(call.request);
    if (types.empty()) types = {"config", "device"};
    auto& hub = call.rooms.context.guest_events;
    return event_feed(call.request, schema::limits::websocket_queue.value,
                      [&hub, types, instance = call.caller.instance](TakeEvent take) {
                          return hub.listen(instance, types, std::move(take));
                      });
}

/// Errors come in the envelope of the other API, as from LXD.
http::Response image_export(const Call& call) {
    constexpr std::string_view end = "/export";
    if (!schema::is_true(schema::get(call.record->expanded_config, "security.devlxd.images"))) return not_authorized();
    try {
        const auto fingerprint = call.rest.substr(0, call.rest.size() - end.size());
        const auto image = call.rooms.context.images.get(fingerprint);
        if (!image.is_public && !image.cached) throw schema::not_found("Image {:?} not found", fingerprint);
        return exported(call.rooms.context, image, call.request, {});
    } catch (...) {
        return error(std::current_exception());
    }
}

struct Route {
    std::string_view path;
    std::string_view end; // what follows the part that is a name; where there is none, the path is whole
    http::Response (*answer)(const Call&);
    bool has_name = false;
    bool without_api = false; // also where security.devlxd is false
};

/// Whatever the method is: LXD asks for none.
constexpr std::array routes{
    Route{"/", "", versions, false, true},
    Route{"/1.0", "", server},
    Route{"/1.0/config", "", config_keys},
    Route{"/1.0/config/", "", config_key, true},
    Route{"/1.0/devices", "", devices},
    Route{"/1.0/events", "", events},
    Route{"/1.0/images/", "/export", image_export, true},
    Route{"/1.0/meta-data", "", meta_data},
};

bool matches(const Route& route, std::string_view path) {
    if (!route.has_name) return path == route.path;
    return path.starts_with(route.path) && path.ends_with(route.end) &&
           path.size() > route.path.size() + route.end.size();
}

http::Response answer(Rooms& rooms, const http::Request& request) {
    const auto* const route =
        std::ranges::find_if(routes, [&](const Route& row) { return matches(row, request.path); });
    if (route == routes.end()) return guest::error(404, "404 page not found");
    auto caller = rooms.callers.find(request.peer);
    if (!caller) return guest::error(500, "pid not in container?");
    const auto record = caller->instance->record();
    const auto map = schema::id_map_from(schema::get(record->row.put.config, "volatile.idmap.current"));
    if (request.peer.uid != static_cast<uint64_t>(schema::root_uid(map)))
        return guest::error(401, "Access denied for non-root user");
    if (!route->without_api && !instance::has_guest_api(record->expanded_config)) return not_authorized();
    return route->answer({rooms, request, *std::move(caller), record, request.path.substr(route->path.size())});
}

} // namespace

http::Server::Options guest_options() {
    http::Server::Options options;
    options.max_header_bytes = schema::limits::guest_head.value;
    options.max_buffered_body = schema::limits::guest_body.value;
    options.most_in_group = schema::limits::guest_connections.value;
    options.share_of_descriptors = 8;
    options.drain_time = std::chrono::milliseconds(200); // none of them holds up the daemon's end
    return options;
}

http::Handler bind_guest(Context& context) {
    return [rooms = std::make_shared<Rooms>(context)](http::Request request) -> http::Response {
        try {
            return answer(*rooms, request);
        } catch (const std::exception& error) {
            return guest::error(500, error.what());
        }
    };
}

} // namespace api
