#pragma once
// The table of instance configuration keys: the one place that says which keys there are. The API checks values by it,
// facets and the daemon act on it, documentation and completion are printed from it.

#include <span>
#include <string_view>

#include "schema/checks.h"
#include "schema/config.h"

namespace schema {

struct InstanceKey {
    /// "limits.memory", or with `*` for any text that is not empty: "user.*", "volatile.*.hwaddr".
    std::string_view name;
    Check check;
    std::string_view type;     // for documentation: "bool", "size", "string" ...
    std::string_view fallback; // what holds when it is not set, in words
    /// Takes effect on a running container at once; otherwise at its next start.
    bool live;
    std::string_view extension; // the API extension that brought it; empty: from the beginning
    std::string_view words;     // one line on what it does
};

/// Sorted by name.
std::span<const InstanceKey> instance_keys() noexcept;
/// The row for a key; nullptr for an unknown one.
const InstanceKey* find_instance_key(std::string_view key) noexcept;

enum class ConfigOwner { instance, profile };

/// Throws bad_request with LXD's text for the first key (in order) that is unknown, of a bad value, or not for this
/// owner. LXD puts "Invalid config: " before it for instances; so should the caller.
void check_instance_config(const Config& config, ConfigOwner owner);

} // namespace schema
