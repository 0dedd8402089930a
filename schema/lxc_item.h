#pragma once
// One line of lxc.container.conf: what facets and devices produce, and runtimes take.

#include <string>
#include <vector>

namespace schema {

/// Order matters: lxc.net.0.type comes before its options.
struct LxcItem {
    std::string key;
    std::string value;
    /// Where it comes from, in words for people: "limits.memory of profile default", "device eth0 of the instance".
    std::string origin = {};

    /// Items from different places are the same.
    bool operator==(const LxcItem& other) const { return key == other.key && value == other.value; }
};

/// "key = value" lines; above those of one origin a comment that names it.
std::string to_text(const std::vector<LxcItem>& items);

} // namespace schema
