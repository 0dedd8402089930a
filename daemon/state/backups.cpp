#include "daemon/state/backups.h"

#include "daemon/state/connection.h"
#include "schema/error.h"

namespace state {

namespace {

const std::string select = "SELECT b.id, i.name, b.name, b.created_at, b.expires_at, instance_only, optimized_storage "
                           "FROM instances_backups AS b JOIN instances AS i ON i.id = instance_id ";

BackupRow backup_from(const Query& row) {
    BackupRow backup;
    backup.id = row.integer(0);
    backup.instance = row.text(1);
    backup.name = row.text(2);
    backup.created_at = row.time(3);
    backup.expires_at = row.time(4);
    backup.instance_only = row.flag(5);
    backup.optimized_storage = row.flag(6);
    return backup;
}

[[noreturn]] void rethrow_naming(const SQLite::Exception& error, const std::string& name) {
    if (is_unique_violation(error)) throw schema::conflict("Backup {:?} already exists", name);
    throw error;
}

} // namespace

std::vector<BackupRow> Backups::list() const {
    std::vector<BackupRow> backups;
    database_.with([&](Connection& connection) {
        Query rows(connection, select + "ORDER BY i.name, b.id");
        while (rows.next()) backups.push_back(backup_from(rows));
    });
    return backups;
}

std::vector<BackupRow> Backups::list(const std::string& instance) const {
    std::vector<BackupRow> backups;
    database_.with([&](Connection& connection) {
        Query rows(connection, select + "WHERE i.name = ? ORDER BY b.id", instance);
        while (rows.next()) backups.push_back(backup_from(rows));
    });
    return backups;
}

std::optional<BackupRow> Backups::find(const std::string& instance, const std::string& name) const {
    std::optional<BackupRow> backup;
    database_.with([&](Connection& connection) {
        Query row(connection, select + "WHERE i.name = ? AND b.name = ?", instance, name);
        if (row.next()) backup = backup_from(row);
    });
    return backup;
}

void Backups::insert(const BackupRow& row, const std::function<void(int64_t id)>& keep) {
    database_.write([&](Connection& connection) {
        int64_t instance = 0;
        {
            Query found(connection, "SELECT id FROM instances WHERE name = ?", row.instance);
            if (!found.next()) throw schema::not_found("Instance not found");
            instance = found.integer(0);
        }
        try {
            Query(connection,
                  "INSERT INTO instances_backups (instance_id, name, created_at, expires_at, instance_only, "
                  "optimized_storage) VALUES (?, ?, ?, ?, ?, ?)",
                  instance, row.name, row.created_at, row.expires_at, row.instance_only, row.optimized_storage)
                .run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, row.instance + "/" + row.name);
        }
        keep(connection.last_insert_id());
    });
}

void Backups::rename(int64_t id, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        try {
            Query(connection, "UPDATE instances_backups SET name = ? WHERE id = ?", new_name, id).run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, new_name);
        }
    });
}

void Backups::remove(int64_t id) {
    database_.write(
        [&](Connection& connection) { Query(connection, "DELETE FROM instances_backups WHERE id = ?", id).run(); });
}

} // namespace state
