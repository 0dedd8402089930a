#pragma once
// The rules for names that users choose. Each check throws bad_request with LXD 5.0's text.

#include <string_view>

namespace schema {

void check_instance_name(std::string_view name);
void check_profile_name(std::string_view name);
void check_pool_name(std::string_view name);
/// Aliases may hold slashes, but cannot be empty.
void check_alias_name(std::string_view name);
void check_device_name(std::string_view name);
/// Of an instance or a volume. Stricter than LXD's, which lets names through that lead out of the snapshots' folder.
void check_snapshot_name(std::string_view name);

} // namespace schema
