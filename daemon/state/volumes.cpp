#include "daemon/state/volumes.h"

#include <utility>

#include <fmt/format.h>

#include "daemon/state/connection.h"
#include "daemon/state/owned_rows.h"
#include "schema/error.h"

namespace state {

namespace {

const ConfigRows& config_rows() {
    static const ConfigRows rows("storage_volumes_config", "storage_volume_id");
    return rows;
}

const ConfigRows& snapshot_config_rows() {
    static const ConfigRows rows("storage_volumes_snapshots_config", "snapshot_id");
    return rows;
}

const std::string select =
    "SELECT v.id, p.name, v.type, v.name, v.description, v.content_type, v.created_at, v.incomplete, v.new_name "
    "FROM storage_volumes AS v JOIN storage_pools AS p ON p.id = v.storage_pool_id ";

VolumeRow volume_from(const Query& row) {
    VolumeRow volume;
    volume.id = row.integer(0);
    volume.pool = row.text(1);
    volume.type = row.text(2);
    volume.name = row.text(3);
    volume.description = row.text(4);
    volume.content_type = row.text(5);
    volume.created_at = row.time(6);
    volume.incomplete = row.flag(7);
    volume.new_name = row.text(8);
    return volume;
}

const std::string select_snapshot = "SELECT id, name, description, created_at, expires_at, incomplete, new_name "
                                    "FROM storage_volumes_snapshots WHERE storage_volume_id = ? ";

VolumeSnapshotRow snapshot_from(const Query& row) {
    VolumeSnapshotRow snapshot;
    snapshot.id = row.integer(0);
    snapshot.name = row.text(1);
    snapshot.description = row.text(2);
    snapshot.created_at = row.time(3);
    snapshot.expires_at = row.time(4);
    snapshot.incomplete = row.flag(5);
    snapshot.new_name = row.text(6);
    return snapshot;
}

VolumeRow row_of(Connection& connection, int64_t id) {
    Query row(connection, select + "WHERE v.id = ?", id);
    if (!row.next()) throw schema::not_found("Storage volume not found");
    return volume_from(row);
}

template <class Insert> void unique(const char* text, const Insert& insert) {
    try {
        insert();
    } catch (const SQLite::Exception& error) {
        if (is_unique_violation(error)) throw schema::conflict("{}", text);
        throw;
    }
}

constexpr auto taken = "Volume by that name already exists";
constexpr auto snapshot_taken = "Snapshot by that name already exists";

/// `prefix` is "instances" or "profiles", `owner` the column that says whose a device is.
void move_devices(Connection& connection, const std::string& prefix, const std::string& owner, const VolumeRow& from,
                  const VolumePlace& to) {
    std::vector<std::pair<int64_t, std::string>> devices;
    {
        Query rows(connection,
                   fmt::format("SELECT s.{0}, s.device FROM {1}_device_options AS s JOIN {1}_device_options AS p ON "
                               "p.{0} = s.{0} AND p.device = s.device JOIN {1}_device_options AS t ON t.{0} = s.{0} "
                               "AND t.device = s.device WHERE s.key = 'source' AND s.value = ? AND p.key = 'pool' AND "
                               "p.value = ? AND t.key = 'type' AND t.value = 'disk'",
                               owner, prefix),
                   from.name, from.pool);
        while (rows.next()) devices.emplace_back(rows.integer(0), rows.text(1));
    }
    const auto set =
        fmt::format("UPDATE {}_device_options SET value = ? WHERE {} = ? AND device = ? AND key = ?", prefix, owner);
    for (const auto& [id, device] : devices) {
        Query(connection, set, to.name, id, device, std::string("source")).run();
        Query(connection, set, to.pool, id, device, std::string("pool")).run();
    }
}

void move_users(Connection& connection, const VolumeRow& from, const VolumePlace& to) {
    move_devices(connection, "instances", "instance_id", from, to);
    move_devices(connection, "profiles", "profile_id", from, to);
}

} // namespace

std::vector<VolumeRow> Volumes::list(const std::string& pool) const {
    std::vector<VolumeRow> volumes;
    database_.with([&](Connection& connection) {
        auto configs = config_rows().load_all(connection);
        Query rows(connection, select + "WHERE ?1 = '' OR p.name = ?1 ORDER BY v.type, v.name, p.name", pool);
        while (rows.next()) {
            auto& volume = volumes.emplace_back(volume_from(rows));
            volume.config = std::move(configs[volume.id]);
        }
    });
    return volumes;
}

std::optional<VolumeRow> Volumes::find(const std::string& pool, const std::string& type,
                                       const std::string& name) const {
    std::optional<VolumeRow> volume;
    database_.with([&](Connection& connection) {
        Query row(connection, select + "WHERE p.name = ? AND v.type = ? AND v.name = ?", pool, type, name);
        if (!row.next()) return;
        volume = volume_from(row);
        volume->config = config_rows().load(connection, volume->id);
    });
    return volume;
}

int64_t Volumes::insert(const VolumeRow& row) {
    int64_t id = 0;
    database_.write([&](Connection& connection) {
        unique(taken, [&] {
            Query(connection,
                  "INSERT INTO storage_volumes (storage_pool_id, type, name, description, content_type, created_at, "
                  "incomplete, new_name) SELECT id, ?, ?, ?, ?, ?, ?, '' FROM storage_pools WHERE name = ?",
                  row.type, row.name, row.description, row.content_type, row.created_at, row.incomplete, row.pool)
                .run();
        });
        if (connection.changes() == 0) throw schema::not_found("Storage pool not found");
        id = connection.last_insert_id();
        config_rows().store(connection, id, row.config);
    });
    return id;
}

void Volumes::update(int64_t id, const schema::StorageVolumePut& put) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE storage_volumes SET description = ? WHERE id = ?", put.description, id).run();
        config_rows().store(connection, id, put.config);
    });
}

