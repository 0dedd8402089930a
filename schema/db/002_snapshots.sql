-- Snapshots of instances: what was configured when each was taken. Their volumes are beside the instance's.

CREATE TABLE instances_snapshots (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id  INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    architecture TEXT NOT NULL,
    ephemeral    INTEGER NOT NULL CHECK (ephemeral IN (0, 1)),
    stateful     INTEGER NOT NULL CHECK (stateful IN (0, 1)),
    description  TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,                                   -- 0: never
    incomplete   INTEGER NOT NULL CHECK (incomplete IN (0, 1)),      -- while its volume is made or removed
    new_name     TEXT NOT NULL,                                      -- while its volume is renamed, else empty
    UNIQUE (instance_id, name)
) STRICT;

CREATE TABLE instances_snapshots_config (
    snapshot_id INTEGER NOT NULL REFERENCES instances_snapshots (id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances_snapshots_devices (
    snapshot_id INTEGER NOT NULL REFERENCES instances_snapshots (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances_snapshots_device_options (
    snapshot_id INTEGER NOT NULL,
    device      TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, device, key),
    FOREIGN KEY (snapshot_id, device) REFERENCES instances_snapshots_devices (snapshot_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- A snapshot does not keep a profile from being deleted: its list is then without it.
CREATE TABLE instances_snapshots_profiles (
    snapshot_id INTEGER NOT NULL REFERENCES instances_snapshots (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    profile_id  INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    PRIMARY KEY (snapshot_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX instances_snapshots_profiles_profile_id ON instances_snapshots_profiles (profile_id);
