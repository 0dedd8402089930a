#include "schema/keys/reference.h"

#include <string_view>
#include <vector>

#include <fmt/ranges.h>

#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/pool.h"
#include "schema/keys/server.h"
#include "schema/keys/volume.h"

namespace schema {

namespace {

std::string code(std::string_view text) {
    return fmt::format("`{}`", text);
}

std::string yes_or_no(bool value) {
    return value ? "yes" : "no";
}

/// A bar would end the cell.
std::string cell(std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    return escaped;
}

std::string row(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const auto& one : cells) text += " " + cell(one) + " |";
    return text + "\n";
}

std::string head(const std::vector<std::string>& names) {
    return "\n" + row(names) + row(std::vector<std::string>(names.size(), "---"));
}

std::string instance_part() {
    auto text = "\n## Instances and profiles\n\n"
                "A live key takes effect on a running instance at once, any other at its next start.\n" +
                head({"key", "value", "default", "live", "what it does"});
    for (const auto& key : instance_keys())
        text += row({code(key.name), std::string(key.type), std::string(key.fallback), yes_or_no(key.live),
                     std::string(key.words)});
    return text;
}

std::string server_part() {
    auto text = "\n## The server\n" + head({"key", "value", "default", "what it does"});
    for (const auto& key : server_keys())
        text += row({code(key.name), std::string(key.type), std::string(key.fallback), std::string(key.words)});
    return text;
}

std::string device_part() {
    std::string text = "\n## Devices\n\n"
                       "A live option changes on a running instance; any other takes the device out and puts it in "
                       "again.\n";
    for (const auto& type : device_types()) {
        text += type.subtype.empty() ? fmt::format("\n### {}\n", type.type)
                                     : fmt::format("\n### {}, nictype {}\n", type.type, type.subtype);
        if (type.options.empty()) {
            text += "\nNo options.\n";
            continue;
        }
        text += head({"option", "value", "default", "live", "what it is"});
        for (const auto& option : type.options)
            text += row({code(option.name), std::string(option.type), std::string(option.fallback),
                         yes_or_no(option.live), std::string(option.words)});
    }
    return text;
}

std::string pool_part() {
    auto text = "\n## Storage pools\n" + head({"driver", "key", "may change", "what it does"});
    for (const auto& key : pool_keys())
        text += row({key.driver.empty() ? "all" : std::string(key.driver), code(key.name), yes_or_no(key.may_change),
                     std::string(key.words)});
    return text;
}

std::string volume_part() {
    auto text = "\n## Storage volumes\n\nA pool's `volume.KEY` is what its new volumes get for the keys so marked.\n" +
                head({"driver", "key", "pool default", "what it does"});
    for (const auto& key : volume_keys())
        text += row({key.driver.empty() ? "all" : std::string(key.driver), code(key.name), yes_or_no(key.is_default),
                     std::string(key.words)});
    return text;
}

} // namespace

std::string key_reference() {
    return "# Configuration\n\n"
           "This is what `lxd keys` prints, from the tables that the daemon checks by. A `*` stands for any name.\n" +
           instance_part() + device_part() + server_part() + pool_part() + volume_part();
}

} // namespace schema
