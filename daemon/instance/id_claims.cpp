#include "daemon/instance/id_claims.h"

namespace instance {

ChosenMap IdClaims::choose(const std::string& name, const schema::Config& config,
                           const std::optional<HostIds>& ids) const {
    std::vector<IsolatedIds> others;
    if (is_isolated(config)) {
        for (const auto& [instance, range] : claims_)
            if (instance != name) others.push_back({instance, range});
        for (const auto& instance : instances_.list()) {
            const auto record = instance->record();
            if (record->row.name == name || !is_isolated(record->expanded_config)) continue;
            if (const auto range = isolated_ids(record->expanded_config)) others.push_back({record->row.name, *range});
        }
    }
    return choose_map(config, ids, others);
}

ChosenMap IdClaims::look(const std::string& name, const schema::Config& config,
                         const std::optional<HostIds>& ids) const {
    const std::scoped_lock lock(mutex_);
    return choose(name, config, ids);
}

ChosenMap IdClaims::claim(const std::string& name, const schema::Config& config, const std::optional<HostIds>& ids) {
    const std::scoped_lock lock(mutex_);
    auto chosen = choose(name, config, ids);
    if (chosen.base > 0)
        claims_[name] = {chosen.base, chosen.size};
    else
        claims_.erase(name);
    return chosen;
}

std::shared_ptr<void> IdClaims::scope(const std::string& name) {
    return {this, [name](IdClaims* self) {
                const std::scoped_lock lock(self->mutex_);
                self->claims_.erase(name);
            }};
}

} // namespace instance