void Volumes::set_incomplete(int64_t id, bool incomplete) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE storage_volumes SET incomplete = ? WHERE id = ?", incomplete, id).run();
    });
}

void Volumes::set_new_name(int64_t id, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE storage_volumes SET new_name = ? WHERE id = ?", new_name, id).run();
    });
}

void Volumes::rename(int64_t id) {
    database_.write([&](Connection& connection) {
        const auto volume = row_of(connection, id);
        unique(taken, [&] {
            Query(connection, "UPDATE storage_volumes SET name = new_name, new_name = '' WHERE id = ?", id).run();
        });
        move_users(connection, volume, {volume.pool, volume.new_name});
    });
}

void Volumes::replace(int64_t old_id, int64_t new_id) {
    database_.write([&](Connection& connection) {
        const auto now = row_of(connection, new_id);
        move_users(connection, row_of(connection, old_id), {now.pool, now.name});
        Query(connection, "UPDATE storage_volumes SET incomplete = (id = ?) WHERE id IN (?, ?)", old_id, old_id, new_id)
            .run();
    });
}

void Volumes::remove(int64_t id) {
    database_.write(
        [&](Connection& connection) { Query(connection, "DELETE FROM storage_volumes WHERE id = ?", id).run(); });
}

void Volumes::forget(const std::string& pool, const std::string& type, const std::string& name) {
    database_.write([&](Connection& connection) {
        Query(connection,
              "DELETE FROM storage_volumes WHERE type = ? AND name = ? AND storage_pool_id = "
              "(SELECT id FROM storage_pools WHERE name = ?)",
              type, name, pool)
            .run();
    });
}

void Volumes::rename_note(const std::string& pool, const std::string& name, const std::string& new_name) {
    forget(pool, "container", new_name);
    database_.write([&](Connection& connection) {
        Query(connection,
              "UPDATE storage_volumes SET name = ? WHERE type = 'container' AND name = ? AND storage_pool_id = "
              "(SELECT id FROM storage_pools WHERE name = ?)",
              new_name, name, pool)
            .run();
    });
}

std::vector<VolumeSnapshotRow> Volumes::snapshots(int64_t volume) const {
    std::vector<VolumeSnapshotRow> snapshots;
    database_.with([&](Connection& connection) {
        Query rows(connection, select_snapshot + "ORDER BY created_at, id", volume);
        while (rows.next()) {
            auto& snapshot = snapshots.emplace_back(snapshot_from(rows));
            snapshot.config = snapshot_config_rows().load(connection, snapshot.id);
        }
    });
    return snapshots;
}

std::optional<VolumeSnapshotRow> Volumes::find_snapshot(int64_t volume, const std::string& name) const {
    std::optional<VolumeSnapshotRow> snapshot;
    database_.with([&](Connection& connection) {
        Query row(connection, select_snapshot + "AND name = ?", volume, name);
        if (!row.next()) return;
        snapshot = snapshot_from(row);
        snapshot->config = snapshot_config_rows().load(connection, snapshot->id);
    });
    return snapshot;
}

std::vector<ExpiredSnapshot> Volumes::expired_snapshots(schema::Time now) const {
    std::vector<ExpiredSnapshot> expired;
    database_.with([&](Connection& connection) {
        Query rows(connection,
                   "SELECT p.name, v.name, s.name FROM storage_volumes_snapshots AS s "
                   "JOIN storage_volumes AS v ON v.id = s.storage_volume_id "
                   "JOIN storage_pools AS p ON p.id = v.storage_pool_id "
                   "WHERE s.expires_at != 0 AND s.expires_at <= ? AND NOT s.incomplete AND NOT v.incomplete "
                   "AND v.type = 'custom' ORDER BY s.expires_at, s.id",
                   now);
        while (rows.next()) expired.push_back({{rows.text(0), rows.text(1)}, rows.text(2)});
    });
    return expired;
}

int64_t Volumes::insert_snapshot(int64_t volume, const VolumeSnapshotRow& row) {
    int64_t id = 0;
    database_.write([&](Connection& connection) {
        unique(snapshot_taken, [&] {
            Query(connection,
                  "INSERT INTO storage_volumes_snapshots (storage_volume_id, name, description, created_at, "
                  "expires_at, incomplete, new_name) VALUES (?, ?, ?, ?, ?, ?, '')",
                  volume, row.name, row.description, row.created_at, row.expires_at, row.incomplete)
                .run();
        });
        id = connection.last_insert_id();
        snapshot_config_rows().store(connection, id, row.config);
    });
    return id;
}

void Volumes::update_snapshot(int64_t id, const std::string& description, schema::Time expires_at) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE storage_volumes_snapshots SET description = ?, expires_at = ? WHERE id = ?",
              description, expires_at, id)
            .run();
    });
}

void Volumes::set_snapshot_incomplete(int64_t id, bool incomplete) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE storage_volumes_snapshots SET incomplete = ? WHERE id = ?", incomplete, id).run();
    });
}

void Volumes::set_snapshot_new_name(int64_t id, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE storage_volumes_snapshots SET new_name = ? WHERE id = ?", new_name, id).run();
    });
}

void Volumes::rename_snapshot(int64_t id) {
    database_.write([&](Connection& connection) {
        unique(snapshot_taken, [&] {
            Query(connection, "UPDATE storage_volumes_snapshots SET name = new_name, new_name = '' WHERE id = ?", id)
                .run();
        });
    });
}

void Volumes::remove_snapshot(int64_t id) {
    database_.write([&](Connection& connection) {
        Query(connection, "DELETE FROM storage_volumes_snapshots WHERE id = ?", id).run();
    });
}

} // namespace state
