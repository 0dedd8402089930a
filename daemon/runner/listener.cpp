#include "daemon/runner/listener.h"

#include <cerrno>
#include <filesystem>
#include <sched.h>
#include <set>
#include <sstream>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/files.h"

namespace runner {

namespace {

void check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

/// "17" of "socket:[17]"; empty for what is no socket.
std::string inode_of(const std::string& link) {
    constexpr std::string_view start = "socket:[";
    return link.starts_with(start) ? link.substr(start.size(), link.size() - start.size() - 1) : "";
}

/// The inodes of this network namespace's sockets that keep packets apart, which no other socket of a monitor does.
std::set<std::string> packet_sockets() {
    constexpr std::string_view sequenced = "0005";
    std::set<std::string> found;
    std::istringstream lines(base::read_file("/proc/net/unix"));
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string number, count, protocol, flags, type, state, inode;
        words >> number >> count >> protocol >> flags >> type >> state >> inode;
        if (type == sequenced) found.insert(inode);
    }
    return found;
}

} // namespace

bool has_connection(pid_t monitor) {
    const auto packets = packet_sockets();
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(monitor) + "/fd")) {
        std::error_code gone;
        const auto link = std::filesystem::read_symlink(entry.path(), gone);
        if (!gone && packets.contains(inode_of(link))) return true;
    }
    return false;
}

std::string without_listener(std::string_view policy) {
    std::string kept;
    std::istringstream lines{std::string(policy)};
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string call, action;
        words >> call >> action;
        if (action != "notify") kept += line + "\n";
    }
    return kept;
}

void hide_listener(const std::string& policy_file) {
    const auto other = policy_file + ".without-listener-" + std::to_string(::getpid());
    base::write_file(other, without_listener(base::read_file(policy_file)));
    check(::unshare(CLONE_NEWNS), "unshare");
    // What is unmounted on the host goes here too.
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "mount /");
    const int mounted = ::mount(other.c_str(), policy_file.c_str(), nullptr, MS_BIND, nullptr);
    const int error = errno;
    ::unlink(other.c_str()); // the mount is enough
    errno = error;
    check(mounted, "mount the policy");
}

} // namespace runner
