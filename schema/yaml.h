#pragma once
// YAML from and into JSON, for the files that describe backups. Reading is bounded: an alias of a few bytes may stand
// for any number of them.

#include <string>

#include "schema/json.h"

namespace schema {

/// Scalars without quotes become booleans and integers where they look like such; below a member of one of LXD's text
/// maps (config, devices, properties and the expanded ones) they stay texts. Throws bad_request "yaml: ...".
Json json_from_yaml(const std::string& text);
/// Block style; texts are in quotes unless they are plain words.
std::string yaml_from_json(const Json& value);

} // namespace schema
