#include <fmt/format.h>

#include "daemon/instance/facets/list.h"

namespace instance {

namespace {

/// What lxcfs offers, laid over the kernel's own files: a container sees its limits in /proc.
void add_lxcfs(const base::HostFacts& facts, Items& items) {
    for (const auto& file : facts.lxcfs_files) {
        items.push_back({"lxc.mount.entry", fmt::format("{}/{} {} none bind,optional 0 0", facts.lxcfs, file, file)});
    }
}

Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    Items items = {
        {"lxc.log.level", subject.log_level},
        {"lxc.console.buffer.size", "auto"},
        {"lxc.console.size", "auto"},
        {"lxc.console.logfile", subject.paths.logs(subject.name) + "/console.log"},
        {"lxc.autodev", "1"},
        {"lxc.pty.max", "1024"},
        {"lxc.tty.max", "0"},
    };
    if (facts.core_scheduling) items.push_back({"lxc.sched.core", "1"});
    add_lxcfs(facts, items);
    return items;
}

} // namespace

const Facet basics_facet = {"basics", {}, lxc_items};

} // namespace instance
