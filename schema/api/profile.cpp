#include "schema/api/profile.h"

namespace schema {

namespace {

void read_put(const Json& value, ProfilePut& put) {
    json::read(value, "config", put.config);
    json::read(value, "description", put.description);
    json::read(value, "devices", put.devices);
}

} // namespace

Json to_json(const ProfilePut& profile) {
    Json json;
    json.set("config", profile.config).set("description", profile.description).set("devices", profile.devices);
    return json;
}

Json to_json(const Profile& profile) {
    auto json = to_json(static_cast<const ProfilePut&>(profile));
    json.set("name", profile.name).set("used_by", profile.used_by);
    return json;
}

ProfilePut profile_put_from(const Json& value, ProfilePut base) {
    value.as_object();
    read_put(value, base);
    return base;
}

Profile profile_from(const Json& value) {
    Profile profile;
    value.as_object();
    read_put(value, profile);
    json::read(value, "name", profile.name);
    json::read(value, "used_by", profile.used_by);
    return profile;
}

} // namespace schema
