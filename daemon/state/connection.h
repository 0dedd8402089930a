#pragma once
// What the stores of this room use to speak to SQLite: prepared statements that are kept, and queries that reset
// them. No other room includes this.

#include <cstdint>
#include <string>
#include <unordered_map>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include "schema/timestamp.h"

namespace state {

/// Used under the lock of Database only.
class Connection {
public:
    /// Opens or creates the file, readable by root alone; read-only it must be there.
    explicit Connection(const std::string& path, bool read_only = false);

    /// Gives the write-ahead log its blocks beforehand; for a file that has tables, before others use it. To sync what
    /// only overwrites them takes a fraction of the time: a file that grew waits for the filesystem's own journal, and
    /// so for what all others have changed. SQLite ends its log at the first frame that is not its own; zeros are none.
    void lay_out_log();
    SQLite::Database& sqlite() noexcept { return database_; }
    /// Compiled on first use, then kept.
    SQLite::Statement& prepared(const std::string& sql);
    int64_t last_insert_id() const noexcept { return database_.getLastInsertRowid(); }
    /// Rows touched by the last statement that wrote.
    int changes() const noexcept { return database_.getChanges(); }

private:
    SQLite::Database database_;
    std::unordered_map<std::string, SQLite::Statement> statements_;
};

/// One execution of a prepared statement. A statement serves one query at a time: queries that are open together must
/// differ in their text.
class Query {
public:
    template <class... Values> Query(Connection& connection, const std::string& sql, const Values&... values)
        : statement_(connection.prepared(sql)) {
        int index = 0;
        (bind(++index, values), ...);
    }
    /// Ends the read that an unfinished query holds open.
    ~Query() { statement_.tryReset(); }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    /// Moves to the next row; false when there is none.
    bool next() { return statement_.executeStep(); }
    /// For statements without rows.
    void run() { statement_.exec(); }

    int64_t integer(int column) const { return statement_.getColumn(column).getInt64(); }
    bool flag(int column) const { return integer(column) != 0; }
    std::string text(int column) const { return statement_.getColumn(column).getString(); }
    schema::Time time(int column) const { return schema::Time(std::chrono::nanoseconds(integer(column))); }

private:
    void bind(int index, const std::string& value) { statement_.bind(index, value); }
    void bind(int index, int64_t value) { statement_.bind(index, value); }
    void bind(int index, int value) { statement_.bind(index, static_cast<int64_t>(value)); }
    void bind(int index, bool value) { statement_.bind(index, static_cast<int64_t>(value)); }
    void bind(int index, schema::Time value) {
        statement_.bind(index, static_cast<int64_t>(value.time_since_epoch().count()));
    }

    SQLite::Statement& statement_;
};

/// Whether an exception says that a row with the same unique value exists, or that a foreign key would break.
bool is_unique_violation(const SQLite::Exception& error) noexcept;
bool is_foreign_key_violation(const SQLite::Exception& error) noexcept;

} // namespace state
