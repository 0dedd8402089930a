#include "daemon/state/owned_rows.h"

#include <fmt/format.h>

#include "schema/error.h"

namespace state {

ConfigRows::ConfigRows(const std::string& table, const std::string& owner)
    : select_(fmt::format("SELECT key, value FROM {} WHERE {} = ?", table, owner)),
      select_all_(fmt::format("SELECT {0}, key, value FROM {1} ORDER BY {0}, key", owner, table)),
      clear_(fmt::format("DELETE FROM {} WHERE {} = ?", table, owner)),
      set_(fmt::format("INSERT OR REPLACE INTO {} ({}, key, value) VALUES (?, ?, ?)", table, owner)),
      unset_(fmt::format("DELETE FROM {} WHERE {} = ? AND key = ?", table, owner)) {}

schema::Config ConfigRows::load(Connection& connection, int64_t owner) const {
    schema::Config config;
    Query rows(connection, select_, owner);
    while (rows.next()) config.emplace_hint(config.end(), rows.text(0), rows.text(1));
    return config;
}

std::map<int64_t, schema::Config> ConfigRows::load_all(Connection& connection) const {
    std::map<int64_t, schema::Config> configs;
    Query rows(connection, select_all_);
    while (rows.next()) {
        auto& config = configs.try_emplace(configs.end(), rows.integer(0))->second; // they come in order
        config.emplace_hint(config.end(), rows.text(1), rows.text(2));
    }
    return configs;
}

void ConfigRows::store(Connection& connection, int64_t owner, const schema::Config& config) const {
    Query(connection, clear_, owner).run();
    for (const auto& [key, value] : config) set(connection, owner, key, value);
}

void ConfigRows::set(Connection& connection, int64_t owner, const std::string& key, const std::string& value) const {
    Query(connection, set_, owner, key, value).run();
}

void ConfigRows::unset(Connection& connection, int64_t owner, const std::string& key) const {
    Query(connection, unset_, owner, key).run();
}

// A device without options has one row of the outer join, whose key is null: read as an empty text.
DeviceRows::DeviceRows(const std::string& prefix, const std::string& owner)
    : select_(fmt::format("SELECT name, key, value FROM {0}_devices AS d LEFT JOIN {0}_device_options AS o "
                          "ON o.{1} = d.{1} AND o.device = d.name WHERE d.{1} = ?",
                          prefix, owner)),
      select_all_(fmt::format("SELECT name, key, value, d.{1} FROM {0}_devices AS d LEFT JOIN {0}_device_options AS o "
                              "ON o.{1} = d.{1} AND o.device = d.name",
                              prefix, owner)),
      clear_(fmt::format("DELETE FROM {}_devices WHERE {} = ?", prefix, owner)),
      insert_(fmt::format("INSERT INTO {}_devices ({}, name) VALUES (?, ?)", prefix, owner)),
      insert_option_(
          fmt::format("INSERT INTO {}_device_options ({}, device, key, value) VALUES (?, ?, ?, ?)", prefix, owner)) {}

namespace {

void take_option(const Query& rows, schema::Devices& devices) {
    auto& device = devices[rows.text(0)];
    auto key = rows.text(1);
    if (!key.empty()) device.emplace(std::move(key), rows.text(2));
}

} // namespace

schema::Devices DeviceRows::load(Connection& connection, int64_t owner) const {
    schema::Devices devices;
    Query rows(connection, select_, owner);
    while (rows.next()) take_option(rows, devices);
    return devices;
}

std::map<int64_t, schema::Devices> DeviceRows::load_all(Connection& connection) const {
    std::map<int64_t, schema::Devices> devices;
    Query rows(connection, select_all_);
    while (rows.next()) take_option(rows, devices[rows.integer(3)]);
    return devices;
}

void DeviceRows::store(Connection& connection, int64_t owner, const schema::Devices& devices) const {
    Query(connection, clear_, owner).run();
    for (const auto& [name, device] : devices) {
        Query(connection, insert_, owner, name).run();
        for (const auto& [key, value] : device) Query(connection, insert_option_, owner, name, key, value).run();
    }
}

ProfileRows::ProfileRows(const std::string& table, const std::string& owner)
    : select_(fmt::format("SELECT p.name FROM {} AS r JOIN profiles AS p ON p.id = r.profile_id WHERE r.{} = ? "
                          "ORDER BY r.position",
                          table, owner)),
      select_all_(fmt::format("SELECT p.name, r.{1} FROM {0} AS r JOIN profiles AS p ON p.id = r.profile_id "
                              "ORDER BY r.{1}, r.position",
                              table, owner)),
      clear_(fmt::format("DELETE FROM {} WHERE {} = ?", table, owner)),
      insert_(fmt::format("INSERT INTO {} ({}, position, profile_id) SELECT ?, ?, id FROM profiles WHERE name = ?",
                          table, owner)) {}

std::vector<std::string> ProfileRows::load(Connection& connection, int64_t owner) const {
    std::vector<std::string> names;
    Query rows(connection, select_, owner);
    while (rows.next()) names.push_back(rows.text(0));
    return names;
}

std::map<int64_t, std::vector<std::string>> ProfileRows::load_all(Connection& connection) const {
    std::map<int64_t, std::vector<std::string>> names;
    Query rows(connection, select_all_);
    while (rows.next()) names[rows.integer(1)].push_back(rows.text(0));
    return names;
}

void ProfileRows::store(Connection& connection, int64_t owner, const std::vector<std::string>& names) const {
    Query(connection, clear_, owner).run();
    int position = 0;
    for (const auto& name : names) {
        Query(connection, insert_, owner, position++, name).run();
        if (connection.changes() == 0) throw schema::not_found("Profile \"{}\" not found", name);
    }
}

} // namespace state
