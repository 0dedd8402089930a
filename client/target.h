#pragma once
// Names on the command line: "remote:name", and names and paths within URLs.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace client {

struct Target {
    std::string remote; // empty: none was named
    std::string name;   // may be empty ("local:")

    bool operator==(const Target&) const = default;
};

/// Splits at the first colon; which remotes there are is checked by Remotes.
Target split_target(std::string_view text);

/// Does a name say a snapshot: "c1/first"?
bool is_snapshot(std::string_view name);
/// {"c1", "first"} of "c1/first"; the second is empty where there is no slash.
std::pair<std::string, std::string> split_snapshot(std::string_view name);

/// For one segment of a path and for a value in a query, escaped as Go's clients do.
std::string path_escape(std::string_view text);
std::string query_escape(std::string_view text);

/// "%2F" back to "/"; what is not a valid escape stays.
std::string unescape(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// {"key", "value"} of "key=value"; false where there is no "=".
bool split_pair(std::string_view text, std::string& key, std::string& value);

/// The last element of a path, and the path without "." ".." and doubled slashes, as Go's path package has them.
std::string base_name(std::string_view path);
std::string dir_name(std::string_view path);
std::string clean_path(std::string_view path);
std::string join_path(std::string_view folder, std::string_view name);

} // namespace client
