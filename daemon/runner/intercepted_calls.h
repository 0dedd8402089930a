#pragma once
// The system calls that the verb intercept does. Each takes the caller and the arguments after the call's name, and
// returns what the call returns; it throws GoOn or CallError (caller.h). Callers: the verb, by a table.

#include <cstdint>

#include "daemon/runner/caller.h"
#include "daemon/runner/verbs.h"

namespace runner {

/// FOLDER-DESCRIPTOR PATH MODE MAJOR MINOR: a character device.
int64_t intercepted_mknod(const Caller& caller, const Arguments& arguments);
/// PATH FLAGS: marks a folder as opaque to overlayfs.
int64_t intercepted_setxattr(const Caller& caller, const Arguments& arguments);
/// TYPE SOURCE TARGET FLAGS DATA map|as-is: a filesystem that the kernel mounts for the host alone.
int64_t intercepted_mount(const Caller& caller, const Arguments& arguments);
/// PROGRAM SOURCE TARGET FLAGS DATA: by mount.fuse, in the container.
int64_t intercepted_mount_fuse(const Caller& caller, const Arguments& arguments);
/// PID POLICY PRIORITY, of a thread in the caller's pid namespace (0: the caller).
int64_t intercepted_sched_setscheduler(const Caller& caller, const Arguments& arguments);
/// CONTAINER INIT-PID ADDRESS: writes the host's figures, with those of the container's cgroups in their place.
int64_t intercepted_sysinfo(const Caller& caller, const Arguments& arguments);
/// COMMAND ADDRESS SIZE: programs of the devices cgroup. Needs the notification, to give the caller a descriptor.
int64_t intercepted_bpf(const Caller& caller, const Arguments& arguments, uint64_t notification);

/// An argument of the daemon's; throws where it is no number.
int64_t number_of(const std::string& argument);

} // namespace runner
