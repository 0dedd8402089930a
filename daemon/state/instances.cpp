#include "daemon/state/instances.h"

#include "daemon/state/connection.h"
#include "daemon/state/owned_rows.h"
#include "schema/error.h"

namespace state {

namespace {

const ConfigRows& config_rows() {
    static const ConfigRows rows("instances_config", "instance_id");
    return rows;
}

const DeviceRows& device_rows() {
    static const DeviceRows rows("instances", "instance_id");
    return rows;
}

const ProfileRows& profile_rows() {
    static const ProfileRows rows("instances_profiles", "instance_id");
    return rows;
}

const std::string select = "SELECT i.id, i.name, p.name, architecture, ephemeral, stateful, i.description, created_at, "
                           "last_used_at FROM instances AS i JOIN storage_pools AS p ON p.id = storage_pool_id ";

InstanceRow instance_from(const Query& row) {
    InstanceRow instance;
    instance.id = row.integer(0);
    instance.name = row.text(1);
    instance.pool = row.text(2);
    instance.put.architecture = row.text(3);
    instance.put.ephemeral = row.flag(4);
    instance.put.stateful = row.flag(5);
    instance.put.description = row.text(6);
    instance.created_at = row.time(7);
    instance.last_used_at = row.time(8);
    return instance;
}

int64_t id_of(Connection& connection, const std::string& name) {
    Query row(connection, "SELECT id FROM instances WHERE name = ?", name);
    if (!row.next()) throw schema::not_found("Instance not found");
    return row.integer(0);
}

int64_t pool_id(Connection& connection, const std::string& name) {
    Query row(connection, "SELECT id FROM storage_pools WHERE name = ?", name);
    if (!row.next()) throw schema::not_found("Storage pool not found");
    return row.integer(0);
}

void store_owned(Connection& connection, int64_t id, const schema::InstancePut& put) {
    config_rows().store(connection, id, put.config);
    device_rows().store(connection, id, put.devices);
    profile_rows().store(connection, id, put.profiles);
}

[[noreturn]] void rethrow_naming(const SQLite::Exception& error, const std::string& name) {
    if (is_unique_violation(error)) throw schema::conflict("Instance \"{}\" already exists", name);
    throw error;
}

} // namespace

std::vector<InstanceRow> Instances::list() const {
    std::vector<InstanceRow> instances;
    database_.with([&](Connection& connection) {
        auto configs = config_rows().load_all(connection);
        auto devices = device_rows().load_all(connection);
        auto profiles = profile_rows().load_all(connection);
        Query rows(connection, select + "ORDER BY i.name");
        while (rows.next()) {
            auto& instance = instances.emplace_back(instance_from(rows));
            instance.put.config = std::move(configs[instance.id]);
            instance.put.devices = std::move(devices[instance.id]);
            instance.put.profiles = std::move(profiles[instance.id]);
        }
    });
    return instances;
}

std::optional<InstanceRow> Instances::find(const std::string& name) const {
    std::optional<InstanceRow> instance;
    database_.with([&](Connection& connection) {
        Query row(connection, select + "WHERE i.name = ?", name);
        if (!row.next()) return;
        instance = instance_from(row);
        instance->put.config = config_rows().load(connection, instance->id);
        instance->put.devices = device_rows().load(connection, instance->id);
        instance->put.profiles = profile_rows().load(connection, instance->id);
    });
    return instance;
}

int64_t Instances::insert(const InstanceRow& row) {
    int64_t id = 0;
    database_.write([&](Connection& connection) {
        const auto pool = pool_id(connection, row.pool);
        try {
            Query(connection,
                  "INSERT INTO instances (name, storage_pool_id, architecture, ephemeral, stateful, description, "
                  "created_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                  row.name, pool, row.put.architecture, row.put.ephemeral, row.put.stateful, row.put.description,
                  row.created_at, row.last_used_at)
                .run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, row.name);
        }
        id = connection.last_insert_id();
        store_owned(connection, id, row.put);
    });
    return id;
}

void Instances::update(const InstanceRow& row) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, row.name);
        Query(connection,
              "UPDATE instances SET storage_pool_id = ?, architecture = ?, ephemeral = ?, stateful = ?, "
              "description = ?, created_at = ?, last_used_at = ? WHERE id = ?",
              pool_id(connection, row.pool), row.put.architecture, row.put.ephemeral, row.put.stateful,
              row.put.description, row.created_at, row.last_used_at, id)
            .run();
        store_owned(connection, id, row.put);
    });
}

void Instances::set_config(const std::string& name, const schema::Config& changes) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        for (const auto& [key, value] : changes) {
            if (value.empty())
                config_rows().unset(connection, id, key);
            else
                config_rows().set(connection, id, key, value);
        }
    });
}

void Instances::rename(const std::string& name, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        try {
            Query(connection, "UPDATE instances SET name = ? WHERE id = ?", new_name, id).run();
        } catch (const SQLite::Exception& error) {
            if (is_unique_violation(error)) throw schema::conflict("Name \"{}\" already in use", new_name);
            throw;
        }
    });
}

void Instances::remove(const std::string& name) {
    database_.write([&](Connection& connection) {
        Query(connection, "DELETE FROM instances WHERE id = ?", id_of(connection, name)).run();
    });
}

} // namespace state
