// lxc info: everything about an instance's present state, or about the server.

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/info_resources.h"
#include "client/instances.h"
#include "client/render/table.h"
#include "client/session.h"
#include "client/shapes.h"
#include "client/sizes.h"
#include "client/times.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"resources", 0, FlagKind::toggle, "Show the resources of the server"},
    {"show-log", 0, FlagKind::toggle, "Show the instance's log too"},
    {"target", 0, FlagKind::text, "Cluster member name"},
};

std::string text(const Json& value) {
    return value.is_string() ? value.as_string() : std::string();
}

int64_t number(const Json& value) {
    return value.is_number() ? static_cast<int64_t>(value.as_number()) : 0;
}

std::string upper(std::string shown) {
    std::transform(shown.begin(), shown.end(), shown.begin(), [](unsigned char c) { return ::toupper(c); });
    return shown;
}

std::string identity(const Json& instance) {
    auto type = text(instance["type"]);
    if (type.empty()) type = "container";
    std::string out = fmt::format("Name: {}\nStatus: {}\n", text(instance["name"]), upper(text(instance["status"])));
    out += fmt::format("Type: {}{}\n", type, instance["ephemeral"] == Json(true) ? " (ephemeral)" : "");
    out += fmt::format("Architecture: {}\n", text(instance["architecture"]));
    if (const auto pid = number(instance["state"]["pid"]); pid != 0) out += fmt::format("PID: {}\n", pid);
    if (is_set(text(instance["created_at"]))) {
        out += fmt::format("Created: {}\n", local_minutes(text(instance["created_at"])));
    }
    if (is_set(text(instance["last_used_at"]))) {
        out += fmt::format("Last Used: {}\n", local_minutes(text(instance["last_used_at"])));
    }
    return out;
}

std::string disk_usage(const Json& state) {
    std::string out;
    if (!state["disk"].is_object()) return out;
    for (const auto& [device, disk] : state["disk"].as_object()) {
        const auto usage = number(disk["usage"]);
        if (usage != 0) out += fmt::format("    {}: {}\n", device, binary_byte_size(usage));
    }
    return out.empty() ? out : "  Disk usage:\n" + out;
}

std::string memory_usage(const Json& memory) {
    constexpr std::pair<std::string_view, std::string_view> rows[] = {
        {"Memory (current)", "usage"},
        {"Memory (peak)", "usage_peak"},
        {"Swap (current)", "swap_usage"},
        {"Swap (peak)", "swap_usage_peak"},
    };
    std::string out;
    for (const auto& [label, member] : rows) {
        const auto amount = number(memory[member]);
        if (amount != 0) out += fmt::format("    {}: {}\n", label, binary_byte_size(amount));
    }
    return out.empty() ? out : "  Memory usage:\n" + out;
}

std::string network_interface(const std::string& name, const Json& network) {
    std::string out = fmt::format("    {}:\n", name);
    const auto line = [&](std::string_view label, const auto& value) {
        out += fmt::format("      {}: {}\n", label, value);
    };
    line("Type", text(network["type"]));
    line("State", upper(text(network["state"])));
    if (const auto host_name = text(network["host_name"]); !host_name.empty()) line("Host interface", host_name);
    if (const auto address = text(network["hwaddr"]); !address.empty()) line("MAC address", address);
    if (const auto mtu = number(network["mtu"]); mtu != 0) line("MTU", mtu);
    const auto& counters = network["counters"];
    line("Bytes received", byte_size(number(counters["bytes_received"])));
    line("Bytes sent", byte_size(number(counters["bytes_sent"])));
    line("Packets received", number(counters["packets_received"]));
    line("Packets sent", number(counters["packets_sent"]));
    out += "      IP addresses:\n";
    if (!network["addresses"].is_array()) return out;
    for (const auto& address : network["addresses"].as_array()) {
        const auto family = text(address["family"]);
        out += fmt::format("        {}:{} {}/{} ({})\n", family, family == "inet" ? " " : "", text(address["address"]),
                           text(address["netmask"]), text(address["scope"]));
    }
    return out;
}

std::string networks(const Json& state) {
    if (!state["network"].is_object() || state["network"].as_object().empty()) return "";
    auto members = state["network"].as_object();
    std::sort(members.begin(), members.end(),
              [](const Json::Member& a, const Json::Member& b) { return a.first < b.first; });
    std::string out = "  Network usage:\n";
    for (const auto& [name, network] : members) out += network_interface(name, network);
    return out;
}

