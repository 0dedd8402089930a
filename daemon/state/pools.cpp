#include "daemon/state/pools.h"

#include "daemon/state/connection.h"
#include "daemon/state/owned_rows.h"
#include "schema/error.h"

namespace state {

namespace {

const ConfigRows& config_rows() {
    static const ConfigRows rows("storage_pools_config", "storage_pool_id");
    return rows;
}

int64_t id_of(Connection& connection, const std::string& name) {
    Query row(connection, "SELECT id FROM storage_pools WHERE name = ?", name);
    if (!row.next()) throw schema::not_found("Storage pool not found");
    return row.integer(0);
}

schema::StoragePool pool_from(const Query& row) {
    schema::StoragePool pool;
    pool.name = row.text(1);
    pool.driver = row.text(2);
    pool.description = row.text(3);
    pool.status = row.text(4);
    return pool;
}

} // namespace

std::vector<schema::StoragePool> Pools::list() const {
    std::vector<schema::StoragePool> pools;
    database_.with([&](Connection& connection) {
        auto configs = config_rows().load_all(connection);
        Query rows(connection, "SELECT id, name, driver, description, status FROM storage_pools ORDER BY name");
        while (rows.next()) pools.emplace_back(pool_from(rows)).config = std::move(configs[rows.integer(0)]);
    });
    return pools;
}

std::optional<schema::StoragePool> Pools::find(const std::string& name) const {
    std::optional<schema::StoragePool> pool;
    database_.with([&](Connection& connection) {
        Query row(connection, "SELECT id, name, driver, description, status FROM storage_pools WHERE name = ?", name);
        if (!row.next()) return;
        pool = pool_from(row);
        pool->config = config_rows().load(connection, row.integer(0));
    });
    return pool;
}

void Pools::insert(const schema::StoragePool& pool) {
    database_.write([&](Connection& connection) {
        try {
            Query(connection, "INSERT INTO storage_pools (name, driver, description, status) VALUES (?, ?, ?, ?)",
                  pool.name, pool.driver, pool.description, pool.status)
                .run();
        } catch (const SQLite::Exception& error) {
            if (is_unique_violation(error)) throw schema::bad_request("The storage pool already exists");
            throw;
        }
        config_rows().store(connection, connection.last_insert_id(), pool.config);
    });
}

void Pools::update(const std::string& name, const schema::StoragePoolPut& pool) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        Query(connection, "UPDATE storage_pools SET description = ? WHERE id = ?", pool.description, id).run();
        config_rows().store(connection, id, pool.config);
    });
}

void Pools::complete(const schema::StoragePool& pool) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, pool.name);
        Query(connection, "UPDATE storage_pools SET status = ? WHERE id = ?", pool.status, id).run();
        config_rows().store(connection, id, pool.config);
    });
}

void Pools::remove(const std::string& name) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, name);
        try {
            Query(connection, "DELETE FROM storage_pools WHERE id = ?", id).run();
        } catch (const SQLite::Exception& error) {
            if (is_foreign_key_violation(error)) throw schema::bad_request("The storage pool is currently in use");
            throw;
        }
    });
}

} // namespace state
