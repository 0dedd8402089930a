#pragma once
// What the scripts of `lxc completion` ask for: "lxc __complete WORDS..." with the words of a half-typed line.

#include <string>
#include <vector>

#include "client/command.h"

namespace client {

/// The word that asks; it is no command, as what follows it is not to be parsed.
inline constexpr std::string_view completion_word = "__complete";

/// Prints a candidate a line, with a tab and a description where there is one, and last a line with a colon: ":done",
/// ":nospace" (more of the word follows) or ":files". Never fails: what cannot be found out is left out.
int print_completion(const Command& root, View<Flag> global_flags, const std::vector<std::string>& words);

} // namespace client
