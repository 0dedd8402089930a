"""What containers and daemons leave behind: cgroups (the machine's), mounts, interfaces and processes (the private
host's). Each function returns what is there now; a test compares two such sets."""

import contextlib
import os
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def container_cgroups(name=""):
    """liblxc's cgroup folders in every hierarchy, those of containers whose name holds `name`."""
    found = set()
    hierarchies = [CGROUPS, *(path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink())]
    for hierarchy in hierarchies:
        for entry in hierarchy.iterdir():
            if entry.name.startswith(("lxc.payload", "lxc.monitor")) and name in entry.name:
                found.add(entry)
    return found


def remove_empty_cgroups(cgroups):
    """But no new ones: they may be those of another run, whose container is about to enter them."""
    for cgroup in cgroups:
        with contextlib.suppress(OSError):
            if time.time() - cgroup.stat().st_ctime < 1:
                continue
        for folder, _, _ in sorted(os.walk(cgroup), key=lambda step: -len(step[0])):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def mounts():
    """Mount points of this mount namespace."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return {line.split()[4] for line in file}


def interfaces():
    return set(os.listdir("/sys/class/net"))


def processes():
    """pid -> command line of every process of the private host that is not a zombie or a kernel thread."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if line:
                    found[int(entry.name)] = line
    return found
