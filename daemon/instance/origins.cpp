#include "daemon/instance/origins.h"

#include "schema/values.h"

namespace instance {

namespace {

void add(const std::string& who, const schema::Config& config, const schema::Devices& devices, Sources& sources) {
    for (const auto& [key, value] : config) sources[key] = who;
    for (const auto& [name, options] : devices) sources["device " + name] = who;
}

/// "raw.lxc line 3" is of raw.lxc.
std::string with_source(std::string_view part, const Sources& sources) {
    std::string text(part);
    const auto found = sources.find(text.substr(0, text.find(" line ")));
    return found == sources.end() ? text : text + " of " + found->second;
}

} // namespace

Sources sources(const std::vector<schema::Profile>& profiles, const schema::Config& config,
                const schema::Devices& devices) {
    Sources result;
    for (const auto& profile : profiles) add("profile " + profile.name, profile.config, profile.devices, result);
    add("the instance", config, devices, result);
    return result;
}

void name_sources(const Sources& sources, std::vector<LxcItem>& items) {
    for (auto& item : items) {
        std::string named;
        for (const auto part : schema::split(item.origin, ','))
            named += (named.empty() ? "" : ", ") + with_source(schema::stripped(part), sources);
        item.origin = named;
    }
}

} // namespace instance
