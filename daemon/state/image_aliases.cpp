#include "daemon/state/connection.h"
#include "daemon/state/images.h"
#include "schema/error.h"

namespace state {

namespace {

const std::string select_alias = "SELECT name, a.description, fingerprint, type FROM images_aliases AS a "
                                 "JOIN images AS i ON i.id = a.image_id ";

schema::ImageAliasEntry alias_from(const Query& row) {
    schema::ImageAliasEntry alias;
    alias.name = row.text(0);
    alias.description = row.text(1);
    alias.target = row.text(2);
    alias.type = row.text(3);
    return alias;
}

int64_t image_id(Connection& connection, const std::string& fingerprint) {
    Query row(connection, "SELECT id FROM images WHERE fingerprint = ?", fingerprint);
    if (!row.next()) throw schema::not_found("Image not found");
    return row.integer(0);
}

void expect_one_row(const Connection& connection) {
    if (connection.changes() == 0) throw schema::not_found("Image alias not found");
}

[[noreturn]] void rethrow_naming(const SQLite::Exception& error, const std::string& name) {
    if (is_unique_violation(error)) throw schema::conflict("Alias \"{}\" already exists", name);
    throw error;
}

} // namespace

std::vector<schema::ImageAliasEntry> Images::aliases() const {
    std::vector<schema::ImageAliasEntry> aliases;
    database_.with([&](Connection& connection) {
        Query rows(connection, select_alias + "ORDER BY name");
        while (rows.next()) aliases.push_back(alias_from(rows));
    });
    return aliases;
}

std::optional<schema::ImageAliasEntry> Images::find_alias(const std::string& name) const {
    std::optional<schema::ImageAliasEntry> alias;
    database_.with([&](Connection& connection) {
        Query row(connection, select_alias + "WHERE name = ?", name);
        if (row.next()) alias = alias_from(row);
    });
    return alias;
}

void Images::insert_alias(const schema::ImageAliasEntry& alias) {
    database_.write([&](Connection& connection) {
        const auto image = image_id(connection, alias.target);
        try {
            Query(connection, "INSERT INTO images_aliases (name, image_id, description) VALUES (?, ?, ?)", alias.name,
                  image, alias.description)
                .run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, alias.name);
        }
    });
}

void Images::update_alias(const std::string& name, const schema::ImageAliasEntry& alias) {
    database_.write([&](Connection& connection) {
        Query(connection, "UPDATE images_aliases SET image_id = ?, description = ? WHERE name = ?",
              image_id(connection, alias.target), alias.description, name)
            .run();
        expect_one_row(connection);
    });
}

void Images::rename_alias(const std::string& name, const std::string& new_name) {
    database_.write([&](Connection& connection) {
        try {
            Query(connection, "UPDATE images_aliases SET name = ? WHERE name = ?", new_name, name).run();
        } catch (const SQLite::Exception& error) {
            rethrow_naming(error, new_name);
        }
        expect_one_row(connection);
    });
}

void Images::remove_alias(const std::string& name) {
    database_.write([&](Connection& connection) {
        Query(connection, "DELETE FROM images_aliases WHERE name = ?", name).run();
        expect_one_row(connection);
    });
}

} // namespace state
