#pragma once
// The "key=value" arguments with which commands set things, and the members of the objects that they are set in.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/json.h"

namespace client {

/// "key=value"..., or "key" "value". A value of "-" is read from standard input where that is no terminal.
std::map<std::string, std::string> parse_settings(const std::vector<std::string>& words);

/// The member of an object as an object that can be changed; made if it is missing or null.
schema::Json& object_member(schema::Json& object, std::string_view key);
void remove_member(schema::Json& object, std::string_view key);
/// Of a map of texts; empty where it is missing.
std::string text_member(const schema::Json& object, std::string_view key);

} // namespace client