std::string resources(const Json& state) {
    if (number(state["pid"]) == 0) return "";
    std::string out = fmt::format("\nResources:\n  Processes: {}\n", number(state["processes"]));
    out += disk_usage(state);
    if (const auto usage = number(state["cpu"]["usage"]); usage != 0) {
        out += fmt::format("  CPU usage:\n    CPU usage (in seconds): {}\n", usage / 1'000'000'000);
    }
    return out + memory_usage(state["memory"]) + networks(state);
}

std::string date_or_blank(const Json& value) {
    return is_set(text(value)) ? local_minutes(text(value)) : " ";
}

std::string yes_or_no(const Json& value) {
    return value == Json(true) ? "YES" : "NO";
}

std::string snapshots(const Json& list) {
    if (!list.is_array() || list.as_array().empty()) return "";
    std::vector<Row> rows;
    for (const auto& snapshot : list.as_array()) {
        rows.push_back({base_name(text(snapshot["name"])), date_or_blank(snapshot["created_at"]),
                        date_or_blank(snapshot["expires_at"]), yes_or_no(snapshot["stateful"])});
    }
    return "\nSnapshots:\n" + table({"Name", "Taken at", "Expires at", "Stateful"}, rows);
}

std::string backups(const Json& list) {
    if (!list.is_array() || list.as_array().empty()) return "";
    std::vector<Row> rows;
    for (const auto& backup : list.as_array()) {
        rows.push_back({text(backup["name"]), date_or_blank(backup["created_at"]), date_or_blank(backup["expires_at"]),
                        yes_or_no(backup["instance_only"]), yes_or_no(backup["optimized_storage"])});
    }
    return "\nBackups:\n" + table({"Name", "Taken at", "Expires at", "Instance Only", "Optimized Storage"}, rows);
}

std::string log_of(Server& server, const std::string& name) {
    const HttpRequest request{.target = instance_url(name) + "/logs/lxc.log"};
    const auto response = server.connection().send(request);
    if (response.status != 200) throw_error(request, response);
    return fmt::format("\nLog:\n\n{}\n", response.body);
}

int show_instance(Server& server, const std::string& name, const FlagValues& chosen) {
    if (chosen.has("target")) throw schema::bad_request("--target cannot be used with instances");
    const auto instance = server.get(instance_url(name) + "?recursion=1").metadata;
    print(identity(instance) + resources(instance["state"]) + snapshots(instance["snapshots"]) +
          backups(instance["backups"]));
    if (chosen.on("show-log")) print(log_of(server, name));
    return 0;
}

/// The drivers' members have capital letters in JSON and none in YAML.
void lower_driver_members(Json& environment) {
    auto drivers = Json::empty_array();
    if (environment["storage_supported_drivers"].is_array()) {
        for (const auto& driver : environment["storage_supported_drivers"].as_array()) {
            auto entry = Json::empty_object();
            entry.set("name", driver["Name"]).set("version", driver["Version"]).set("remote", driver["Remote"]);
            drivers.push_back(std::move(entry));
        }
    }
    environment.set("storage_supported_drivers", std::move(drivers));
}

int show_server(Server& server, const FlagValues& chosen) {
    if (chosen.has("target")) {
        throw schema::bad_request("To use --target, the destination remote must be a cluster");
    }
    if (chosen.on("resources")) {
        print(resources_text(server.get("/1.0/resources").metadata));
        return 0;
    }
    auto answer = server.get("/1.0").metadata;
    auto environment = answer["environment"];
    if (environment.is_object()) {
        lower_driver_members(environment);
        answer.set("environment", std::move(environment));
    }
    print(yaml(shaped(answer, shapes::server), &shapes::server));
    return 0;
}

int run(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    if (resource.name.empty()) return show_server(resource.server, call.flags);
    return show_instance(resource.server, resource.name, call.flags);
}

} // namespace

constinit const Command commands::info{
    .name = "info",
    .arguments = "[<remote>:][<instance>]",
    .summary = "Describe an instance or the server",
    .examples = "lxc info c1 --show-log\n"
                "    What c1 uses, its addresses, and the log of its last start.\n\n"
                "lxc info\n"
                "    What the server is and can do.",
    .flags = flags,
    .most = 1,
    .run = run,
};

} // namespace client
