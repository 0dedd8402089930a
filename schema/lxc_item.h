#pragma once
// One line of lxc.container.conf: what facets and devices produce, and runtimes take.

#include <string>

namespace schema {

/// Order matters: lxc.net.0.type comes before its options.
struct LxcItem {
    std::string key;
    std::string value;

    bool operator==(const LxcItem&) const = default;
};

} // namespace schema
