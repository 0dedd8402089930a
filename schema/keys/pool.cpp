#include "schema/keys/pool.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/keys/pattern.h"
#include "schema/keys/volume.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;

// clang-format off
constexpr std::array rows = {
    PoolKey{"dir", "source", any, false, "Folder that holds the pool; a folder of the daemon's where it is not set"},
    PoolKey{"overlay", "source", any, false,
            "Folder that holds the pool; a folder of the daemon's where it is not set"},
    PoolKey{"", "user.*", any, true, "Free for users"},
    PoolKey{"", "volatile.initial_source", any, false, "The source that the pool was made with"},
};
// clang-format on

const PoolKey* find(std::string_view driver, std::string_view key) {
    const auto* row = std::find_if(rows.begin(), rows.end(), [&](const PoolKey& r) {
        return (r.driver.empty() || r.driver == driver) && matches_key(r.name, key);
    });
    return row == rows.end() ? nullptr : row;
}

/// nullptr for a key that there is not.
Check check_of(std::string_view driver, std::string_view key) {
    constexpr std::string_view defaults = "volume.";
    if (key.starts_with(defaults)) {
        const auto* row = find_volume_default(driver, key.substr(defaults.size()));
        return row == nullptr ? nullptr : row->check;
    }
    const auto* row = find(driver, key);
    return row == nullptr ? nullptr : row->check;
}

} // namespace

std::span<const PoolKey> pool_keys() noexcept {
    return rows;
}

void check_pool_config(std::string_view driver, const Config& config) {
    for (const auto& [key, value] : config) {
        const auto check = check_of(driver, key);
        if (check == nullptr) throw bad_request("Invalid option {}", quoted(key));
        try {
            check(value);
        } catch (const Error& error) {
            throw bad_request("Invalid value for option {}: {}", quoted(key), error.what());
        }
    }
}

void check_pool_change(std::string_view driver, const Config& before, const Config& after) {
    const auto check = [&](const std::string& key) {
        const auto* row = find(driver, key);
        if (row == nullptr || row->may_change || get(before, key) == get(after, key)) return;
        throw bad_request("Pool {} cannot be changed", quoted(key));
    };
    for (const auto& [key, value] : before) check(key);
    for (const auto& [key, value] : after) check(key);
}

} // namespace schema
