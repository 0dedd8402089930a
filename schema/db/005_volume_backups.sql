-- Backups of custom volumes, as those of instances.

CREATE TABLE storage_volumes_backups (
    id                INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never given again
    storage_volume_id INTEGER NOT NULL REFERENCES storage_volumes (id) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL, -- 0: never
    volume_only       INTEGER NOT NULL CHECK (volume_only IN (0, 1)),
    optimized_storage INTEGER NOT NULL CHECK (optimized_storage IN (0, 1)),
    UNIQUE (storage_volume_id, name)
) STRICT;
