#include "client/commands/list_columns.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "client/instance_keys.h"
#include "client/overrides.h"
#include "client/render/table.h"
#include "client/sizes.h"
#include "client/target.h"
#include "client/times.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

std::string text(const Json& value) {
    return value.is_string() ? value.as_string() : std::string();
}

std::string upper(std::string shown) {
    std::transform(shown.begin(), shown.end(), shown.begin(), [](unsigned char c) { return ::toupper(c); });
    return shown;
}

/// Neither stopped nor failed: there is a state to show.
bool is_active(const Json& instance) {
    const auto& code = instance["status_code"];
    return code.is_integer() && code.as_integer() != 102 && code.as_integer() != 112;
}

int64_t number(const Json& value) {
    return value.is_number() ? static_cast<int64_t>(value.as_number()) : 0;
}

const Json& active_state(const Json& instance) {
    static const Json none;
    return is_active(instance) ? instance["state"] : none;
}

std::string addresses(const Json& instance, std::string_view family) {
    const auto& networks = active_state(instance)["network"];
    if (!networks.is_object()) return "";
    std::vector<std::string> found;
    for (const auto& [name, network] : networks.as_object()) {
        if (text(network["type"]) == "loopback" || !network["addresses"].is_array()) continue;
        for (const auto& address : network["addresses"].as_array()) {
            const auto scope = text(address["scope"]);
            if (scope == "link" || scope == "local" || text(address["family"]) != family) continue;
            found.push_back(fmt::format("{} ({})", text(address["address"]), name));
        }
    }
    std::sort(found.begin(), found.end(), std::greater<>());
    return join(found, "\n");
}

std::string memory_share(const Json& instance) {
    const auto usage = number(active_state(instance)["memory"]["usage"]);
    const auto limit = parse_byte_size(text(instance["expanded_config"]["limits.memory"]));
    if (usage <= 0 || !limit || *limit <= 0) return "";
    return fmt::format("{:.1f}%", static_cast<double>(usage) / static_cast<double>(*limit) * 100.0);
}

std::string disk_usage(const Json& instance) {
    const auto* root = root_disk(instance["expanded_devices"]);
    const auto usage = root == nullptr ? 0 : number(instance["state"]["disk"][root->first]["usage"]);
    return usage > 0 ? binary_byte_size(usage) : "";
}

std::string type(const Json& instance) {
    auto name = text(instance["type"]);
    if (name.empty()) name = "container";
    const bool ephemeral = instance["ephemeral"].is_bool() && instance["ephemeral"].as_bool();
    return upper(name) + (ephemeral ? " (EPHEMERAL)" : "");
}

std::string profiles(const Json& instance) {
    std::vector<std::string> names;
    if (instance["profiles"].is_array()) {
        for (const auto& name : instance["profiles"].as_array()) names.push_back(text(name));
    }
    return join(names, "\n");
}

std::string date(const Json& value) {
    return is_set(text(value)) ? utc_minutes(text(value)) : "";
}

struct Letter {
    char letter;
    std::string_view name;
    std::string (*cell)(const Json&);
    bool needs_state = false;
};

