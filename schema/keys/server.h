#pragma once
// The table of the server's configuration keys (PUT and PATCH /1.0). Only what the daemon honours is in it.

#include <span>
#include <string_view>

#include "schema/checks.h"
#include "schema/config.h"

namespace schema {

struct ServerKey {
    std::string_view name; // `*` as in the instance table
    Check check;
    std::string_view type;
    std::string_view fallback;
    std::string_view extension;
    std::string_view words;
};

/// Sorted by name.
std::span<const ServerKey> server_keys() noexcept;
const ServerKey* find_server_key(std::string_view key) noexcept;

/// Throws bad_request `cannot set 'KEY' to 'VALUE': REASON`.
void check_server_config(const Config& config);

} // namespace schema
