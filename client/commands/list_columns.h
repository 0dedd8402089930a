#pragma once
// The columns of `lxc list`: letters and configuration keys, and what each shows of an instance.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/json.h"

namespace client {

struct Column {
    std::string name;
    std::function<std::string(const schema::Json& instance)> cell;
    bool needs_state = false; // or snapshots: what only recursion=2 brings
};

/// "ns46tS" or "n,s,user.comment:COMMENT:20"; throws bad_request on letters and forms that do not exist.
std::vector<Column> parse_columns(std::string_view columns);

} // namespace client
