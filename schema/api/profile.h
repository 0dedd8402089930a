#pragma once
// /1.0/profiles/<name>.

#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

/// What PUT and POST carry.
struct ProfilePut {
    Config config;
    std::string description;
    Devices devices;

    bool operator==(const ProfilePut&) const = default;
};

struct Profile : ProfilePut {
    std::string name;
    std::vector<std::string> used_by; // URLs of instances
};

Json to_json(const ProfilePut& profile);
Json to_json(const Profile& profile);
/// Members that are missing stay as they are in `base`: an empty one for PUT, the present profile for PATCH.
ProfilePut profile_put_from(const Json& value, ProfilePut base = {});
Profile profile_from(const Json& value);

} // namespace schema
