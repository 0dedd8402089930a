#include "daemon/state/database.h"

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/state/connection.h"
#include "daemon/state/instances.h"
#include "daemon/state/migrations.h"
#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "daemon/state/server_config.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;
using DatabaseTest = test::StoreTest;

int64_t number(Database& database, const std::string& sql) {
    int64_t result = -1;
    database.with([&](Connection& connection) {
        Query row(connection, sql);
        if (row.next()) result = row.integer(0);
    });
    return result;
}

TEST_F(DatabaseTest, ANewFileHasTheNewestVersionAndIsPrivate) {
    EXPECT_EQ(number(database, "PRAGMA user_version"), migrations().back().version);
    struct stat info{};
    ::stat(path.c_str(), &info);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(DatabaseTest, DurabilityAndForeignKeysAreOn) {
    EXPECT_EQ(number(database, "PRAGMA foreign_keys"), 1);
    EXPECT_EQ(number(database, "PRAGMA synchronous"), 2);
}

TEST_F(DatabaseTest, CommitsOverwriteALogThatHasItsBlocks) {
    const auto size = [&] { return std::filesystem::file_size(path + "-wal"); };
    const auto laid_out = size();
    EXPECT_GE(laid_out, 1U << 20U);
    ServerConfig config(database);
    for (int round = 0; round < 600; ++round) config.replace({{"user.round", std::to_string(round)}});
    EXPECT_EQ(size(), laid_out);
    EXPECT_EQ(schema::get(config.get(), "user.round"), "599");
}

TEST_F(DatabaseTest, AfterACrashTheLogHoldsNothingThatCouldCompleteWhatIsCutOff) {
    ServerConfig(database).replace({{"user.before", "the crash"}});
    const auto crashed = path + "-crashed";
    for (const auto* part : {"", "-wal"}) std::filesystem::copy_file(path + part, crashed + part);
    EXPECT_NE(base::read_file(crashed + "-wal").find("the crash"), std::string::npos);
    Database next(crashed);
    EXPECT_EQ(schema::get(ServerConfig(next).get(), "user.before"), "the crash");
    EXPECT_EQ(base::read_file(crashed + "-wal").find("the crash"), std::string::npos);
}

TEST_F(DatabaseTest, EveryColumnThatPointsElsewhereIsIndexed) {
    database.with([](Connection& connection) {
        Query rows(
            connection,
            "SELECT t.name, f.\"from\" FROM sqlite_master AS t, pragma_foreign_key_list(t.name) AS f "
            "WHERE t.type = 'table' AND f.seq = 0 AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) AS l, "
            "pragma_index_info(l.name) AS c WHERE c.seqno = 0 AND c.name = f.\"from\") "
            "AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) AS k WHERE k.pk = 1 AND k.name = f.\"from\")");
        while (rows.next()) ADD_FAILURE() << rows.text(0) << "." << rows.text(1);
    });
}

TEST_F(DatabaseTest, WhatWasWrittenIsThereWhenOpenedAgain) {
    ServerConfig(database).replace({{"core.https_address", "[::]:8443"}});
    Database again(path);
    EXPECT_EQ(ServerConfig(again).get(), (schema::Config{{"core.https_address", "[::]:8443"}}));
}

TEST_F(DatabaseTest, AnExceptionRollsTheWholeTransactionBack) {
    ServerConfig config(database);
    config.replace({{"a", "1"}});
    EXPECT_THROW(database.transaction([&] {
        config.replace({{"a", "2"}});
        database.transaction([&] { config.replace({{"a", "3"}}); });
        throw std::runtime_error("no");
    }),
                 std::runtime_error);
    EXPECT_EQ(schema::get(config.get(), "a"), "1");
}

TEST_F(DatabaseTest, AfterAFailedTransactionTheNextOneWorks) {
    ServerConfig config(database);
    EXPECT_THROW(database.transaction([] { throw std::runtime_error("no"); }), std::runtime_error);
    database.transaction([&] { config.replace({{"a", "2"}}); });
    EXPECT_EQ(schema::get(config.get(), "a"), "2");
}

TEST_F(DatabaseTest, ThreadsTakeTurns) {
    Profiles profiles(database);
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                schema::Profile profile;
                profile.name = fmt::format("p{}-{}", t, i);
                profile.config = {{"user.a", "b"}};
                profiles.insert(profile);
                EXPECT_TRUE(profiles.find(profile.name));
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(profiles.list().size(), 80U);
}

TEST_F(DatabaseTest, AnErrorOfSqliteIsAFailureWithItsWords) {
    EXPECT_EQ(error_of([&] { database.with([](Connection& connection) { Query(connection, "SELECT unknown"); }); }),
              "500 Database: no such column: unknown");
}

TEST(DatabaseFileTest, AFileThatIsNoDatabaseIsRefused) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() + "/lxd.db";
    base::write_file(path, std::string(4096, 'x'));
    EXPECT_EQ(error_of([&] { Database database(path); }),
              fmt::format("500 Failed opening the database \"{}\": file is not a database", path));
}

TEST(DatabaseFileTest, AFolderThatIsMissingIsAnError) {
    EXPECT_THROW(Database("/no/such/folder/lxd.db"), std::exception);
}

struct MigrationTest : testing::Test {
    test::TemporaryFolder folder;
    Connection connection{folder.path() + "/lxd.db"};
    SQLite::Database& file = connection.sqlite();
    std::vector<Migration> steps{migrations().begin(), migrations().end()};

    int version() { return file.execAndGet("PRAGMA user_version").getInt(); }
};

TEST_F(MigrationTest, AnEmptyFileGetsEveryStepOnce) {
    migrate(file, migrations());
    EXPECT_EQ(version(), migrations().back().version);
    migrate(file, migrations());
    EXPECT_EQ(version(), migrations().back().version);
}

