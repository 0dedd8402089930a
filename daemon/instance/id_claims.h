#pragma once
// Keeps two isolated instances from getting the same host ids: chooses maps one at a time, and counts in what was
// chosen but is not stored yet. One for the daemon; called through start_plan.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/instance/idmap.h"
#include "daemon/instance/registry.h"

namespace instance {

class IdClaims {
public:
    explicit IdClaims(const Registry& instances) : instances_(instances) {}

    /// As instance::choose_map, against all other instances. Claims nothing.
    ChosenMap look(const std::string& name, const schema::Config& config, const std::optional<HostIds>& ids) const;
    /// As look; nobody else gets these ids before they are stored, or given up by release.
    ChosenMap claim(const std::string& name, const schema::Config& config, const std::optional<HostIds>& ids);
    /// Releases what the instance claims at the end of a scope: by then it is stored, or it failed.
    std::shared_ptr<void> scope(const std::string& name);

private:
    ChosenMap choose(const std::string& name, const schema::Config& config, const std::optional<HostIds>& ids) const;

    const Registry& instances_;
    mutable std::mutex mutex_;
    std::map<std::string, IdRange> claims_; // by instance
};

} // namespace instance
