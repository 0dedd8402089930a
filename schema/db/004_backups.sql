-- Backups of instances. The archive of each is a file that is called by its id.

CREATE TABLE instances_backups (
    id                INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never given again
    instance_id       INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL, -- 0: never
    instance_only     INTEGER NOT NULL CHECK (instance_only IN (0, 1)),
    optimized_storage INTEGER NOT NULL CHECK (optimized_storage IN (0, 1)),
    UNIQUE (instance_id, name)
) STRICT;
