#pragma once
// Rows that belong to one row of another table: key/value configuration, devices with their options, and ordered
// names of profiles. The stores use these for profiles, pools, instances and images alike; each reads all owners'
// rows in one query or one owner's.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/state/connection.h"
#include "schema/config.h"

namespace state {

/// A table (owner, key, value).
class ConfigRows {
public:
    ConfigRows(const std::string& table, const std::string& owner);

    schema::Config load(Connection& connection, int64_t owner) const;
    std::map<int64_t, schema::Config> load_all(Connection& connection) const; // by owner
    /// Replaces all; keys with empty values are stored too.
    void store(Connection& connection, int64_t owner, const schema::Config& config) const;
    void set(Connection& connection, int64_t owner, const std::string& key, const std::string& value) const;
    void unset(Connection& connection, int64_t owner, const std::string& key) const;

private:
    std::string select_, select_all_, clear_, set_, unset_;
};

/// Tables `<prefix>_devices` (owner, name) and `<prefix>_device_options` (owner, device, key, value).
class DeviceRows {
public:
    DeviceRows(const std::string& prefix, const std::string& owner);

    schema::Devices load(Connection& connection, int64_t owner) const;
    std::map<int64_t, schema::Devices> load_all(Connection& connection) const;
    void store(Connection& connection, int64_t owner, const schema::Devices& devices) const;

private:
    std::string select_, select_all_, clear_, insert_, insert_option_;
};

/// A table (owner, position, profile_id).
class ProfileRows {
public:
    ProfileRows(const std::string& table, const std::string& owner);

    std::vector<std::string> load(Connection& connection, int64_t owner) const;
    std::map<int64_t, std::vector<std::string>> load_all(Connection& connection) const;
    /// Throws not_found for a profile that is not there.
    void store(Connection& connection, int64_t owner, const std::vector<std::string>& names) const;

private:
    std::string select_, select_all_, clear_, insert_;
};

} // namespace state
