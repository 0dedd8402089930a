#pragma once
// The two maps that LXD's configuration consists of. Values are always strings, as on the wire.

#include <map>
#include <string>

namespace schema {

using Config = std::map<std::string, std::string>;
using Device = std::map<std::string, std::string>; // "type" among its options
using Devices = std::map<std::string, Device>;     // by device name

/// The value of a key; an empty text where it is not set (LXD treats both alike).
inline const std::string& get(const Config& config, const std::string& key) {
    static const std::string unset;
    const auto found = config.find(key);
    return found == config.end() ? unset : found->second;
}

} // namespace schema
