#pragma once
// An event as one line of a log: `lxc monitor --pretty`.

#include <string>
#include <string_view>

#include "schema/json.h"

namespace client {

/// 0 for the most serious; throws bad_request on a word that is no level.
int level_rank(std::string_view level);

/// How lines are written: for programs `time="..." level=info msg="..." key=value`, for people at a terminal
/// `INFO   [...] ...   key=value`, with or without colour.
enum class EventStyle { machine, plain, coloured };

/// One line with its newline; empty where the level is beyond `least_level`.
std::string event_text(const schema::Json& event, int least_level, EventStyle style = EventStyle::machine);

} // namespace client
