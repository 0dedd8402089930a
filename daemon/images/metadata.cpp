#include "daemon/images/metadata.h"

#include <array>
#include <string_view>
#include <utility>
#include <yaml-cpp/yaml.h>

#include "schema/checks.h"
#include "schema/error.h"

namespace images {

namespace {

/// What distributions call an architecture, and what LXD does.
constexpr std::array<std::pair<std::string_view, std::string_view>, 21> other_names{{
    {"i386", "i686"},         {"i586", "i686"},
    {"386", "i686"},          {"x86", "i686"},
    {"generic_32", "i686"},   {"amd64", "x86_64"},
    {"generic_64", "x86_64"}, {"armel", "armv6l"},
    {"arm", "armv6l"},        {"armhf", "armv7l"},
    {"armhfp", "armv7l"},     {"armv7a_hardfp", "armv7l"},
    {"armv7", "armv7l"},      {"armv7a_vfpv3_hardfp", "armv7l"},
    {"arm64", "aarch64"},     {"arm64_generic", "aarch64"},
    {"powerpc", "ppc"},       {"powerpc64", "ppc64"},
    {"ppc64el", "ppc64le"},   {"mipsel", "mips"},
    {"mips64el", "mips64"},
}};

std::string canonical_architecture(const std::string& name) {
    for (const auto& [other, canonical] : other_names)
        if (other == name) return std::string(canonical);
    schema::checks::architecture(name);
    return name;
}

/// Times are kept in nanoseconds, which reach from 1678 to 2262.
bool is_plausible(int64_t seconds) {
    return seconds > -9'000'000'000 && seconds < 9'000'000'000;
}

template <class T> T value(const YAML::Node& node, const char* name) {
    const auto member = node[name];
    if (!member || member.IsNull()) return {};
    return member.as<T>();
}

schema::Config properties(const YAML::Node& node) {
    schema::Config result;
    const auto members = node["properties"];
    if (!members || members.IsNull()) return result;
    for (const auto& member : members)
        result[member.first.as<std::string>()] = member.second.IsNull() ? "" : member.second.as<std::string>();
    return result;
}

Metadata read(const std::string& yaml) {
    try {
        const auto node = YAML::Load(yaml);
        if (!node.IsMap()) throw schema::bad_request("Invalid metadata.yaml: it is no map");
        return {value<std::string>(node, "architecture"), value<int64_t>(node, "creation_date"),
                value<int64_t>(node, "expiry_date"), properties(node)};
    } catch (const YAML::Exception& error) {
        throw schema::bad_request("Invalid metadata.yaml: {}", error.what());
    }
}

} // namespace

Metadata parse_metadata(const std::string& yaml) {
    auto metadata = read(yaml);
    metadata.architecture = canonical_architecture(metadata.architecture);
    if (metadata.creation_date == 0) throw schema::bad_request("Missing creation date");
    if (!is_plausible(metadata.creation_date) || !is_plausible(metadata.expiry_date))
        throw schema::bad_request("Invalid metadata.yaml: a date is out of range");
    return metadata;
}

} // namespace images
