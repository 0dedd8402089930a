#pragma once
// What the log says of an action on an instance, in LXD's words and with its context. Used by lifecycle.

#include <functional>

#include "daemon/base/log.h"
#include "daemon/instance/registry.h"

namespace instance {

struct ActionWords {
    const char* begins;
    const char* done;
    const char* failed;
};

namespace words {
constexpr ActionWords create{"Creating instance", "Created container", "Failed creating container"};
constexpr ActionWords remove{"Deleting container", "Deleted container", "Failed deleting container"};
constexpr ActionWords rename{"Renaming container", "Renamed container", "Failed renaming container"};
constexpr ActionWords start{"Starting container", "Started container", "Failed starting container"};
constexpr ActionWords stop{"Stopping container", "Stopped container", "Failed stopping container"};
constexpr ActionWords shut_down{"Shutting down container", "Shut down container", "Failed shutting down container"};
constexpr ActionWords restart{"Restarting container", "Restarted container", "Failed restarting container"};
constexpr ActionWords freeze{"Freezing container", "Froze container", "Failed freezing container"};
constexpr ActionWords unfreeze{"Unfreezing container", "Unfroze container", "Failed unfreezing container"};
constexpr ActionWords restore{"Restoring container", "Restored container", "Failed restoring container"};
} // namespace words

/// The instance, its times, and what is particular to the action.
base::Log::Context log_context(const state::InstanceRow& row, base::Log::Context particular = {});

/// Does it, with lines at info before and after, or one at error that says why it failed; passes that on.
void logged(base::Log& log, const ActionWords& words, base::Log::Context context, const std::function<void()>& act);

} // namespace instance
