#include "daemon/state/backups.h"

#include <fmt/format.h>

#include "daemon/state/connection.h"
#include "schema/error.h"

namespace state {

namespace {

BackupRow backup_from(const Query& row) {
    BackupRow backup;
    backup.id = row.integer(0);
    backup.owner = row.text(1);
    backup.name = row.text(2);
    backup.created_at = row.time(3);
    backup.expires_at = row.time(4);
    backup.without_snapshots = row.flag(5);
    backup.optimized_storage = row.flag(6);
    return backup;
}

[[noreturn]] void rethrow_naming(const SQLite::Exception& error, const std::string& name) {
    if (is_unique_violation(error)) throw schema::conflict("Backup {:?} already exists", name);
    throw error;
}

} // namespace

const BackupTable instance_backups{.name = "instances_backups",
                                   .owner_id = "instance_id",
                                   .without_snapshots = "instance_only",
                                   .owners = "instances AS o",
                                   .owner = "o.name",
                                   .order = "name",
                                   .no_owner = "Instance not found",
                                   .no_backup = "Load backup from database: Instance backup not found",
                                   .folder = "instances"};
const BackupTable volume_backups{.name = "storage_volumes_backups",
                                 .owner_id = "storage_volume_id",
                                 .without_snapshots = "volume_only",
                                 .owners = "storage_volumes AS o JOIN storage_pools AS p ON p.id = o.storage_pool_id",
                                 .owner = "p.name || '/' || o.name",
                                 .order = "id",
                                 .no_owner = "Storage volume not found",
                                 .no_backup = "Storage volume backup not found",
                                 .folder = "custom"};

Backups::Backups(Database& database, const BackupTable& table)
    : database_(database), table_(table),
      select_(fmt::format("SELECT b.id, {0}, b.name, b.created_at, b.expires_at, b.{1}, b.optimized_storage "
                          "FROM {2} JOIN {3} AS b ON b.{4} = o.id ",
                          table.owner, table.without_snapshots, table.owners, table.name, table.owner_id)),
      list_all_(fmt::format("{}ORDER BY {}, b.id", select_, table.owner)),
      list_(fmt::format("{}WHERE {} = ? ORDER BY b.{}", select_, table.owner, table.order)),
      find_(fmt::format("{}WHERE {} = ? AND b.name = ?", select_, table.owner)),
      find_owner_(fmt::format("SELECT o.id FROM {} WHERE {} = ?", table.owners, table.owner)),
      insert_(fmt::format("INSERT INTO {} ({}, name, created_at, expires_at, {}, optimized_storage) "
                          "VALUES (?, ?, ?, ?, ?, ?)",
                          table.name, table.owner_id, table.without_snapshots)),
      rename_(fmt::format("UPDATE {} SET name = ? WHERE id = ?", table.name)),
      remove_(fmt::format("DELETE FROM {} WHERE id = ?", table.name)) {}

std::vector<BackupRow> Backups::list() const {
    std::vector<BackupRow> backups;
    database_.with([&](Connection& connection) {
        Query rows(connection, list_all_);
        while (rows.next()) backups.push_back(backup_from(rows));
    });
    return backups;
}

std::vector<BackupRow> Backups::list(const std::string& owner) const {
    std::vector<BackupRow> backups;
    database_.with([&](Connection& connection) {
        Query rows(connection, list_, owner);
        while (rows.next()) backups.push_back(backup_from(rows));
    });
    return backups;
}

std::optional<BackupRow> Backups::find(const std::string& owner, const std::string& name) const {
    std::optional<BackupRow> backup;
    database_.with([&](Connection& connection) {
        Query row(connection, find_, owner, name);
        if (row.next()) backup = backup_from(row);
    });
    return backup;
}

void Backups::insert(const BackupRow& row, const std::function<void(int64_t id)>& keep) {
    database_.write([&](Connection& connection) {
        int64_t owner = 0;
        {
            Query found(connection, find_owner_, row.owner);
            if (!found.next()) throw schema::not_found("{}", table_.no_owner);
            owner = found.integer(0);
        }
        try {
            Query(connection, insert_, owner, row.name, row.created_at, row.expires_at, row.without_snapshots,
                  row.optimized_storage)
                .run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, row.owner + "/" + row.name);
        }
        keep(connection.last_insert_id());
    });
}

void Backups::rename(int64_t id, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        try {
            Query(connection, rename_, new_name, id).run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, new_name);
        }
    });
}

void Backups::remove(int64_t id) {
    database_.write([&](Connection& connection) { Query(connection, remove_, id).run(); });
}

} // namespace state
