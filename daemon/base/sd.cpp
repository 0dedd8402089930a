#include "daemon/base/sd.h"

#include <system_error>

#include <systemd/sd-daemon.h>

namespace base {

std::vector<Fd> inherited_sockets() {
    const int count = ::sd_listen_fds(1);
    if (count < 0) throw std::system_error(-count, std::generic_category(), "Failed taking inherited sockets");
    std::vector<Fd> sockets;
    for (int i = 0; i < count; ++i) sockets.emplace_back(SD_LISTEN_FDS_START + i);
    return sockets;
}

void notify_ready() {
    ::sd_notify(1, "READY=1");
}

} // namespace base
