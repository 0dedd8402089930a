#include "daemon/commands/commands.h"

#include "daemon/http/local_request.h"
#include "schema/api/profile.h"
#include "schema/error.h"

namespace commands {

namespace {

using schema::Json;

bool has_root_disk(const schema::Profile& profile) {
    for (const auto& [name, device] : profile.devices)
        if (schema::get(device, "type") == "disk" && schema::get(device, "path") == "/") return true;
    return false;
}

/// A pool of that name unless there is one; an existing one is left as it is, so that a second run changes nothing.
void ensure_pool(const std::string& socket, const InitOptions& options) {
    for (const auto& url : http::local_request(socket, "GET", "/1.0/storage-pools").as_array())
        if (url.as_string() == "/1.0/storage-pools/" + options.storage_pool) return;
    Json pool;
    pool.set("name", options.storage_pool).set("driver", options.storage_backend).set("config", Json::empty_object());
    http::local_request(socket, "POST", "/1.0/storage-pools", pool);
}

void ensure_root_disk(const std::string& socket, const InitOptions& options) {
    auto profile = schema::profile_from(http::local_request(socket, "GET", "/1.0/profiles/default"));
    if (has_root_disk(profile)) return;
    profile.devices["root"] = {{"type", "disk"}, {"path", "/"}, {"pool", options.storage_pool}};
    http::local_request(socket, "PUT", "/1.0/profiles/default",
                        to_json(static_cast<const schema::ProfilePut&>(profile)));
}

} // namespace

int init(const state::Paths& paths, const InitOptions& options) {
    if (!options.automatic && !options.minimal)
        throw schema::bad_request("The interactive set-up is not available yet: use `lxd init --auto`");
    ensure_pool(paths.socket(), options);
    ensure_root_disk(paths.socket(), options);
    return 0;
}

} // namespace commands
