#pragma once
// Request targets taken apart: percent-decoding of paths and queries. Used by the cpprest glue.

#include <map>
#include <string>
#include <string_view>

namespace http {

/// A name as one segment of a path: all but letters, digits and `-_.~$&+=:@` is percent-encoded, slashes too, as Go
/// does.
std::string encoded_segment(std::string_view name);

/// A path without its percent-encoding. Throws bad_request on a broken one and on an encoded NUL, which would cut
/// names short at system calls.
std::string decoded_path(std::string_view path);
/// The parameters of a query, as forms encode them ("+" is a space); the first of several values counts. Throws as
/// decoded_path.
std::map<std::string, std::string> decoded_query(std::string_view query);

} // namespace http
