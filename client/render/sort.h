#pragma once
// The order of rows in lists: texts with numbers in them as people expect ("c2" before "c10"), empty cells last.

#include <string_view>

#include "client/render/table.h"

namespace client {

bool natural_less(std::string_view a, std::string_view b);
/// By the first column in which two rows differ.
void sort_rows(std::vector<Row>& rows);

} // namespace client
