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

/// `attempt` goes before "Profile not found": LXD has other words for each call.
schema::Profile load(Context& context, const std::string& name, const std::string& attempt = "") {
    auto profile = context.profiles.find(name);
    if (!profile) throw schema::not_found("{}Profile not found", attempt);
    profile->used_by = context.instances.urls_using_profile(name);
    return *std::move(profile);
}

Json writable(const schema::Profile& profile) {
    return to_json(static_cast<const schema::ProfilePut&>(profile));
}

http::Response update(Context& context, const http::Request& request, bool merge) {
    const auto& name = argument(request, "name");
    const auto present = load(context, name, fmt::format("Failed to retrieve profile {:?}: ", name));
    check_etag(request, writable(present));
    const auto body = json_body(request);
    auto wanted =
        schema::profile_put_from(body, merge ? static_cast<const schema::ProfilePut&>(present) : schema::ProfilePut{});
    if (merge) {
        for (const auto& [key, value] : present.config) wanted.config.try_emplace(key, value);
        for (const auto& [device, options] : present.devices) wanted.devices.try_emplace(device, options);
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
    const auto profile = load(context, argument(request, "name"), "Fetch profile: ");
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
