#pragma once
// All instances by name, in memory: loaded once at start, kept equal to the database by lifecycle. Readers get shared
// pointers, so that an instance may be removed while somebody still reads it.

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "daemon/instance/instance.h"
#include "daemon/state/instances.h"
#include "daemon/state/profiles.h"

namespace instance {

class Registry {
public:
    Registry(state::Instances& rows, state::Profiles& profiles) : rows_(rows), profiles_(profiles) {}

    /// Reads every row; called once, before anybody else.
    void load();

    std::vector<std::shared_ptr<Instance>> list() const; // by name
    /// Throws not_found `Instance not found`.
    std::shared_ptr<Instance> get(const std::string& name) const;
    std::shared_ptr<Instance> find(const std::string& name) const; // nullptr where there is none

    /// The row with its profiles applied. Throws schema::failure for a profile that does not exist.
    Record expand(state::InstanceRow row) const;

    void add(const std::shared_ptr<Instance>& instance);
    void rename(const std::string& name, const std::string& new_name);
    void remove(const std::string& name);

    /// "/1.0/instances/NAME" for each that has the profile in its list.
    std::vector<std::string> urls_using_profile(const std::string& profile) const;

private:
    state::Instances& rows_;
    state::Profiles& profiles_;
    mutable std::shared_mutex mutex_;
    std::map<std::string, std::shared_ptr<Instance>> by_name_;
};

} // namespace instance
