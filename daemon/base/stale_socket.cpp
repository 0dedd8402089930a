#include "daemon/base/stale_socket.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace base {

void remove_stale_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    struct stat status{};
    if (path.size() >= sizeof address.sun_path || ::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    std::memcpy(address.sun_path, path.data(), path.size());
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool refused =
        ::connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
    if (refused) ::unlink(path.c_str());
}

} // namespace base
