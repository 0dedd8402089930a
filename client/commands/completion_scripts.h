#pragma once
// What a shell has to be told so that it asks the client while a line is being typed. Printed by `lxc completion`.

#include <string_view>

namespace client {

/// Throws bad_request for a shell that there is no script for.
std::string_view completion_script(std::string_view shell);

} // namespace client
