-- Custom volumes and their snapshots. A volume that is being made or removed is incomplete: a crash leaves it to be
-- removed. Rows of other types are there only where somebody has described or configured such a volume.

CREATE TABLE storage_volumes (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never given again
    storage_pool_id INTEGER NOT NULL REFERENCES storage_pools (id),
    type            TEXT NOT NULL CHECK (type IN ('container', 'image', 'custom')),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    content_type    TEXT NOT NULL CHECK (content_type IN ('filesystem', 'block')),
    created_at      INTEGER NOT NULL,
    incomplete      INTEGER NOT NULL CHECK (incomplete IN (0, 1)),
    new_name        TEXT NOT NULL,                     -- while it is renamed, else empty
    UNIQUE (storage_pool_id, type, name)
) STRICT;

CREATE TABLE storage_volumes_config (
    storage_volume_id INTEGER NOT NULL REFERENCES storage_volumes (id) ON DELETE CASCADE,
    key               TEXT NOT NULL,
    value             TEXT NOT NULL,
    PRIMARY KEY (storage_volume_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE storage_volumes_snapshots (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    storage_volume_id INTEGER NOT NULL REFERENCES storage_volumes (id) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    description       TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL, -- 0: never
    incomplete        INTEGER NOT NULL CHECK (incomplete IN (0, 1)),
    new_name          TEXT NOT NULL,
    UNIQUE (storage_volume_id, name)
) STRICT;

CREATE TABLE storage_volumes_snapshots_config (
    snapshot_id INTEGER NOT NULL REFERENCES storage_volumes_snapshots (id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (snapshot_id, key)
) STRICT, WITHOUT ROWID;