TEST_F(MigrationTest, VersionOneIsBroughtOnWithItsRows) {
    migrate(file, std::span(steps).first(1));
    ASSERT_EQ(version(), 1);
    file.exec("INSERT INTO profiles (name, description) VALUES ('default', 'kept')");
    file.exec("INSERT INTO profiles_config VALUES (1, 'user.a', 'b')");
    const int next = steps.back().version + 1;
    steps.push_back({next, "rebuild",
                     "CREATE TABLE fresh (id INTEGER PRIMARY KEY, name TEXT, description TEXT, more TEXT);"
                     "INSERT INTO fresh SELECT id, name, description, 'new' FROM profiles;"
                     "DROP TABLE profiles; ALTER TABLE fresh RENAME TO profiles;"});
    migrate(file, steps);
    EXPECT_EQ(version(), next);
    EXPECT_EQ(file.execAndGet("SELECT description || more FROM profiles").getString(), "keptnew");
    EXPECT_EQ(file.execAndGet("SELECT value FROM profiles_config").getString(), "b");
}

TEST_F(MigrationTest, SnapshotsOfADescribedVolumeKeepItsDescription) {
    migrate(file, std::span(steps).first(5));
    file.exec("INSERT INTO storage_pools VALUES (1, 'default', 'dir', '', 'Created')");
    file.exec("INSERT INTO instances VALUES (1, 'c1', 1, 'x86_64', 0, 0, '', 0, 0)");
    file.exec("INSERT INTO instances VALUES (2, 'c2', 1, 'x86_64', 0, 0, '', 0, 0)");
    file.exec("INSERT INTO instances_snapshots SELECT id, id, 's', 'x86_64', 0, 0, 'own', 0, 0, 0, 0, '' "
              "FROM instances");
    file.exec("INSERT INTO storage_volumes VALUES (1, 1, 'container', 'c1', 'noted', 'filesystem', 0, 0, '')");
    migrate(file, steps);
    EXPECT_EQ(file.execAndGet("SELECT group_concat(volume_description, '|') FROM instances_snapshots").getString(),
              "noted|");
}

TEST_F(MigrationTest, AStepThatFailsLeavesTheFileAsItWas) {
    migrate(file, steps);
    const int before = version();
    steps.push_back({before + 1, "bad", "CREATE TABLE extra (a); SELECT nonsense;"});
    EXPECT_THROW(migrate(file, steps), SQLite::Exception);
    EXPECT_EQ(version(), before);
    EXPECT_FALSE(file.tableExists("extra"));
}

TEST_F(MigrationTest, AStepThatLeavesRowsPointingNowhereIsUndone) {
    migrate(file, steps);
    file.exec("INSERT INTO profiles (name, description) VALUES ('default', '')");
    file.exec("INSERT INTO profiles_config VALUES (1, 'user.a', 'b')");
    const int before = version();
    steps.push_back({before + 1, "bad", "DELETE FROM profiles"});
    EXPECT_THROW(migrate(file, steps), schema::Error);
    EXPECT_EQ(version(), before);
    EXPECT_EQ(file.execAndGet("SELECT count(*) FROM profiles").getInt(), 1);
}

TEST_F(MigrationTest, ANewerFileIsRefused) {
    file.exec("PRAGMA user_version = 9999");
    EXPECT_NE(error_of([&] { migrate(file, steps); }).find("newer Lightervisor"), std::string::npos);
}

/// Inserts instances in a loop, and tells each on the pipe once its insertion has returned.
[[noreturn]] void write_for_ever(const std::string& path, int pipe) {
    Database database(path);
    Instances instances(database);
    for (int i = 0;; ++i) {
        InstanceRow row;
        row.name = fmt::format("c{}", i);
        row.pool = "default";
        row.put.config = {{"user.number", std::to_string(i)}};
        row.put.devices = {{"root", {{"type", "disk"}, {"path", "/"}}}};
        instances.insert(row);
        base::write_all(pipe, row.name + "\n");
    }
}

TEST(CrashTest, WhatWasCommittedOutlivesAKill) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() + "/lxd.db";
    {
        Database database(path);
        Pools(database).insert(test::pool("default", "dir"));
    }
    size_t least = 0;
    for (int round = 1; round <= 5; ++round) {
        auto pipe = base::make_pipe();
        const pid_t child = ::fork();
        if (child == 0) {
            // Each child starts its names where it finds none, so earlier rounds' rows go first.
            Database(path).write([](Connection& connection) { Query(connection, "DELETE FROM instances").run(); });
            write_for_ever(path, pipe.write_end.get());
        }
        pipe.write_end.reset();
        std::string told;
        char buffer[64];
        while (told.size() < static_cast<size_t>(round) * 50) {
            const auto count = ::read(pipe.read_end.get(), buffer, sizeof buffer);
            ASSERT_GT(count, 0);
            told.append(buffer, static_cast<size_t>(count));
        }
        ::kill(child, SIGKILL);
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED);
        told += base::read_to_end(pipe.read_end.get());

        Database database(path);
        Instances instances(database);
        size_t lines = 0;
        for (size_t at = 0; at < told.size(); at = told.find('\n', at) + 1, ++lines) {
            const auto row = instances.find(told.substr(at, told.find('\n', at) - at));
            ASSERT_TRUE(row) << lines;
            const auto put = row.value_or(state::InstanceRow()).put;
            EXPECT_EQ(put.config.size(), 1U); // whole, not half an instance
            EXPECT_EQ(put.devices.size(), 1U);
        }
        EXPECT_LE(instances.list().size(), lines + 1);
        EXPECT_GT(lines, least);
        EXPECT_EQ(number(database, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    }
}

} // namespace
} // namespace state
