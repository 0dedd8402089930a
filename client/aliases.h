#pragma once
// Commands of the user's own: names in config.yml that stand for other command lines. Expanded by dispatch before
// anything else is looked at.

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace client {

using Aliases = std::map<std::string, std::string>;

/// The command line that is meant, or nothing where no alias begins it; flags before the alias stay in front. The
/// user's aliases come before the built-in one (`shell`); of several that fit, the one of most words counts.
/// "@ARGS@" is replaced by the words after the alias, "@ARG1@" by the first of them; without "@ARGS@" what is left
/// goes to the end. Throws bad_request where "@ARG2@" has nothing to stand for.
std::optional<std::vector<std::string>> expanded_alias(const Aliases& aliases, const std::vector<std::string>& words);

/// As expanded_alias, with the aliases of config.yml. An alias for a program (its first word begins with "/") replaces
/// this process and returns only by throwing. What LXC_ALIASES=1 marks as the work of an alias is left as it is.
std::vector<std::string> with_aliases_expanded(std::vector<std::string> words);

} // namespace client
