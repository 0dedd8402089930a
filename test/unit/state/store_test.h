#pragma once
// What the tests of the stores share: a fresh database, and how to ask for the kind and text of an error.

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "daemon/state/database.h"
#include "schema/api/storage.h"
#include "schema/error.h"
#include "test/unit/base/temporary_folder.h"

namespace test {

struct StoreTest : testing::Test {
    TemporaryFolder folder;
    std::string path = folder.path() + "/lxd.db";
    state::Database database{path};
};

/// "404 Instance not found"; an empty text where nothing is thrown.
inline std::string error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const schema::Error& error) {
        return std::to_string(schema::http_status(error.kind())) + " " + error.what();
    }
    return {};
}

inline schema::StoragePool pool(const std::string& name, const std::string& driver) {
    schema::StoragePool pool;
    pool.name = name;
    pool.driver = driver;
    return pool;
}

} // namespace test
