#pragma once
// The process whose system call was intercepted: what it is, and doing things with its rights. Callers: the verb
// intercept and its calls.

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "daemon/base/fd.h"

namespace runner {

/// Thrown where the kernel is to do the call after all: it refuses what we do not do, in its own words.
struct GoOn {};
/// What the call fails with.
struct CallError {
    int number;
};

struct Caller {
    base::Fd root, folder; // "/" and the working folder
    base::Fd user_ns, mount_ns, pid_ns, net_ns;
    uint32_t fsuid = 0, fsgid = 0, euid = 0, egid = 0; // on the host
    std::vector<gid_t> groups;
    mode_t umask = 0;
    uint64_t capabilities = 0;          // effective, in its user namespace
    pid_t thread = 0, thread_group = 0; // on the host
    pid_t own_thread = 0;               // its numbers in its own pid namespace
    pid_t own_thread_group = 0;
    std::string uid_map, gid_map; // as /proc has them

    bool has(int capability) const { return (capabilities >> static_cast<unsigned>(capability) & 1U) != 0; }
};

/// Reads all of it through the descriptors of the verb and makes sure afterwards that the caller still waits for this
/// call: nobody else had its number meanwhile. Throws GoOn where it does not, or is in no user namespace of its own.
Caller find_caller(uint64_t notification);

/// The id inside for one on the host, by the lines of a uid_map; nothing where it has none. And the reverse.
std::optional<uint32_t> id_inside(const std::string& map, uint32_t host_id);
std::optional<uint32_t> id_on_host(const std::string& map, uint32_t inside);

/// A path as the caller means it, for one with other numbers: /proc/self and /proc/thread-self become the caller's.
std::string in_callers_words(const Caller& caller, const std::string& path);

/// Descriptors that the work below opens for us.
using Opened = std::array<int, 2>;
/// Runs `work` in a child that has the caller's namespaces (but the pid one), folders, ids and capabilities. It shares
/// our descriptors, so what it opens stays open here. Returns an errno, as `work` does, 0 for success; throws CallError
/// for another.
void as_caller(const Caller& caller, const std::function<int(Opened&)>& work, Opened& opened);
/// As above, without the caller's rights: with ours, apart from our namespaces.
void in_child(const std::function<int(Opened&)>& work, Opened& opened);

/// In a child: goes where the caller is and becomes it.
void become(const Caller& caller);

/// Files are made with the caller's ids from now on, and only these capabilities are effective.
void make_files_as(const Caller& caller, std::initializer_list<int> capabilities);
void limit_capabilities(uint64_t effective, uint64_t permitted);

} // namespace runner
