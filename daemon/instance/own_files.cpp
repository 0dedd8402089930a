#include "daemon/instance/own_files.h"

#include <filesystem>
#include <set>

#include "daemon/base/files.h"
#include "daemon/instance/seccomp_policy.h"

namespace instance {

namespace {

/// An entry of each folder below is named like the instance that it belongs to.
std::string parent(const std::string& path) {
    return std::filesystem::path(path).parent_path();
}

} // namespace

void remove_start_files(const state::Paths& paths, const std::string& name) {
    base::remove_tree(paths.devices(name));
    base::remove_tree(seccomp_policy_path(paths, name));
}

void remove_own_files(const state::Paths& paths, const std::string& name) {
    remove_start_files(paths, name);
    base::remove_tree(paths.logs(name));
}

void remove_strange_files(const state::Paths& paths, const std::function<bool(const std::string&)>& is_known) {
    std::set<std::string> strangers;
    for (const auto& folder : {parent(paths.devices("any")), parent(seccomp_policy_path(paths, "any"))})
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (auto name = entry.path().filename().string(); !is_known(name)) strangers.insert(std::move(name));
    for (const auto& name : strangers) remove_start_files(paths, name);
}

} // namespace instance
