-- The first layout. Times are nanoseconds since 1970 in UTC, 0 where LXD has Go's zero time; flags are 0 or 1.

CREATE TABLE config (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE storage_pools (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    driver      TEXT NOT NULL,
    description TEXT NOT NULL,
    status      TEXT NOT NULL
) STRICT;

CREATE TABLE storage_pools_config (
    storage_pool_id INTEGER NOT NULL REFERENCES storage_pools (id) ON DELETE CASCADE,
    key             TEXT NOT NULL,
    value           TEXT NOT NULL,
    PRIMARY KEY (storage_pool_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL
) STRICT;

CREATE TABLE profiles_config (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (profile_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles_devices (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    PRIMARY KEY (profile_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles_device_options (
    profile_id INTEGER NOT NULL,
    device     TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (profile_id, device, key),
    FOREIGN KEY (profile_id, device) REFERENCES profiles_devices (profile_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never given again
    name            TEXT NOT NULL UNIQUE,
    storage_pool_id INTEGER NOT NULL REFERENCES storage_pools (id),
    architecture    TEXT NOT NULL,
    ephemeral       INTEGER NOT NULL CHECK (ephemeral IN (0, 1)),
    stateful        INTEGER NOT NULL CHECK (stateful IN (0, 1)),
    description     TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX instances_storage_pool_id ON instances (storage_pool_id);

CREATE TABLE instances_config (
    instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (instance_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances_devices (
    instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    PRIMARY KEY (instance_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances_device_options (
    instance_id INTEGER NOT NULL,
    device      TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (instance_id, device, key),
    FOREIGN KEY (instance_id, device) REFERENCES instances_devices (instance_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE instances_profiles (
    instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL, -- the order of application
    profile_id  INTEGER NOT NULL REFERENCES profiles (id),
    PRIMARY KEY (instance_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX instances_profiles_profile_id ON instances_profiles (profile_id);

CREATE TABLE images (
    id           INTEGER PRIMARY KEY,
    fingerprint  TEXT NOT NULL UNIQUE,
    type         TEXT NOT NULL,
    architecture TEXT NOT NULL,
    filename     TEXT NOT NULL,
    size         INTEGER NOT NULL,
    public       INTEGER NOT NULL CHECK (public IN (0, 1)),
    cached       INTEGER NOT NULL CHECK (cached IN (0, 1)),
    auto_update  INTEGER NOT NULL CHECK (auto_update IN (0, 1)),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    uploaded_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE images_properties (
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (image_id, key)
) STRICT, WITHOUT ROWID;

-- Where an image can be refreshed from.
CREATE TABLE images_sources (
    image_id    INTEGER NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    alias       TEXT NOT NULL,
    certificate TEXT NOT NULL,
    protocol    TEXT NOT NULL,
    server      TEXT NOT NULL,
    image_type  TEXT NOT NULL
) STRICT;

CREATE TABLE images_profiles (
    image_id   INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    PRIMARY KEY (image_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX images_profiles_profile_id ON images_profiles (profile_id);

CREATE TABLE images_aliases (
    name        TEXT NOT NULL PRIMARY KEY,
    image_id    INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    description TEXT NOT NULL
) STRICT;

CREATE INDEX images_aliases_image_id ON images_aliases (image_id);

-- The pools on which an image is unpacked.
CREATE TABLE images_pools (
    image_id        INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    storage_pool_id INTEGER NOT NULL REFERENCES storage_pools (id) ON DELETE CASCADE,
    PRIMARY KEY (image_id, storage_pool_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX images_pools_storage_pool_id ON images_pools (storage_pool_id);
