#pragma once
// The daemon's SQLite database (LXD_DIR/lxd.db): WAL, foreign keys, one writer, numbered migrations from schema/db.
// Tables are reached through the row stores beside this file; no other room writes SQL.

#include <functional>
#include <memory>
#include <string>

namespace state {

class Connection;

/// One connection with its lock. Stores take the lock for each call, so all methods of all stores are thread-safe.
class Database {
public:
    enum class Access { read_write, read_only };

    /// Opens or creates and migrates; throws schema::failure when the file is newer than this program, or damaged.
    /// Read-only, the file must be there and is taken as it is.
    explicit Database(const std::string& path, Access access = Access::read_write);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Runs `work` under the lock in one transaction: on the disk on return, rolled back on an exception. Calls of
    /// stores inside, and transactions, join it.
    void transaction(const std::function<void()>& work);

    /// For the stores: the connection, valid while `work` runs, under the lock. Errors of SQLite that `work` lets
    /// through become schema::failure.
    void with(const std::function<void(Connection&)>& work);
    /// As `with`, in a transaction.
    void write(const std::function<void(Connection&)>& work);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace state
