#pragma once
// Words that a mistyped one may have been meant for. Used where commands and configuration keys are not found.

#include <string_view>
#include <vector>

namespace client {

/// How many letters have to be changed, added or left out to make one of the other; case does not count.
size_t edit_distance(std::string_view a, std::string_view b);

/// Case does not count here either.
bool begins_with(std::string_view word, std::string_view typed);

/// The word that is nearest to the typed one; empty where none is near.
std::string_view nearest(const std::vector<std::string_view>& words, std::string_view typed);

} // namespace client
