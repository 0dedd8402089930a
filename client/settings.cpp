#include "client/settings.h"

#include <unistd.h>

#include "client/instances.h"
#include "client/target.h"
#include "client/terminal.h"
#include "schema/error.h"

namespace client {

using schema::Json;

std::map<std::string, std::string> parse_settings(const std::vector<std::string>& words) {
    const auto value_of = [](const std::string& word) {
        return word == "-" && !is_terminal(STDIN_FILENO) ? read_standard_input() : word;
    };
    if (words.size() == 2 && words[0].find('=') == std::string::npos) return {{words[0], value_of(words[1])}};
    std::map<std::string, std::string> settings;
    for (const auto& word : words) {
        std::string key;
        std::string value;
        if (!split_pair(word, key, value)) throw schema::bad_request("Invalid key=value configuration: {}", word);
        settings[key] = value_of(value);
    }
    return settings;
}

Json& object_member(Json& object, std::string_view key) {
    const auto* present = object.find(key);
    if (present == nullptr || !present->is_object()) object.set(key, Json::empty_object());
    for (auto& [name, member] : object.object()) {
        if (name == key) return member;
    }
    throw schema::failure("The object has no member \"{}\"", key);
}

void remove_member(Json& object, std::string_view key) {
    std::erase_if(object.object(), [&](const Json::Member& member) { return member.first == key; });
}

std::string text_member(const Json& object, std::string_view key) {
    const auto& member = object[key];
    return member.is_string() ? member.as_string() : std::string();
}

} // namespace client
