#include "daemon/instance/network_priority.h"

#include "daemon/instance/lifecycle.h"
#include "daemon/network/netlink.h"
#include "schema/error.h"

namespace instance {

void set_network_priority(const Record& record, const Rooms& rooms) {
    if (rooms.facts.cgroup.version("net_prio") != 1) return;
    const auto& wanted = schema::get(record.expanded_config, "limits.network.priority");
    bool taken = false;
    std::string refusal;
    for (const auto& interface : network::Netlink().interfaces()) {
        try {
            rooms.runtime.set_cgroup(record.row.name, "net_prio.ifpriomap",
                                     fmt::format("{} {}", interface.name, wanted.empty() ? "0" : wanted));
            taken = true;
        } catch (const schema::Error& error) {
            refusal = error.what();
        }
    }
    if (!taken) throw schema::failure("Failed to set network device priority: {}", refusal);
}

} // namespace instance
