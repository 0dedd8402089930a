#include "daemon/api/handlers/handlers.h"

#include "daemon/api/respond.h"
#include "schema/error.h"
#include "schema/names.h"

namespace api {

using schema::Json;

namespace {

std::string url(const std::string& name) {
    return "/1.0/profiles/" + name;
}

schema::Profile load(Context& context, const std::string& name) {
    auto profile = context.profiles.find(name);
    if (!profile) throw schema::not_found("Fetch profile: Profile not found");
    profile->used_by = context.instances.urls_using_profile(name);
    return *std::move(profile);
}

Json writable(const schema::Profile& profile) {
    return to_json(static_cast<const schema::ProfilePut&>(profile));
}

http::Response update(Context& context, const http::Request& request, bool merge) {
    const auto present = load(context, argument(request, "name"));
    check_etag(request, writable(present));
    const auto body = json_body(request);
    auto wanted =
        schema::profile_put_from(body, merge ? static_cast<const schema::ProfilePut&>(present) : schema::ProfilePut{});
    if (merge) {
        for (const auto& [key, value] : present.config) wanted.config.try_emplace(key, value);
        for (const auto& [name, device] : present.devices) wanted.devices.try_emplace(name, device);
    }
    context.lifecycle.update_profile(present.name, wanted);
    context.events.lifecycle("profile-updated", url(present.name), {}, requestor(request));
    return done();
}

} // namespace

http::Response profiles_get(Context& context, const http::Request& request) {
    auto list = Json::empty_array();
    const bool objects = recursion(request) > 0;
    for (auto& profile : context.profiles.list()) {
        if (!objects) {
            list.push_back(url(profile.name));
            continue;
        }
        profile.used_by = context.instances.urls_using_profile(profile.name);
        list.push_back(to_json(profile));
    }
    return sync(list);
}

http::Response profiles_post(Context& context, const http::Request& request) {
    const auto profile = schema::profile_from(json_body(request));
    schema::check_profile_name(profile.name);
    context.lifecycle.check_profile(profile);
    try {
        context.profiles.insert(profile);
    } catch (const schema::Error& error) {
        throw schema::failure("Error inserting {:?} into database: {}", profile.name, error.what());
    }
    context.events.lifecycle("profile-created", url(profile.name), {}, requestor(request));
    return created(url(profile.name));
}

http::Response profile_get(Context& context, const http::Request& request) {
    const auto profile = load(context, argument(request, "name"));
    return sync(to_json(profile), writable(profile));
}

http::Response profile_put(Context& context, const http::Request& request) {
    return update(context, request, false);
}
http::Response profile_patch(Context& context, const http::Request& request) {
    return update(context, request, true);
}

http::Response profile_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    if (name == "default") throw schema::forbidden("The \"default\" profile cannot be renamed");
    std::string wanted;
    schema::json::read(json_body(request), "name", wanted);
    schema::check_profile_name(wanted);
    if (context.profiles.find(wanted)) throw schema::conflict("Name {:?} already in use", wanted);
    load(context, name);
    context.lifecycle.rename_profile(name, wanted);
    Json details;
    details.set("old_name", name);
    context.events.lifecycle("profile-renamed", url(wanted), details, requestor(request));
    return created(url(wanted));
}

http::Response profile_delete(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    if (name == "default") throw schema::forbidden("The \"default\" profile cannot be deleted");
    if (!load(context, name).used_by.empty()) throw schema::bad_request("Profile is currently in use");
    context.profiles.remove(name);
    context.events.lifecycle("profile-deleted", url(name), {}, requestor(request));
    return done();
}

} // namespace api
