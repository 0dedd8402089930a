"""A host inside the host: the script runs again in mount, network, process-id, UTS and IPC namespaces of its own.

Daemons, containers, bridges and mounts made in there neither meet the host's nor outlive the script: when its first
process ends, the kernel ends the rest. Only cgroups are the machine's own; leaks.py looks after those.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import leaks

MARK = "PRIVATE_HOST"
SCRATCH = "PRIVATE_HOST_SCRATCH"
TMPFS_FOLDERS = ["/run", "/var/lib/lxcfs"]


def enter():
    """Returns inside the private host; the process that called it waits outside and ends with the same code."""
    # A shell starts what runs in the background deaf to it, and what tests start would be so, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stage = os.environ.get(MARK, "")
    if stage == "":
        if os.geteuid() != 0:
            sys.exit("needs root: it makes namespaces and starts containers")
        _raise_limits()
        environment = os.environ | {MARK: "new", "PYTHONDONTWRITEBYTECODE": "1"}
        unshare = ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        command = [*unshare, "--propagation", "slave", sys.executable, *sys.argv]
        with scratch_folder() as scratch:
            environment[SCRATCH] = scratch
            cgroups = leaks.container_cgroups()
            code = _forward(subprocess.Popen(command, env=environment, preexec_fn=_die_with_parent))
            leaks.remove_empty_cgroups(leaks.container_cgroups() - cgroups)
        sys.exit(code)
    if stage == "new":
        os.environ[MARK] = "inside"
        _leave_cgroup()
        _mount_own_views()
        _become_init()


def inside():
    return bool(os.environ.get(MARK))


def scratch():
    """A folder that is removed when the private host is gone."""
    return Path(os.environ[SCRATCH])


@contextlib.contextmanager
def scratch_folder():
    folder = tempfile.mkdtemp(prefix="lv-")
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _raise_limits():
    """Enough inotify instances for many containers with systemd (the kernel's 128 stop them at about 20)."""
    path = Path("/proc/sys/fs/inotify/max_user_instances")
    with contextlib.suppress(OSError):
        if int(path.read_text()) < 4096:
            path.write_text("4096")


def _forward(process):
    """Waits for the private host; a second signal is not needed: --kill-child ends it with us."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.kill())
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()
        return 130


def _leave_cgroup():
    """To where the machine's first process is, or systemd was before it made a scope for itself: liblxc makes containers'
    cgroups beside those of process 1, and inside the private host that is us. On v2 only the root may have processes and
    groups with controllers at once."""
    for line in Path("/proc/1/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        mount = _cgroup_mount(controllers)
        if mount and path in ("/", "/init.scope"):
            with contextlib.suppress(OSError):
                (mount / "cgroup.procs").write_text(str(os.getpid()))


def _cgroup_mount(controllers):
    wanted = controllers.removeprefix("name=")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup2" and not controllers:
            return Path(target)
        if kind == "cgroup" and controllers and {wanted, f"name={wanted}"} & set(options.split(",")):
            return Path(target)
    return None


def _mount_own_views():
    def run(*command):
        subprocess.run(command, check=True)

    security = any(line.split()[1] == "/sys/kernel/security" for line in Path("/proc/mounts").read_text().splitlines())
    # /sys/class/net must show the private network, and a fresh sysfs has no cgroup tree: keep that aside and put it back.
    aside = "/mnt"
    run("mount", "--rbind", "/sys/fs/cgroup", aside)
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("mount", "--rbind", aside, "/sys/fs/cgroup")
    run("umount", "--recursive", aside)
    if security:  # where AppArmor takes its profiles
        run("mount", "-t", "securityfs", "securityfs", "/sys/kernel/security")
    run("mount", "-t", "proc", "proc", "/proc")
    for folder in TMPFS_FOLDERS:
        os.makedirs(folder, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    os.makedirs("/run/lock", exist_ok=True)
    run("hostname", "private-host")
    run("ip", "link", "set", "lo", "up")


def _become_init():
    """As process 1 reap orphans (container monitors among them) until the script, in a child, has ended."""
    child = os.fork()
    if child == 0:
        os.setsid()
        return
    code = 1
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            break
    os._exit(code if code >= 0 else 128 - code)
