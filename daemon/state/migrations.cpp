#include "daemon/state/migrations.h"

#include <string>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "schema/error.h"

namespace state {

namespace {

int version_of(SQLite::Database& database) {
    return database.execAndGet("PRAGMA user_version").getInt();
}

void apply(SQLite::Database& database, const Migration& step) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    if (version_of(database) >= step.version) return; // another process was faster
    database.exec(std::string(step.sql));
    SQLite::Statement broken(database, "PRAGMA foreign_key_check");
    if (broken.executeStep())
        throw schema::failure("Failed migrating the database to version {} ({}): a row of table \"{}\" points nowhere",
                              step.version, step.name, broken.getColumn(0).getString());
    database.exec("PRAGMA user_version = " + std::to_string(step.version));
    transaction.commit();
}

} // namespace

void migrate(SQLite::Database& database, std::span<const Migration> steps) {
    const int present = version_of(database);
    const int newest = steps.empty() ? 0 : steps.back().version;
    if (present > newest)
        throw schema::failure("The database has version {}, this program knows versions up to {}: it was written by a "
                              "newer Lightervisor",
                              present, newest);
    for (const auto& step : steps)
        if (step.version > present) apply(database, step);
}

} // namespace state
