#include "daemon/instance/expand.h"

namespace instance {

Expanded expanded(const std::vector<schema::ProfilePut>& profiles, const schema::Config& config,
                  const schema::Devices& devices) {
    Expanded result;
    const auto lay_over = [&](const schema::Config& keys, const schema::Devices& entries) {
        for (const auto& [key, value] : keys) result.config.insert_or_assign(key, value);
        for (const auto& [name, device] : entries) result.devices.insert_or_assign(name, device);
    };
    for (const auto& profile : profiles) lay_over(profile.config, profile.devices);
    lay_over(config, devices);
    return result;
}

} // namespace instance
