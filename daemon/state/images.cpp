#include "daemon/state/images.h"

#include "daemon/state/connection.h"
#include "daemon/state/owned_rows.h"
#include "schema/error.h"

namespace state {

namespace {

const ConfigRows& property_rows() {
    static const ConfigRows rows("images_properties", "image_id");
    return rows;
}

const ProfileRows& profile_rows() {
    static const ProfileRows rows("images_profiles", "image_id");
    return rows;
}

const std::string select_image =
    "SELECT id, fingerprint, i.type, architecture, filename, size, public, cached, auto_update, created_at, "
    "expires_at, last_used_at, uploaded_at, s.image_id, s.alias, s.certificate, s.protocol, s.server, s.image_type "
    "FROM images AS i LEFT JOIN images_sources AS s ON s.image_id = i.id ";

std::optional<schema::ImageSource> source_from(const Query& row) {
    if (row.integer(13) == 0) return std::nullopt; // null: the outer join found none
    return schema::ImageSource{row.text(14), row.text(15), row.text(16), row.text(17), row.text(18)};
}

schema::Image image_from(const Query& row) {
    schema::Image image;
    image.fingerprint = row.text(1);
    image.type = row.text(2);
    image.architecture = row.text(3);
    image.filename = row.text(4);
    image.size = row.integer(5);
    image.is_public = row.flag(6);
    image.cached = row.flag(7);
    image.auto_update = row.flag(8);
    image.created_at = row.time(9);
    image.expires_at = row.time(10);
    image.last_used_at = row.time(11);
    image.uploaded_at = row.time(12);
    image.update_source = source_from(row);
    return image;
}

std::map<int64_t, std::vector<schema::ImageAlias>> load_aliases(Connection& connection) {
    std::map<int64_t, std::vector<schema::ImageAlias>> aliases;
    Query rows(connection, "SELECT image_id, name, description FROM images_aliases ORDER BY name");
    while (rows.next()) aliases[rows.integer(0)].push_back({rows.text(1), rows.text(2)});
    return aliases;
}

std::vector<schema::ImageAlias> load_aliases(Connection& connection, int64_t image) {
    std::vector<schema::ImageAlias> aliases;
    Query rows(connection, "SELECT name, description FROM images_aliases WHERE image_id = ? ORDER BY name", image);
    while (rows.next()) aliases.push_back({rows.text(0), rows.text(1)});
    return aliases;
}

int64_t id_of(Connection& connection, const std::string& fingerprint) {
    Query row(connection, "SELECT id FROM images WHERE fingerprint = ?", fingerprint);
    if (!row.next()) throw schema::not_found("Image not found");
    return row.integer(0);
}

void insert_row(Connection& connection, const schema::Image& image) try {
    Query(connection,
          "INSERT INTO images (fingerprint, type, architecture, filename, size, public, cached, auto_update, "
          "created_at, expires_at, last_used_at, uploaded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          image.fingerprint, image.type, image.architecture, image.filename, image.size, image.is_public, image.cached,
          image.auto_update, image.created_at, image.expires_at, image.last_used_at, image.uploaded_at)
        .run();
} catch (const SQLite::Exception& error) {
    if (is_unique_violation(error)) throw schema::conflict("Image with same fingerprint already exists");
    throw;
}

void insert_source(Connection& connection, int64_t image, const schema::ImageSource& source) {
    Query(connection,
          "INSERT INTO images_sources (image_id, alias, certificate, protocol, server, image_type) "
          "VALUES (?, ?, ?, ?, ?, ?)",
          image, source.alias, source.certificate, source.protocol, source.server, source.image_type)
        .run();
}

} // namespace

std::vector<schema::Image> Images::list() const {
    std::vector<schema::Image> images;
    database_.with([&](Connection& connection) {
        auto properties = property_rows().load_all(connection);
        auto profiles = profile_rows().load_all(connection);
        auto aliases = load_aliases(connection);
        Query rows(connection, select_image + "ORDER BY fingerprint");
        while (rows.next()) {
            const auto id = rows.integer(0);
            auto& image = images.emplace_back(image_from(rows));
            image.properties = std::move(properties[id]);
            image.profiles = std::move(profiles[id]);
            image.aliases = std::move(aliases[id]);
        }
    });
    return images;
}

std::optional<schema::Image> Images::find(const std::string& fingerprint_prefix) const {
    std::optional<schema::Image> image;
    if (fingerprint_prefix.empty()) return image;
    database_.with([&](Connection& connection) {
        // All that start so: fingerprints are hex, and 'g' follows the last digit.
        Query row(connection, select_image + "WHERE fingerprint >= ? AND fingerprint < ? LIMIT 2", fingerprint_prefix,
                  fingerprint_prefix + "g");
        if (!row.next()) return;
        const auto id = row.integer(0);
        image = image_from(row);
        if (row.next()) throw schema::bad_request("More than one image matches");
        image->properties = property_rows().load(connection, id);
        image->profiles = profile_rows().load(connection, id);
        image->aliases = load_aliases(connection, id);
    });
    return image;
}

void Images::insert(const schema::Image& image) {
    database_.write([&](Connection& connection) {
        insert_row(connection, image);
        const auto id = connection.last_insert_id();
        property_rows().store(connection, id, image.properties);
        profile_rows().store(connection, id, image.profiles);
        if (image.update_source) insert_source(connection, id, *image.update_source);
    });
}

void Images::insert_with_aliases(const schema::Image& image) {
    database_.transaction([&] {
        insert(image);
        for (const auto& alias : image.aliases) {
            schema::ImageAliasEntry entry;
            static_cast<schema::ImageAlias&>(entry) = alias;
            entry.target = image.fingerprint;
            insert_alias(entry);
        }
    });
}

void Images::update(const std::string& fingerprint, const schema::ImagePut& put) {
    database_.write([&](Connection& connection) {
        const auto id = id_of(connection, fingerprint);
        Query(connection, "UPDATE images SET public = ?, auto_update = ?, expires_at = ? WHERE id = ?", put.is_public,
              put.auto_update, put.expires_at, id)
            .run();
        property_rows().store(connection, id, put.properties);
        profile_rows().store(connection, id, put.profiles);
    });
}

/// Not an error for one that was deleted meanwhile.
void Images::touch(const std::string& fingerprint, schema::Time last_used_at) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE images SET last_used_at = ? WHERE fingerprint = ?", last_used_at, fingerprint).run();
    });
}

