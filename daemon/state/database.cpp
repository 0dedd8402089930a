#include "daemon/state/database.h"

#include <mutex>

#include "daemon/state/connection.h"
#include "daemon/state/migrations.h"
#include "schema/error.h"

namespace state {

struct Database::State {
    State(const std::string& path, Access access) : connection(path, access == Access::read_only) {
        if (access == Access::read_only) return;
        migrate(connection.sqlite(), migrations());
        connection.sqlite().exec("PRAGMA foreign_keys = ON");
        connection.lay_out_log();
    }

    /// Rolls back unless it was committed; does nothing inside another.
    class Scope {
    public:
        explicit Scope(State& state) : state_(state), outermost_(state.depth++ == 0) {
            if (outermost_) begin();
        }
        ~Scope() {
            --state_.depth;
            if (outermost_ && !committed_) state_.connection.sqlite().tryExec("ROLLBACK");
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

        void commit() {
            if (!outermost_) return;
            Query(state_.connection, "COMMIT").run();
            committed_ = true;
        }

    private:
        void begin() {
            try {
                Query(state_.connection, "BEGIN IMMEDIATE").run();
            } catch (...) {
                --state_.depth;
                throw;
            }
        }

        State& state_;
        bool outermost_;
        bool committed_ = false;
    };

    Connection connection;
    std::recursive_mutex mutex; // a store's call may stand inside a transaction of the same thread
    int depth = 0;              // of transactions
};

Database::Database(const std::string& path, Access access) try : state_(std::make_unique<State>(path, access)) {
} catch (const SQLite::Exception& error) {
    throw schema::failure("Failed opening the database \"{}\": {}", path, error.what());
}

Database::~Database() = default;

void Database::with(const std::function<void(Connection&)>& work) {
    const std::scoped_lock lock(state_->mutex);
    try {
        work(state_->connection);
    } catch (const SQLite::Exception& error) {
        throw schema::failure("Database: {}", error.what());
    }
}

void Database::write(const std::function<void(Connection&)>& work) {
    with([&](Connection& connection) {
        State::Scope scope(*state_);
        work(connection);
        scope.commit();
    });
}

void Database::transaction(const std::function<void()>& work) {
    write([&](Connection&) { work(); });
}

} // namespace state
