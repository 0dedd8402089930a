#pragma once
// The filters of `lxc list`: name prefixes and expressions, configuration keys (also abbreviated), and shorthands like
// status=running.

#include <string>
#include <string_view>
#include <vector>

#include "client/shapes.h"
#include "schema/json.h"

namespace client {

/// "u.blah" stands for "user.blah": as many parts, each the beginning of its counterpart.
bool abbreviates(std::string_view short_key, std::string_view key);

/// Does a text match an expression? Without ^ or $ the whole text must. What is no expression is compared.
bool matches(std::string_view text, const std::string& expression);

/// Does an instance (with its state where that was asked for) satisfy all filters?
bool is_wanted(const schema::Json& instance, const std::vector<std::string>& filters);

/// Filters that the server can apply go to the first list: key=value with a member of the shape as key.
void divide_filters(const std::vector<std::string>& filters, const Shape& shape, std::vector<std::string>& for_server,
                    std::vector<std::string>& for_client);
/// "status eq running and type eq container"
std::string server_filter(const std::vector<std::string>& filters);

} // namespace client
