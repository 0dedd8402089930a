#include "daemon/instance/liblxc_cgroups.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <sstream>
#include <string_view>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/runner/cgroup_tree.h"

namespace instance {

namespace {

constexpr int deepest = 64;      // containers make folders of their own in theirs: what is deeper stays
constexpr int most_attempts = 8; // one may enter while others are ended; none can once it sees that init is gone
constexpr int end_timeout_ms = 5000;

/// Of the folders in an open folder; that is read to its end.
std::vector<std::string> folders_in(int folder_fd) {
    std::vector<std::string> names;
    base::Fd again(::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(again ? ::fdopendir(again.get()) : nullptr, ::closedir);
    if (!listing) return names;
    again.release(); // closed with the listing
    while (const auto* entry = ::readdir(listing.get()))
        if (entry->d_type == DT_DIR && std::string_view(entry->d_name) != "." &&
            std::string_view(entry->d_name) != "..")
            names.emplace_back(entry->d_name);
    return names;
}

/// Calls `visit(folder_fd, name)` for the folder and all below it, the deepest first.
template <class Visit> void each_folder(int parent, const std::string& name, const Visit& visit, int depth = 0) {
    const base::Fd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder || depth == deepest) return;
    for (const auto& inner : folders_in(folder.get())) each_folder(folder.get(), inner, visit, depth + 1);
    visit(parent, name);
}

std::vector<base::Fd> kill_members(int parent, const std::string& name) {
    std::vector<base::Fd> killed;
    const base::Fd folder(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::istringstream pids;
    try {
        pids.str(base::read_file("/proc/self/fd/" + std::to_string(folder.get()) + "/cgroup.procs"));
    } catch (const std::system_error&) { // It has gone.
    }
    for (pid_t pid = 0; pids >> pid;) {
        if (pid <= 0) continue; // outside of our PID namespace
        base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (!pidfd) continue;
        ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
        killed.push_back(std::move(pidfd));
    }
    return killed;
}

} // namespace

std::vector<std::string> cgroup_folders(const std::string& container, pid_t init) {
    std::vector<std::string> folders;
    try {
        for (const auto& cgroup : runner::cgroups_of("/proc/" + std::to_string(init)))
            if (const auto payload = runner::payload_of(cgroup.path, container); !payload.empty())
                folders.push_back(cgroup.mount + payload);
    } catch (const std::system_error&) { // It ended.
    }
    return folders;
}

std::vector<std::string> usual_cgroup_folders(const std::string& container) {
    std::vector<std::string> folders;
    for (const auto& cgroup : runner::cgroups_of("/proc/self"))
        folders.push_back(cgroup.mount + "/lxc.payload." + container);
    return folders;
}

bool remove_empty_cgroups(const std::vector<std::string>& folders) {
    bool all = true;
    for (const auto& folder : folders)
        each_folder(AT_FDCWD, folder, [&](int parent, const std::string& name) {
            if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) < 0 && errno == EBUSY) all = false;
        });
    return all;
}

void end_cgroups(const std::vector<std::string>& folders) {
    for (int attempt = 0; attempt < most_attempts && !remove_empty_cgroups(folders); ++attempt) {
        std::vector<base::Fd> members;
        for (const auto& folder : folders)
            each_folder(AT_FDCWD, folder, [&](int parent, const std::string& name) {
                std::ranges::move(kill_members(parent, name), std::back_inserter(members));
            });
        for (const auto& member : members) {
            pollfd end{member.get(), POLLIN, 0};
            ::poll(&end, 1, end_timeout_ms);
        }
    }
}

} // namespace instance
