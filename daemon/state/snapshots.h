#pragma once
// Rows of snapshots of instances: what was configured when each was taken. They go with their instance's row. Written
// by instance's lifecycle; read by the API, backups and the daemon's schedules.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/instance.h"

namespace state {

/// What is stored of a snapshot. `put.restore` is unused; `put.profiles` is without those deleted since.
struct SnapshotRow {
    int64_t id = 0; // set by insert
    std::string instance;
    std::string name; // without the instance's
    schema::InstancePut put;
    schema::Time created_at;
    schema::Time last_used_at; // of the instance
    schema::Time expires_at;   // Time{}: never
    bool incomplete = false;   // its volume is being made or removed: a crash leaves it to be removed
    std::string new_name;      // not empty: its volume is being renamed to this
    std::string volume_description;
};

/// Lists are in the order of creation, and hold those of unfinished work too.
class Snapshots {
public:
    explicit Snapshots(Database& database) : database_(database) {}

    std::vector<SnapshotRow> list() const; // of all instances, by their names first
    std::vector<SnapshotRow> list(const std::string& instance) const;
    /// Instances and names of those that are whole.
    std::vector<std::pair<std::string, std::string>> names() const;
    std::optional<SnapshotRow> find(const std::string& instance, const std::string& name) const;
    /// Throws conflict where the name is taken, not_found without the instance or a profile. Returns the id.
    int64_t insert(const SnapshotRow& row);
    // The following go by the id, which stays when the instance or the snapshot is renamed. They throw not_found where
    // there is no such snapshot any more.
    void set_incomplete(int64_t id, bool incomplete);
    void set_new_name(int64_t id, const std::string& new_name);
    void set_expires_at(int64_t id, schema::Time expires_at);
    void set_volume_description(int64_t id, const std::string& description);
    void set_devices(int64_t id, const schema::Devices& devices);
    void unset_config(int64_t id, const std::string& key);
    /// To new_name, which is cleared. Throws conflict where it is taken.
    void rename(int64_t id, const std::string& new_name);
    void remove(int64_t id);

private:
    Database& database_;
};

} // namespace state
