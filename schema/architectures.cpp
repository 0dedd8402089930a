#include "schema/architectures.h"

#include <array>
#include <utility>

#include "schema/checks.h"

namespace schema {

namespace {

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

} // namespace

std::string canonical_architecture(std::string_view name) {
    for (const auto& [other, canonical] : other_names)
        if (other == name) return std::string(canonical);
    checks::architecture(name);
    return std::string(name);
}

} // namespace schema
