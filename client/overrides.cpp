#include "client/overrides.h"

#include "client/target.h"
#include "schema/error.h"

namespace client {

schema::Config config_overrides(const std::vector<std::string>& words) {
    schema::Config config;
    for (const auto& word : words) {
        std::string key;
        std::string value;
        if (!split_pair(word, key, value)) throw schema::bad_request("Bad key=value pair: {}", word);
        config[key] = value;
    }
    return config;
}

std::map<std::string, schema::Config> device_overrides(const std::vector<std::string>& words) {
    std::map<std::string, schema::Config> devices;
    for (const auto& word : words) {
        const auto comma = word.find(',');
        std::string key;
        std::string value;
        if (comma == std::string::npos || !split_pair(std::string_view(word).substr(comma + 1), key, value)) {
            throw schema::bad_request("Bad device override syntax, expecting <device>,<key>=<value>: {}", word);
        }
        devices[word.substr(0, comma)][key] = value;
    }
    return devices;
}

const schema::Json::Member* root_disk(const schema::Json& devices) {
    if (!devices.is_object()) return nullptr;
    for (const auto& device : devices.as_object()) {
        const auto& options = device.second;
        if (options["type"] == schema::Json("disk") && options["path"] == schema::Json("/")) return &device;
    }
    return nullptr;
}

} // namespace client
