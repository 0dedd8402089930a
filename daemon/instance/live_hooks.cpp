#include "daemon/instance/live_hooks.h"

#include <algorithm>

#include "daemon/instance/apparmor.h"
#include "daemon/instance/guest_mount.h"
#include "daemon/instance/kernel_modules.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/network_priority.h"
#include "schema/keys/pattern.h"

namespace instance {

namespace {

void load_modules(const Record&, const Record& wanted, const Rooms&) {
    load_kernel_modules(schema::get(wanted.expanded_config, "linux.kernel_modules"));
}

void change_apparmor(const Record&, const Record& wanted, const Rooms& rooms) {
    reload_apparmor(wanted, rooms);
}

void change_network_priority(const Record&, const Record& wanted, const Rooms& rooms) {
    set_network_priority(wanted, rooms);
}

} // namespace

std::span<const LiveHook> live_hooks() {
    static const std::vector<LiveHook> hooks = {
        {"AppArmor profile", {"raw.apparmor", "security.nesting"}, change_apparmor},
        {"network priority", {"limits.network.priority"}, change_network_priority},
        {"kernel modules", {"linux.kernel_modules"}, load_modules},
        {"guest API", {"security.devlxd"}, change_guest_mount},
    };
    return hooks;
}

std::vector<const LiveHook*> due_hooks(std::span<const LiveHook> hooks, const schema::Config& before,
                                       const schema::Config& wanted) {
    const auto has_changed = [&](std::string_view pattern) {
        const auto of_pattern = [&](const schema::Config& config, const schema::Config& other) {
            return std::any_of(config.begin(), config.end(), [&](const auto& row) {
                return schema::matches_key(pattern, row.first) && schema::get(other, row.first) != row.second;
            });
        };
        return of_pattern(before, wanted) || of_pattern(wanted, before);
    };
    std::vector<const LiveHook*> due;
    for (const auto& hook : hooks)
        if (std::any_of(hook.keys.begin(), hook.keys.end(), has_changed)) due.push_back(&hook);
    return due;
}

} // namespace instance
