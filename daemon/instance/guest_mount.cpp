#include "daemon/instance/guest_mount.h"

#include <sstream>

#include <fmt/format.h>

#include "daemon/base/files.h"
#include "daemon/instance/guest_folder.h"
#include "daemon/instance/lifecycle.h"

namespace instance {

namespace {

/// As the kernel lists it: nothing of the container's is followed.
bool is_mounted(pid_t init) {
    std::istringstream mounts(base::read_file(fmt::format("/proc/{}/mountinfo", init)));
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string id;
        std::string parent;
        std::string device;
        std::string root;
        std::string point;
        fields >> id >> parent >> device >> root >> point;
        if (point == guest_mount_point) return true;
    }
    return false;
}

} // namespace

void change_guest_mount(const Record&, const Record& wanted, const Rooms& rooms) {
    const auto& name = wanted.row.name;
    const auto live = rooms.instances.get(name)->live();
    if (!live.running) return;
    const bool is_there = is_mounted(live.running->init_pid);
    if (has_guest_api(wanted.expanded_config) == is_there) return;
    if (is_there)
        rooms.device_host.detach_mount(name, guest_mount_point);
    else
        rooms.device_host.attach_mount(
            name, {.source = guest_folder(rooms.paths), .target = guest_mount_point, .read_only = true});
}

} // namespace instance