constexpr std::array<Letter, 21> letters{{
    {'4', "IPV4", [](const Json& i) { return addresses(i, "inet"); }, true},
    {'6', "IPV6", [](const Json& i) { return addresses(i, "inet6"); }, true},
    {'a', "ARCHITECTURE", [](const Json& i) { return text(i["architecture"]); }},
    {'b', "STORAGE POOL",
     [](const Json& i) {
         const auto* root = root_disk(i["expanded_devices"]);
         return root == nullptr ? std::string() : text(root->second["pool"]);
     }},
    {'c', "CREATED AT", [](const Json& i) { return date(i["created_at"]); }},
    {'d', "DESCRIPTION", [](const Json& i) { return text(i["description"]); }},
    {'D', "DISK USAGE", disk_usage, true},
    {'e', "PROJECT", [](const Json& i) { return text(i["project"]); }},
    {'f', "BASE IMAGE", [](const Json& i) { return text(i["config"]["volatile.base_image"]).substr(0, 12); }},
    {'F', "BASE IMAGE", [](const Json& i) { return text(i["config"]["volatile.base_image"]); }},
    {'l', "LAST USED AT", [](const Json& i) { return date(i["last_used_at"]); }},
    {'m', "MEMORY USAGE",
     [](const Json& i) {
         const auto usage = number(active_state(i)["memory"]["usage"]);
         return usage > 0 ? binary_byte_size(usage) : std::string();
     },
     true},
    {'M', "MEMORY USAGE%", memory_share, true},
    {'n', "NAME", [](const Json& i) { return text(i["name"]); }},
    {'N', "PROCESSES",
     [](const Json& i) {
         const auto& state = active_state(i);
         return state.is_null() ? std::string() : fmt::format("{}", number(state["processes"]));
     },
     true},
    {'p', "PID",
     [](const Json& i) {
         const auto& state = active_state(i);
         return state.is_null() ? std::string() : fmt::format("{}", number(state["pid"]));
     },
     true},
    {'P', "PROFILES", profiles},
    {'s', "STATE", [](const Json& i) { return upper(text(i["status"])); }},
    {'S', "SNAPSHOTS",
     [](const Json& i) { return fmt::format("{}", i["snapshots"].is_array() ? i["snapshots"].as_array().size() : 0); },
     true},
    {'t', "TYPE", type},
    {'u', "CPU USAGE",
     [](const Json& i) {
         const auto usage = number(active_state(i)["cpu"]["usage"]);
         return usage > 0 ? fmt::format("{}s", usage / 1'000'000'000) : std::string();
     },
     true},
}};

std::string truncated(const std::string& value, int width) {
    return width > 0 && value.size() > static_cast<size_t>(width) ? value.substr(0, static_cast<size_t>(width)) : value;
}

int parse_width(const std::string& width, std::string_view entry, const std::string& name) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(width.data(), width.data() + width.size(), value);
    if (error != std::errc{} || end != width.data() + width.size()) {
        throw schema::bad_request("Invalid max width (must be an integer) '{}' in '{}'", width, entry);
    }
    if (value < -1) {
        throw schema::bad_request("Invalid max width (must -1, 0 or a positive integer) '{}' in '{}'", width, entry);
    }
    return value == 0 ? static_cast<int>(name.size()) : static_cast<int>(value);
}

std::string device_option(const Json& devices, const std::string& device, const std::string& option) {
    return text(devices[device][option]);
}

/// "[config:|devices:]key[:name][:width]"
Column key_column(std::string_view entry) {
    auto fields = split(entry, ':');
    bool is_device = false;
    if (fields.size() > 1 && (fields[0] == "config" || fields[0] == "devices")) {
        is_device = fields[0] == "devices";
        fields.erase(fields.begin());
    }
    if (fields.size() > 3) {
        throw schema::bad_request("Invalid config key column format (too many fields): '{}'", entry);
    }
    const auto key = fields[0];
    if (!is_device && !is_instance_key(key)) {
        throw schema::bad_request("Invalid config key '{}' in '{}'", key, entry);
    }
    Column column{.name = key, .cell = {}};
    if (fields.size() > 1) {
        if (fields[1].empty() && fields.size() != 3) {
            throw schema::bad_request("Invalid name in '{}', empty string is only allowed when defining maxWidth",
                                      entry);
        }
        column.name = fields[1];
    }
    const int width = fields.size() > 2 ? parse_width(fields[2], entry, column.name) : -1;
    if (!is_device) {
        column.cell = [key, width](const Json& instance) {
            const auto* own = instance["config"].find(key);
            return truncated(text(own != nullptr ? *own : instance["expanded_config"][key]), width);
        };
        return column;
    }
    const auto dot = key.find('.');
    const auto device = key.substr(0, dot);
    const auto option = dot == std::string::npos ? std::string() : key.substr(dot + 1);
    column.cell = [device, option, width](const Json& instance) {
        const auto& own = instance["devices"];
        const bool is_own = own[device].find(option) != nullptr;
        return truncated(device_option(is_own ? own : instance["expanded_devices"], device, option), width);
    };
    return column;
}

} // namespace

std::vector<Column> parse_columns(std::string_view wanted) {
    std::vector<Column> columns;
    for (const auto& entry : split(wanted, ',')) {
        if (entry.empty()) {
            throw schema::bad_request("Empty column entry (redundant, leading or trailing command) in '{}'", wanted);
        }
        if (entry.find('.') != std::string::npos) { // Keys always have a dot, letters never.
            columns.push_back(key_column(entry));
            continue;
        }
        for (const char letter : entry) {
            const auto found =
                std::find_if(letters.begin(), letters.end(), [&](const Letter& l) { return l.letter == letter; });
            if (found == letters.end()) {
                throw schema::bad_request("Unknown column shorthand char '{}' in '{}'", letter, entry);
            }
            columns.push_back({std::string(found->name), found->cell, found->needs_state});
        }
    }
    return columns;
}

} // namespace client
