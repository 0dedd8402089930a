#include "daemon/commands/commands.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <iostream>
#include <span>
#include <vector>

#include <fmt/ranges.h>

#include "daemon/http/local_request.h"
#include "schema/api/storage.h"
#include "schema/error.h"
#include "schema/values.h"

namespace commands {

namespace {

using schema::Json;

/// One line without the spaces around it; throws at the end of the input.
std::string asked(const std::string& question) {
    fmt::print("{}", question);
    std::fflush(stdout);
    std::string line;
    if (!std::getline(std::cin, line)) throw schema::failure("EOF");
    return std::string(schema::stripped(line));
}

std::string asked_until(const std::string& question, const std::function<std::string(const std::string&)>& problem) {
    for (;;) {
        auto answer = asked(question);
        const auto wrong = problem(answer);
        if (wrong.empty()) return answer;
        fmt::print(stderr, "Invalid input: {}\n\n", wrong);
    }
}

bool yes(const std::string& question, bool standard) {
    const auto answer = asked_until(
        fmt::format("{} (yes/no) [default={}]: ", question, standard ? "yes" : "no"), [](const std::string& text) {
            const bool known = text.empty() || text == "yes" || text == "y" || text == "no" || text == "n";
            return known ? "" : "try again";
        });
    return answer.empty() ? standard : answer.front() == 'y';
}

std::string not_empty(const std::string& text) {
    return text.empty() ? "Required value" : "";
}

/// `others` are on the list already.
schema::StoragePool asked_pool(const std::vector<std::string>& drivers, std::span<const schema::StoragePool> others) {
    schema::StoragePool pool;
    pool.name = asked_until("Name of the storage pool: ", [&](const std::string& text) -> std::string {
        if (text.empty()) return "Pool name cannot be empty";
        const bool taken = std::ranges::any_of(others, [&](const auto& other) { return other.name == text; });
        return taken ? fmt::format("Storage pool {} is already on recover list", schema::quoted(text)) : "";
    });
    const auto is_driver = [&](const std::string& text) -> std::string {
        if (std::ranges::find(drivers, text) != drivers.end()) return "";
        return fmt::format("Invalid value {} (not one of [{}])", schema::quoted(text), fmt::join(drivers, " "));
    };
    pool.driver = asked_until(fmt::format("Name of the storage backend ({}): ", fmt::join(drivers, ", ")), is_driver);
    pool.config["source"] = asked_until(
        "Source of the storage pool (block device, volume group, dataset, path, ... as applicable): ", not_empty);
    for (;;) {
        const auto property =
            asked_until("Additional storage pool configuration property (KEY=VALUE, empty when done): ",
                        [](const std::string& text) {
                            return text.empty() || text.find('=') != text.npos
                                       ? ""
                                       : "Config option should be in the format KEY=VALUE";
                        });
        if (property.empty()) return pool;
        pool.config[property.substr(0, property.find('='))] = property.substr(property.find('=') + 1);
    }
}

std::string shown(const schema::StoragePool& pool) {
    return fmt::format("backend={}, source={}", schema::quoted(pool.driver),
                       schema::quoted(schema::get(pool.config, "source")));
}

/// `what` is what the daemon is asked for, in messages.
Json requested(const state::Paths& paths, const char* what, const char* url, const Json& order) {
    try {
        return http::local_request(paths.socket(), "POST", url, order);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed {} request: {}", what, error.what()));
    }
}

/// Whether there is anything to recover, once nothing is missing.
bool found_any(const state::Paths& paths, const Json& order) {
    for (;;) {
        const auto found = requested(paths, "validation", "/internal/recover/validate", order);
        const auto& volumes = found["UnknownVolumes"];
        const auto& missing = found["DependencyErrors"];
        const bool any = volumes.is_array() && !volumes.as_array().empty();
        if (any) {
            fmt::print("The following unknown volumes have been found:\n");
            for (const auto& volume : volumes.as_array()) {
                auto type = volume["type"].as_string();
                if (!type.empty()) type[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(type[0])));
                fmt::print(" - {} {} on pool {} in project {} (includes {} snapshots)\n", type,
                           schema::quoted(volume["name"].as_string()), schema::quoted(volume["pool"].as_string()),
                           schema::quoted(volume["project"].as_string()), volume["snapshotCount"].as_integer());
            }
        }
        if (!missing.is_array() || missing.as_array().empty()) {
            if (!any) fmt::print("No unknown volumes found. Nothing to do.\n");
            return any;
        }
        fmt::print("You are currently missing the following:\n");
        for (const auto& one : missing.as_array()) fmt::print(" - {}\n", one.as_string());
        asked("Please create those missing entries and then hit ENTER: ");
    }
}

} // namespace

int recover(const state::Paths& paths) {
    const auto server = http::local_request(paths.socket(), "GET", "/1.0");
    std::vector<std::string> drivers;
    if (const auto& supported = server["environment"]["storage_supported_drivers"]; supported.is_array())
        for (const auto& driver : supported.as_array()) drivers.push_back(driver["Name"].as_string());
    std::vector<schema::StoragePool> pools;
    const auto listed = http::local_request(paths.socket(), "GET", "/1.0/storage-pools?recursion=1");
    for (const auto& pool : listed.as_array()) pools.push_back(schema::storage_pool_from(pool));
    const auto existing = pools.size();
    fmt::print("This LXD server currently has the following storage pools:\n");
    for (const auto& pool : pools) fmt::print(" - {} ({})\n", pool.name, shown(pool));
    while (yes("Would you like to recover another storage pool?", false))
        pools.push_back(asked_pool(drivers, std::span(pools).subspan(existing)));

    fmt::print("The recovery process will be scanning the following storage pools:\n");
    for (size_t index = 0; index < pools.size(); ++index)
        fmt::print(" - {}: {} ({})\n", index < existing ? "EXISTING" : "NEW", schema::quoted(pools[index].name),
                   shown(pools[index]));
    if (!yes("Would you like to continue with scanning for lost volumes?", true)) return 0;
    fmt::print("Scanning for unknown volumes...\n");
    auto list = Json::empty_array();
    for (const auto& pool : pools) list.push_back(to_json(pool));
    Json order;
    order.set("pools", std::move(list));
    if (!found_any(paths, order)) return 0;
    if (!yes("Would you like those to be recovered?", false)) return 0;
    fmt::print("Starting recovery...\n");
    requested(paths, "import", "/internal/recover/import", order);
    return 0;
}

} // namespace commands
