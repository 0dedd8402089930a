#pragma once
// What the flags -c key=value and -d device,key=value of launch, copy and move ask for.

#include <map>
#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace client {

/// Throws bad_request on a word without "=".
schema::Config config_overrides(const std::vector<std::string>& words);
/// By device. Throws bad_request on a word of another form.
std::map<std::string, schema::Config> device_overrides(const std::vector<std::string>& words);

/// The device that is the root disk: its name and its options; nullptr where there is none.
const schema::Json::Member* root_disk(const schema::Json& devices);

} // namespace client
