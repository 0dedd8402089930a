#include "daemon/state/snapshots.h"

#include "daemon/state/connection.h"
#include "daemon/state/owned_rows.h"
#include "schema/error.h"

namespace state {

namespace {

const ConfigRows& config_rows() {
    static const ConfigRows rows("instances_snapshots_config", "snapshot_id");
    return rows;
}

const DeviceRows& device_rows() {
    static const DeviceRows rows("instances_snapshots", "snapshot_id");
    return rows;
}

const ProfileRows& profile_rows() {
    static const ProfileRows rows("instances_snapshots_profiles", "snapshot_id");
    return rows;
}

const std::string select = "SELECT s.id, i.name, s.name, s.architecture, s.ephemeral, s.stateful, s.description, "
                           "s.created_at, s.last_used_at, expires_at, incomplete, new_name, volume_description "
                           "FROM instances_snapshots AS s JOIN instances AS i ON i.id = s.instance_id ";

SnapshotRow snapshot_from(const Query& row) {
    SnapshotRow snapshot;
    snapshot.id = row.integer(0);
    snapshot.instance = row.text(1);
    snapshot.name = row.text(2);
    snapshot.put.architecture = row.text(3);
    snapshot.put.ephemeral = row.flag(4);
    snapshot.put.stateful = row.flag(5);
    snapshot.put.description = row.text(6);
    snapshot.created_at = row.time(7);
    snapshot.last_used_at = row.time(8);
    snapshot.expires_at = row.time(9);
    snapshot.incomplete = row.flag(10);
    snapshot.new_name = row.text(11);
    snapshot.volume_description = row.text(12);
    return snapshot;
}

void load_owned(Connection& connection, SnapshotRow& snapshot) {
    snapshot.put.config = config_rows().load(connection, snapshot.id);
    snapshot.put.devices = device_rows().load(connection, snapshot.id);
    snapshot.put.profiles = profile_rows().load(connection, snapshot.id);
}

int64_t instance_id(Connection& connection, const std::string& name) {
    Query row(connection, "SELECT id FROM instances WHERE name = ?", name);
    if (!row.next()) throw schema::not_found("Instance not found");
    return row.integer(0);
}

/// Throws where the last statement met no row.
void check_found(const Connection& connection) {
    if (connection.changes() == 0) throw schema::not_found("Instance snapshot not found");
}

} // namespace

std::vector<std::pair<std::string, std::string>> Snapshots::names() const {
    std::vector<std::pair<std::string, std::string>> names;
    database_.with([&](Connection& connection) {
        Query rows(connection, "SELECT i.name, s.name FROM instances_snapshots AS s "
                               "JOIN instances AS i ON i.id = s.instance_id WHERE NOT s.incomplete");
        while (rows.next()) names.emplace_back(rows.text(0), rows.text(1));
    });
    return names;
}

std::vector<SnapshotRow> Snapshots::list() const {
    std::vector<SnapshotRow> snapshots;
    database_.with([&](Connection& connection) {
        auto configs = config_rows().load_all(connection);
        auto devices = device_rows().load_all(connection);
        auto profiles = profile_rows().load_all(connection);
        Query rows(connection, select + "ORDER BY i.name, s.created_at, s.id");
        while (rows.next()) {
            auto& snapshot = snapshots.emplace_back(snapshot_from(rows));
            snapshot.put.config = std::move(configs[snapshot.id]);
            snapshot.put.devices = std::move(devices[snapshot.id]);
            snapshot.put.profiles = std::move(profiles[snapshot.id]);
        }
    });
    return snapshots;
}

std::vector<SnapshotRow> Snapshots::list(const std::string& instance) const {
    std::vector<SnapshotRow> snapshots;
    database_.with([&](Connection& connection) {
        Query rows(connection, select + "WHERE i.name = ? ORDER BY s.created_at, s.id", instance);
        while (rows.next()) load_owned(connection, snapshots.emplace_back(snapshot_from(rows)));
    });
    return snapshots;
}

std::optional<SnapshotRow> Snapshots::find(const std::string& instance, const std::string& name) const {
    std::optional<SnapshotRow> snapshot;
    database_.with([&](Connection& connection) {
        Query row(connection, select + "WHERE i.name = ? AND s.name = ?", instance, name);
        if (!row.next()) return;
        snapshot = snapshot_from(row);
        load_owned(connection, *snapshot);
    });
    return snapshot;
}

int64_t Snapshots::insert(const SnapshotRow& row) {
    int64_t id = 0;
    database_.write([&](Connection& connection) {
        const auto owner = instance_id(connection, row.instance);
        try {
            Query(connection,
                  "INSERT INTO instances_snapshots (instance_id, name, architecture, ephemeral, stateful, "
                  "description, created_at, last_used_at, expires_at, incomplete, new_name, volume_description) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  owner, row.name, row.put.architecture, row.put.ephemeral, row.put.stateful, row.put.description,
                  row.created_at, row.last_used_at, row.expires_at, row.incomplete, row.new_name,
                  row.volume_description)
                .run();
        } catch (const SQLite::Exception& error) {
            if (is_unique_violation(error)) throw schema::conflict("This \"instances_snapshots\" entry already exists");
            throw;
        }
        id = connection.last_insert_id();
        config_rows().store(connection, id, row.put.config);
        device_rows().store(connection, id, row.put.devices);
        profile_rows().store(connection, id, row.put.profiles);
    });
    return id;
}

void Snapshots::set_incomplete(int64_t id, bool incomplete) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE instances_snapshots SET incomplete = ? WHERE id = ?", incomplete, id).run();
        check_found(connection);
    });
}

void Snapshots::set_new_name(int64_t id, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE instances_snapshots SET new_name = ? WHERE id = ?", new_name, id).run();
        check_found(connection);
    });
}

void Snapshots::set_expires_at(int64_t id, schema::Time expires_at) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE instances_snapshots SET expires_at = ? WHERE id = ?", expires_at, id).run();
        check_found(connection);
    });
}

void Snapshots::set_volume_description(int64_t id, const std::string& description) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE instances_snapshots SET volume_description = ? WHERE id = ?", description, id).run();
        check_found(connection);
    });
}

void Snapshots::set_devices(int64_t id, const schema::Devices& devices) {
    database_.write([&](Connection& connection) { device_rows().store(connection, id, devices); });
}

void Snapshots::unset_config(int64_t id, const std::string& key) {
    database_.write([&](Connection& connection) { config_rows().unset(connection, id, key); });
}

void Snapshots::rename(int64_t id, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        try {
            Query(connection, "UPDATE instances_snapshots SET name = ?, new_name = '' WHERE id = ?", new_name, id)
                .run();
        } catch (const SQLite::Exception& error) {
            if (is_unique_violation(error)) throw schema::conflict("Snapshot \"{}\" already exists", new_name);
            throw;
        }
        check_found(connection);
    });
}

void Snapshots::remove(int64_t id) {
    database_.write([&](Connection& connection) {
        Query(connection, "DELETE FROM instances_snapshots WHERE id = ?", id).run();
        check_found(connection);
    });
}

} // namespace state