void Images::remove(const std::string& fingerprint) {
    database_.write([&](Connection& connection) {
        Query(connection, "DELETE FROM images WHERE id = ?", id_of(connection, fingerprint)).run();
    });
}

std::vector<std::string> Images::pools_of(const std::string& fingerprint) const {
    std::vector<std::string> pools;
    database_.with([&](Connection& connection) {
        Query rows(connection,
                   "SELECT p.name FROM images_pools AS r JOIN images AS i ON i.id = r.image_id JOIN storage_pools AS p "
                   "ON p.id = r.storage_pool_id WHERE i.fingerprint = ? ORDER BY p.name",
                   fingerprint);
        while (rows.next()) pools.push_back(rows.text(0));
    });
    return pools;
}

std::vector<std::string> Images::unpacked_on(const std::string& pool) const {
    std::vector<std::string> fingerprints;
    database_.with([&](Connection& connection) {
        Query rows(
            connection,
            "SELECT i.fingerprint FROM images_pools AS r JOIN images AS i ON i.id = r.image_id JOIN storage_pools "
            "AS p ON p.id = r.storage_pool_id WHERE p.name = ? ORDER BY i.fingerprint",
            pool);
        while (rows.next()) fingerprints.push_back(rows.text(0));
    });
    return fingerprints;
}

void Images::add_to_pool(const std::string& fingerprint, const std::string& pool) {
    database_.write([&](Connection& connection) {
        const auto image = id_of(connection, fingerprint);
        Query row(connection, "SELECT id FROM storage_pools WHERE name = ?", pool);
        if (!row.next()) throw schema::not_found("Storage pool not found");
        Query(connection, "INSERT OR IGNORE INTO images_pools (image_id, storage_pool_id) VALUES (?, ?)", image,
              row.integer(0))
            .run();
    });
}

void Images::remove_from_pool(const std::string& fingerprint, const std::string& pool) {
    database_.write([&](Connection& connection) {
        Query(connection,
              "DELETE FROM images_pools WHERE image_id = (SELECT id FROM images WHERE fingerprint = ?) AND "
              "storage_pool_id = (SELECT id FROM storage_pools WHERE name = ?)",
              fingerprint, pool)
            .run();
    });
}

} // namespace state
