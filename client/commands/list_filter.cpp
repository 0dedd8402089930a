#include "client/commands/list_filter.h"

#include <algorithm>
#include <array>
#include <optional>
#include <regex>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "client/target.h"

namespace client {

namespace {

using schema::Json;

std::string lowered(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return ::tolower(c); });
    return lower;
}

const std::string& text_of(const Json& value) {
    static const std::string none;
    return value.is_string() ? value.as_string() : none;
}

using Address = std::array<unsigned char, 16>;

std::optional<Address> parse_address(const std::string& text, bool is_v6) {
    Address address{};
    if (::inet_pton(is_v6 ? AF_INET6 : AF_INET, text.c_str(), address.data()) != 1) return std::nullopt;
    return address;
}

/// Is the address within "10.0.0.0/8"?
bool in_subnet(const std::string& text, const std::string& subnet, bool is_v6) {
    const auto slash = subnet.find('/');
    if (slash == std::string::npos || slash + 1 == subnet.size()) return false;
    if (subnet.find_first_not_of("0123456789", slash + 1) != std::string::npos || subnet.size() - slash > 4)
        return false;
    const auto bits = std::stoul(subnet.substr(slash + 1));
    const auto network = parse_address(subnet.substr(0, slash), is_v6);
    const auto address = parse_address(text, is_v6);
    if (!network || !address || bits > (is_v6 ? 128U : 32U)) return false;
    for (size_t bit = 0; bit < bits; ++bit) {
        const unsigned mask = 0x80U >> (bit % 8);
        if (((*network)[bit / 8] & mask) != ((*address)[bit / 8] & mask)) return false;
    }
    return true;
}

bool has_address(const Json& instance, const std::string& wanted, bool is_v6) {
    const auto& networks = instance["state"]["network"];
    if (!networks.is_object()) return false;
    for (const auto& [name, network] : networks.as_object()) {
        if (!network["addresses"].is_array()) continue;
        for (const auto& address : network["addresses"].as_array()) {
            if (text_of(address["family"]) != (is_v6 ? "inet6" : "inet")) continue;
            const auto& text = text_of(address["address"]);
            if (text == wanted || in_subnet(text, wanted, is_v6)) return true;
        }
    }
    return false;
}

/// Nothing where the key is no shorthand.
std::optional<bool> shorthand(const Json& instance, const std::string& key, const std::string& value) {
    constexpr std::array<std::string_view, 4> members{"type", "status", "architecture", "location"};
    const bool is_member = std::find(members.begin(), members.end(), key) != members.end();
    if (!is_member && key != "ipv4" && key != "ipv6") return std::nullopt;
    const auto alternatives = split(value, ',');
    return std::any_of(alternatives.begin(), alternatives.end(), [&](const std::string& wanted) {
        if (is_member) return lowered(text_of(instance[key])) == lowered(wanted);
        return has_address(instance, wanted, key == "ipv6");
    });
}

bool has_config(const Json& instance, const std::string& key, const std::string& value) {
    const auto& config = instance["expanded_config"];
    if (text_of(config[key]) == value) return true; // A key that is not set counts as empty.
    if (!config.is_object()) return false;
    return std::any_of(config.as_object().begin(), config.as_object().end(), [&](const Json::Member& setting) {
        return abbreviates(key, setting.first) && matches(text_of(setting.second), value);
    });
}

bool satisfies(const Json& instance, const std::string& filter) {
    std::string key;
    std::string value;
    if (split_pair(filter, key, value)) {
        if (shorthand(instance, lowered(key), value).value_or(false)) return true;
        return has_config(instance, key, value);
    }
    const auto& name = text_of(instance["name"]);
    return name.starts_with(filter) || matches(name, filter);
}

} // namespace

bool abbreviates(std::string_view short_key, std::string_view key) {
    const auto shorts = split(short_key, '.');
    const auto parts = split(key, '.');
    return shorts.size() == parts.size() &&
           std::equal(shorts.begin(), shorts.end(), parts.begin(),
                      [](const std::string& a, const std::string& b) { return b.starts_with(a); });
}

bool matches(std::string_view text, const std::string& expression) {
    const bool anchored = expression.find_first_of("^$") != std::string::npos;
    try {
        const std::regex pattern(anchored ? expression : "^" + expression + "$");
        return std::regex_search(text.begin(), text.end(), pattern);
    } catch (const std::regex_error&) {
        return text == expression;
    }
}

bool is_wanted(const Json& instance, const std::vector<std::string>& filters) {
    return std::all_of(filters.begin(), filters.end(),
                       [&](const std::string& filter) { return satisfies(instance, filter); });
}

void divide_filters(const std::vector<std::string>& filters, const Shape& shape, std::vector<std::string>& for_server,
                    std::vector<std::string>& for_client) {
    for (const auto& filter : filters) {
        std::string key;
        std::string value;
        const bool suits_server = split_pair(filter, key, value) && value.find(',') == std::string::npos &&
                                  std::any_of(shape.fields.begin(), shape.fields.end(),
                                              [&](const Field& field) { return field.name == key; });
        (suits_server ? for_server : for_client).push_back(filter);
    }
}

std::string server_filter(const std::vector<std::string>& filters) {
    std::vector<std::string> clauses;
    for (const auto& filter : filters) {
        std::string key;
        std::string value;
        split_pair(filter, key, value);
        clauses.push_back(fmt::format("{} eq {}", key, value));
    }
    return join(clauses, " and ");
}

} // namespace client
