#include "daemon/state/profiles.h"

#include "daemon/state/connection.h"
#include "daemon/state/owned_rows.h"
#include "schema/error.h"

namespace state {

namespace {

const ConfigRows& config_rows() {
    static const ConfigRows rows("profiles_config", "profile_id");
    return rows;
}

const DeviceRows& device_rows() {
    static const DeviceRows rows("profiles", "profile_id");
    return rows;
}

void store(Connection& connection, int64_t id, const schema::ProfilePut& profile) {
    config_rows().store(connection, id, profile.config);
    device_rows().store(connection, id, profile.devices);
}

int64_t id_of(Connection& connection, const std::string& name) {
    Query row(connection, "SELECT id FROM profiles WHERE name = ?", name);
    if (!row.next()) throw schema::not_found("Profile not found");
    return row.integer(0);
}

} // namespace

std::vector<schema::Profile> Profiles::list() const {
    std::vector<schema::Profile> profiles;
    database_.with([&](Connection& connection) {
        auto configs = config_rows().load_all(connection);
        auto devices = device_rows().load_all(connection);
        Query rows(connection, "SELECT id, name, description FROM profiles ORDER BY name");
        while (rows.next()) {
            auto& profile = profiles.emplace_back();
            profile.name = rows.text(1);
            profile.description = rows.text(2);
            profile.config = std::move(configs[rows.integer(0)]);
            profile.devices = std::move(devices[rows.integer(0)]);
        }
    });
    return profiles;
}

std::optional<schema::Profile> Profiles::find(const std::string& name) const {
    std::optional<schema::Profile> profile;
    database_.with([&](Connection& connection) {
        Query row(connection, "SELECT id, description FROM profiles WHERE name = ?", name);
        if (!row.next()) return;
        const auto id = row.integer(0);
        profile.emplace();
        profile->name = name;
        profile->description = row.text(1);
        profile->config = config_rows().load(connection, id);
        profile->devices = device_rows().load(connection, id);
    });
    return profile;
}

void Profiles::insert(const schema::Profile& profile) {
    database_.write([&](Connection& connection) {
        try {
            Query(connection, "INSERT INTO profiles (name, description) VALUES (?, ?)", profile.name,
                  profile.description)
                .run();
        } catch (const SQLite::Exception& error) {
            if (is_unique_violation(error)) throw schema::bad_request("The profile already exists");
            throw;
        }
        store(connection, connection.last_insert_id(), profile);
    });
}

void Profiles::update(const std::string& name, const schema::ProfilePut& profile) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        Query(connection, "UPDATE profiles SET description = ? WHERE id = ?", profile.description, id).run();
        store(connection, id, profile);
    });
}

void Profiles::rename(const std::string& name, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        try {
            Query(connection, "UPDATE profiles SET name = ? WHERE id = ?", new_name, id).run();
        } catch (const SQLite::Exception& error) {
            if (is_unique_violation(error)) throw schema::conflict("Name \"{}\" already in use", new_name);
            throw;
        }
    });
}

void Profiles::remove(const std::string& name) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        try {
            Query(connection, "DELETE FROM profiles WHERE id = ?", id).run();
        } catch (const SQLite::Exception& error) {
            if (is_foreign_key_violation(error)) throw schema::bad_request("Profile is currently in use");
            throw;
        }
    });
}

} // namespace state
