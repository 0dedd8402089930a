"""What a launch runs: our executables and the programs that the design names, nothing else and never a shell."""

import os
import re

from harness import daemon as daemons
from system.scenario import scenario

# DESIGN section 1, and the tools that liblxc itself runs to write an unprivileged container's id map.
NAMED = {
    *("dnsmasq", "rsync", "unsquashfs", "mksquashfs", "xdelta3", "pigz", "modprobe", "swtpm", "apparmor_parser", "criu"),
    *("btrfs", "lvm", "zfs", "zpool", "nft", "iptables", "ip6tables", "newuidmap", "newgidmap"),
}

CALL = re.compile(r"^(\d+) +(?:\d+\.\d+ )?(execve|clone3?|vfork|fork)\((.*)$")
# liblxc runs its hooks (our runner) and the programs that write an id map through a shell of its own.
BY_LIBLXC = re.compile(r'"-c", "(exec \S*lxd-runner stop-hook|newuidmap|newgidmap) ')
RESULT = re.compile(r"= (-?\d+)")


def executions(trace):
    """[(pid, program)] of the successful ones that were not made inside a container.

    strace prints a call that blocks as "<unfinished ...>" and "<... resumed>"; they are put together by pid.
    """
    pending, parents, inside, found = {}, {}, set(), []
    for line in trace.splitlines():
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            pending[pid] = rest.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            rest = pending.pop(pid, "") + resumed.group(1)
        call = CALL.match(f"{pid} {rest}")
        result = RESULT.search(rest.rsplit(")", 1)[-1])
        if not call or not result or int(result.group(1)) < 0:
            continue
        if call.group(2) == "execve":
            program = re.match(r'"([^"]*)"', call.group(3)).group(1)
            if pid in inside or program == "/sbin/init":
                inside.add(pid)
            elif program == "/bin/sh" and BY_LIBLXC.search(call.group(3)):
                continue
            else:
                found.append((pid, program))
        else:
            parents[result.group(1)] = pid
            if pid in inside:
                inside.add(result.group(1))
    return found


@scenario
def a_launch_runs_only_ours_and_named_ones(test):
    log = test.folder / "trace"
    strace = ["strace", "-f", "-qq", "-s", "300", "-e", "trace=execve,clone,clone3,fork,vfork", "-e", "signal=none", "-o", str(log)]
    test.start(wrapper=strace)
    name = test.launch("traced")
    test.exec(name, "true")
    test.daemon.lxc("config", "set", name, "limits.memory=64MiB", check=True)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("delete", name, check=True)
    found = executions(log.read_text(errors="replace"))
    ours = {os.path.realpath(path) for path in daemons.BUILD.rglob("lxd*") if os.access(path, os.X_OK) and path.is_file()}
    ours |= {os.path.realpath(test.daemon.binary), "/proc/self/exe"}  # the runner again, from a sealed copy
    programs = {program for _, program in found if not program.endswith("/true")}  # what exec ran inside
    foreign = {path for path in programs if not {path, os.path.realpath(path)} & ours and os.path.basename(path) not in NAMED}
    test.true(programs & ours, "the trace shows our own programs")
    shown = [line for line in log.read_text(errors="replace").splitlines() if any(f'"{path}"' in line for path in foreign)]
    test.true(not foreign, "other programs: " + "; ".join(shown[:5]))
