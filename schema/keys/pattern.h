#pragma once
// How key tables name many keys in one row: a single `*` stands for any text that is not empty. Of LXD's, those of
// volumes and pools take an empty one, too, after `user.`.

#include <string_view>

namespace schema {

constexpr bool matches_key(std::string_view pattern, std::string_view key) noexcept {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == key;
    const auto prefix = pattern.substr(0, star);
    const auto suffix = pattern.substr(star + 1);
    return key.size() > prefix.size() + suffix.size() && key.starts_with(prefix) && key.ends_with(suffix);
}

constexpr bool matches_storage_key(std::string_view pattern, std::string_view key) noexcept {
    return matches_key(pattern, key) || (pattern == "user.*" && key == "user.");
}

} // namespace schema
