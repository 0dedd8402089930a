#pragma once
// Rows of storage pools.

#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/storage.h"

namespace state {

class Pools {
public:
    explicit Pools(Database& database) : database_(database) {}

    std::vector<schema::StoragePool> list() const; // by name; `used_by` is filled in by api
    std::optional<schema::StoragePool> find(const std::string& name) const;
    /// Throws bad_request `The storage pool already exists` where the name is taken.
    void insert(const schema::StoragePool& pool);
    void update(const std::string& name, const schema::StoragePoolPut& pool);
    /// Status and configuration of a pool that was made meanwhile.
    void complete(const schema::StoragePool& pool);
    void remove(const std::string& name);

private:
    Database& database_;
};

} // namespace state
