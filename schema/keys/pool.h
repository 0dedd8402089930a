#pragma once
// The table of storage pool options, by driver. Read by the storage room and the pool handlers.

#include <span>
#include <string_view>

#include "schema/checks.h"
#include "schema/config.h"

namespace schema {

struct PoolKey {
    std::string_view driver; // "dir"; empty: every driver
    std::string_view name;   // `*` as in the instance table
    Check check;
    bool may_change; // after creation
    std::string_view words;
};

std::span<const PoolKey> pool_keys() noexcept;

/// Throws bad_request `Invalid option "KEY"` or `Invalid value for option "KEY": REASON`.
void check_pool_config(std::string_view driver, const Config& config);
/// Throws bad_request for the first difference in a key that is fixed at creation.
void check_pool_change(std::string_view driver, const Config& before, const Config& after);

} // namespace schema
