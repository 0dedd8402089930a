#pragma once
// The numbered steps that bring a database file to the layout of this program. Called when the database is opened;
// the table is generated from schema/db/*.sql.

#include <span>
#include <string_view>

namespace SQLite {
class Database;
}

namespace state {

struct Migration {
    int version = 0; // PRAGMA user_version once it is applied
    std::string_view name;
    std::string_view sql;
};

/// By version, from 1 on without holes.
std::span<const Migration> migrations() noexcept;

/// Applies what the file lacks, each step in a transaction of its own. Foreign keys must be off: a step may rebuild
/// tables; they are checked before it is committed. Throws schema::failure for a file that is newer than `steps`.
void migrate(SQLite::Database& database, std::span<const Migration> steps);

} // namespace state
