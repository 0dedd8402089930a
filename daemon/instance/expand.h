#pragma once
// Profile expansion, pure: what an instance's configuration and devices are once its profiles are laid under them.

#include <vector>

#include "schema/api/profile.h"
#include "schema/config.h"

namespace instance {

struct Expanded {
    schema::Config config;
    schema::Devices devices;
};

/// Profiles in order of application, then the instance's own on top. A device replaces one of the same name as a whole;
/// devices of type "none" stay, they mask.
Expanded expanded(const std::vector<schema::ProfilePut>& profiles, const schema::Config& config,
                  const schema::Devices& devices);

} // namespace instance
