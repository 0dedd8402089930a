#pragma once
// The verbs of lxd-runner. Each takes the arguments after its name and returns the exit code of the program; a thrown
// exception is printed on standard error and becomes exit code 1. Callers: main, by a table.

#include <string>
#include <vector>

namespace runner {

using Arguments = std::vector<std::string>;

/// NAME LXCPATH CONF LOG: starts the container and prints "MONITOR-PID INIT-PID". On failure prints the ERROR lines of
/// its log and returns 1 when the monitor is gone.
int start(const Arguments& arguments);

/// NAME LXCPATH CONF: runs a command inside; see exec_request.h.
int exec(const Arguments& arguments);

/// FILE ...: liblxc's post-stop hook. Writes LXC_TARGET into FILE and fails for a reboot, which makes liblxc stop.
int stop_hook(const Arguments& arguments);

/// [ROOTFS [ID-MAP]]: one piece of work on a container's files; see files.h.
int files(const Arguments& arguments);

/// [ROOTFS [ID-MAP]]: an SFTP server on the socket that is descriptor 3, in the container whose init's pidfd is
/// descriptor 5 (until it stops), or below ROOTFS.
int serve_sftp(const Arguments& arguments);

/// SOURCE TARGET [WORD...]: mounts a path of the host in the container whose init's pidfd is descriptor 3; a missing
/// target is made. Words: recursive, idmapped, a propagation, options of mounts.
int mount(const Arguments& arguments);
/// PATH: fails where a mount of it cannot have ids of its own.
int try_id_map(const Arguments& arguments);
/// TARGET: takes such a mount away again, even while it is used.
int unmount(const Arguments& arguments);

/// WORD...: tells the udev in the container whose init's pidfd is descriptor 3 of an event, in the kernel's words.
int send_uevent(const Arguments& arguments);

/// NAME LXCPATH HOST INSIDE: moves an interface of the host into the container.
int attach_interface(const Arguments& arguments);
/// NAME LXCPATH INSIDE HOST: and back.
int detach_interface(const Arguments& arguments);

/// ID CALL ARGUMENT...: an intercepted system call; see intercept.h.
int intercept(const Arguments& arguments);

/// HOLD LISTEN CONNECT [inside] [proxy-protocol] [uid=N] [gid=N] [mode=OCTAL] [security-uid=N] [security-gid=N]: leaves
/// a process behind that carries connections between the host and the container whose init's pidfd is descriptor 3,
/// until the container ends or SIGTERM comes. It listens on the host, or inside; returns once it does. HOLD is kept
/// locked.
int proxy(const Arguments& arguments);

} // namespace runner
