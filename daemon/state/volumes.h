#pragma once
// Rows of custom volumes and of their snapshots, and what users have noted of other volumes. Written by
// storage/volumes.h alone; unfinished ones are seen by its repair alone.

#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/storage.h"

namespace state {

struct VolumeRow : schema::StorageVolumePut {
    int64_t id = 0; // set by insert
    std::string pool;
    std::string type = "custom";
    std::string name;
    std::string content_type = "filesystem";
    schema::Time created_at;
    bool incomplete = false;
    std::string new_name{}; // while it is renamed
};

struct VolumeSnapshotRow : schema::StorageVolumePut {
    int64_t id = 0; // set by insert
    std::string name;
    schema::Time created_at;
    schema::Time expires_at; // Time{}: never
    bool incomplete = false;
    std::string new_name{};
};

/// Where a volume is, for its users.
struct VolumePlace {
    std::string pool;
    std::string name;
};

struct ExpiredSnapshot {
    VolumePlace volume;
    std::string name;
};

class Volumes {
public:
    explicit Volumes(Database& database) : database_(database) {}

    /// By type and name; of all pools where `pool` is empty.
    std::vector<VolumeRow> list(const std::string& pool = {}) const;
    std::optional<VolumeRow> find(const std::string& pool, const std::string& type, const std::string& name) const;
    /// Throws conflict "Volume by that name already exists". Returns the id.
    int64_t insert(const VolumeRow& row);
    void update(int64_t id, const schema::StorageVolumePut& put);
    void set_incomplete(int64_t id, bool incomplete);
    void set_new_name(int64_t id, const std::string& new_name);
    /// To its new name, in the devices of instances and profiles too.
    void rename(int64_t id);
    /// Makes one volume whole and the other incomplete, which takes its users along.
    void replace(int64_t old_id, int64_t new_id);
    /// With its snapshots' rows.
    void remove(int64_t id);
    /// Not an error where nothing was noted.
    void forget(const std::string& pool, const std::string& type, const std::string& name);
    /// What was noted of a container's volume goes along with a new name.
    void rename_note(const std::string& pool, const std::string& name, const std::string& new_name);

    /// In the order in which they were taken.
    std::vector<VolumeSnapshotRow> snapshots(int64_t volume) const;
    std::optional<VolumeSnapshotRow> find_snapshot(int64_t volume, const std::string& name) const;
    /// Of custom volumes: those whose time had come at `now`.
    std::vector<ExpiredSnapshot> expired_snapshots(schema::Time now) const;
    /// Throws conflict. Returns the id.
    int64_t insert_snapshot(int64_t volume, const VolumeSnapshotRow& row);
    void update_snapshot(int64_t id, const std::string& description, schema::Time expires_at);
    void set_snapshot_incomplete(int64_t id, bool incomplete);
    void set_snapshot_new_name(int64_t id, const std::string& new_name);
    /// To its new name.
    void rename_snapshot(int64_t id);
    void remove_snapshot(int64_t id);

private:
    Database& database_;
};

} // namespace state
