#include "test/unit/instance/key_data.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "schema/values.h"
#include "test/unit/instance/hosts.h"

namespace instance::test {

namespace {

constexpr std::string_view head =
    "# What each row of the key table has to show; test/unit/instance/key_table_test.cpp says how to add one.\n";

[[noreturn]] void refuse(const std::string& key, const std::string& reason) {
    throw std::runtime_error(fmt::format("test data of {}: {}", key, reason));
}

void check_fields(const std::string& key, const YAML::Node& node, const std::vector<std::string>& allowed) {
    for (const auto& member : node) {
        const auto name = member.first.as<std::string>();
        if (std::ranges::find(allowed, name) == allowed.end()) refuse(key, "there is no field " + name);
    }
}

/// "v1 hybrid" are two hosts.
Translation translation(const std::string& key, const YAML::Node& node) {
    Translation result;
    for (const auto& host : hosts()) result.lines[host.name];
    for (const auto& member : node) {
        const auto name = member.first.as<std::string>();
        if (name == "set") {
            result.set = member.second.as<schema::Config>();
            continue;
        }
        for (const auto host : schema::split(name, ' ')) {
            const auto found = result.lines.find(std::string(host));
            if (found == result.lines.end()) refuse(key, "there is no host " + name);
            found->second = member.second.as<std::vector<std::string>>();
        }
    }
    return result;
}

KeyData key_data(const std::string& key, const YAML::Node& node) {
    check_fields(key, node, {"default", "live", "accepted", "refused", "same as unset", "items"});
    for (const auto* field : {"default", "live", "accepted", "items"})
        if (!node[field]) refuse(key, std::string("it lacks ") + field);
    KeyData data;
    data.fallback = node["default"].as<std::string>();
    data.live = node["live"].as<bool>();
    data.accepted = node["accepted"].as<std::vector<std::string>>();
    if (node["refused"]) data.refused = node["refused"].as<std::map<std::string, std::string>>();
    if (node["same as unset"]) data.same_as_unset = node["same as unset"].as<std::vector<std::string>>();
    for (const auto& item : node["items"]) data.translations.push_back(translation(key, item));
    return data;
}

std::string quoted_list(const std::vector<std::string>& values) {
    std::string text;
    for (const auto& value : values) text += (text.empty() ? "" : ", ") + schema::quoted(value);
    return "[" + text + "]";
}

std::string quoted_map(const std::map<std::string, std::string>& values) {
    std::string text;
    for (const auto& [name, value] : values)
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", schema::quoted(name), schema::quoted(value));
    return "{" + text + "}";
}

/// Hosts with the same lines together.
std::string lines_of(const Translation& one) {
    std::string text;
    std::vector<std::string> written;
    for (const auto& host : hosts()) {
        const auto found = one.lines.find(host.name);
        if (found == one.lines.end() || found->second.empty() || std::ranges::count(written, host.name) != 0) continue;
        std::string names;
        for (const auto& other : hosts()) {
            const auto same = one.lines.find(other.name);
            if (same == one.lines.end() || same->second != found->second) continue;
            names += (names.empty() ? "" : " ") + other.name;
            written.push_back(other.name);
        }
        text += fmt::format("      {}:\n", names);
        for (const auto& line : found->second) text += fmt::format("        - {}\n", schema::quoted(line));
    }
    return text;
}

std::string block_of(std::string_view key, const KeyData& data) {
    auto text = fmt::format("{}:\n  default: {}\n  live: {}\n  accepted: {}\n", schema::quoted(key),
                            schema::quoted(data.fallback), data.live, quoted_list(data.accepted));
    if (!data.refused.empty()) text += "  refused:\n";
    for (const auto& [value, reason] : data.refused)
        text += fmt::format("    {}: {}\n", schema::quoted(value), schema::quoted(reason));
    if (!data.same_as_unset.empty()) text += fmt::format("  same as unset: {}\n", quoted_list(data.same_as_unset));
    text += data.translations.empty() ? "  items: []\n" : "  items:\n";
    for (const auto& one : data.translations)
        text += fmt::format("    - set: {}\n{}", quoted_map(one.set), lines_of(one));
    return text;
}

} // namespace

const std::vector<Host>& hosts() {
    static const std::vector<Host> all = {{"v1", v1_host()}, {"hybrid", hybrid_host()}, {"v2", v2_host()}};
    return all;
}

Data read_key_data(const std::string& path) {
    Data data;
    for (const auto& member : YAML::LoadFile(path)) {
        const auto key = member.first.as<std::string>();
        if (!data.emplace(key, key_data(key, member.second)).second) refuse(key, "it is there twice");
    }
    return data;
}

void write_key_data(const std::string& path, const Data& data) {
    std::ofstream file(path);
    file << head;
    for (const auto& [key, one] : data) file << "\n" << block_of(key, one);
}

std::string blank_key_data(std::string_view key, std::string_view fallback, bool live) {
    KeyData data;
    data.fallback = fallback;
    data.live = live;
    return block_of(key, data);
}

} // namespace instance::test
