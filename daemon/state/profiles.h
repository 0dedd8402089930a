#pragma once
// Rows of profiles. `used_by` is filled in by api from the instances.

#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/profile.h"

namespace state {

class Profiles {
public:
    explicit Profiles(Database& database) : database_(database) {}

    std::vector<schema::Profile> list() const; // by name
    std::optional<schema::Profile> find(const std::string& name) const;
    /// Throws bad_request `The profile already exists` where the name is taken.
    void insert(const schema::Profile& profile);
    void update(const std::string& name, const schema::ProfilePut& profile);
    /// Also in the lists of the instances that use it.
    void rename(const std::string& name, const std::string& new_name);
    void remove(const std::string& name);

private:
    Database& database_;
};

} // namespace state
