#pragma once
// The flag of every list command.

#include "client/flags.h"

namespace client {

inline constexpr Flag format_flag{"format", 'f', FlagKind::text, "Format (csv|json|table|yaml|compact)", "table"};

} // namespace client
