#pragma once
// Rows of instances. Expansion and runtime status are not stored here.

#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/instance.h"

namespace state {

/// What is stored of an instance. `put.restore` is unused.
struct InstanceRow {
    int64_t id = 0; // set by insert
    std::string name;
    std::string pool; // of the root volume
    schema::InstancePut put;
    schema::Time created_at;
    schema::Time last_used_at;
};

class Instances {
public:
    explicit Instances(Database& database) : database_(database) {}

    std::vector<InstanceRow> list() const; // by name
    std::optional<InstanceRow> find(const std::string& name) const;
    /// Throws conflict where the name is taken. Returns the id.
    int64_t insert(const InstanceRow& row);
    /// Replaces all but id and name.
    void update(const InstanceRow& row);
    /// Sets or, with an empty value, removes some configuration keys of one instance (volatile state).
    void set_config(const std::string& name, const schema::Config& changes);
    void rename(const std::string& name, const std::string& new_name);
    void remove(const std::string& name);

private:
    Database& database_;
};

} // namespace state
