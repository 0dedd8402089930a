#pragma once
// What becomes of an intercepted call: an answer at once, or work for a runner in the caller's namespaces. It reads the
// caller's memory through a function and touches nothing else.

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "daemon/intercept/memory.h"
#include "daemon/intercept/notification.h"

namespace intercept {

/// Of the container, as it is configured now.
struct Settings {
    std::string name;
    std::map<std::string, std::string> filesystems; // schema::mountable_filesystems
    bool map_owners = false;                        // security.syscalls.intercept.mount.shift
    bool device_programs = false;                   // security.syscalls.intercept.bpf.devices
};

/// The verb's arguments (daemon/runner/intercept.h). The caller is allowed to have it done as far as the container's
/// configuration goes; whether by its own rights is for the runner to see.
struct Work {
    std::vector<std::string> arguments;

    bool operator==(const Work&) const = default;
};

using Decision = std::variant<Answer, Work>;

Decision decide(const Notification& call, const Settings& settings, const ReadMemory& read);

} // namespace intercept
