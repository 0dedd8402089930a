#include "daemon/instance/registry.h"

#include <algorithm>

#include "daemon/instance/expand.h"
#include "schema/error.h"

namespace instance {

void Registry::load() {
    for (auto& row : rows_.list()) {
        const auto name = row.name;
        add(std::make_shared<Instance>(expand(std::move(row))));
    }
}

std::vector<std::shared_ptr<Instance>> Registry::list() const {
    const std::shared_lock lock(mutex_);
    std::vector<std::shared_ptr<Instance>> all;
    all.reserve(by_name_.size());
    for (const auto& [name, instance] : by_name_) all.push_back(instance);
    return all;
}

std::shared_ptr<Instance> Registry::find(const std::string& name) const {
    const std::shared_lock lock(mutex_);
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

std::shared_ptr<Instance> Registry::get(const std::string& name) const {
    auto found = find(name);
    if (!found) throw schema::not_found("Instance not found");
    return found;
}

Record Registry::expand(state::InstanceRow row) const {
    std::vector<schema::ProfilePut> profiles;
    for (const auto& name : row.put.profiles) {
        auto profile = profiles_.find(name);
        if (!profile) throw schema::failure("Requested profile {:?} doesn't exist", name);
        profiles.push_back(*std::move(profile));
    }
    auto expanded = instance::expanded(profiles, row.put.config, row.put.devices);
    return {std::move(row), std::move(expanded.config), std::move(expanded.devices)};
}

void Registry::add(const std::shared_ptr<Instance>& instance) {
    const std::unique_lock lock(mutex_);
    by_name_[instance->record()->row.name] = instance;
}

void Registry::rename(const std::string& name, const std::string& new_name) {
    const std::unique_lock lock(mutex_);
    auto node = by_name_.extract(name);
    if (node.empty()) return;
    node.key() = new_name;
    by_name_.insert(std::move(node));
}

void Registry::remove(const std::string& name) {
    const std::unique_lock lock(mutex_);
    by_name_.erase(name);
}

std::vector<std::string> Registry::urls_using_profile(const std::string& profile) const {
    std::vector<std::string> urls;
    for (const auto& instance : list()) {
        const auto record = instance->record();
        const auto& used = record->row.put.profiles;
        if (std::find(used.begin(), used.end(), profile) != used.end())
            urls.push_back("/1.0/instances/" + record->row.name);
    }
    return urls;
}

} // namespace instance
