"""Limits on pure cgroup v2 bite, and change while what they limit runs."""

import re
import subprocess
import time
from pathlib import Path

from vm.guest.cgroups import payload, value
from vm.guest.host import equal, inside, launch, lxc, remove, run, scenario, serve, state, true, until


def started(name, script):
    """A shell in the container, which ends with it."""
    return subprocess.Popen(
        ["/usr/local/bin/lxc", "exec", name, "--", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def cpus_used(folder, seconds=4):
    """How many CPUs' worth of time passes in there."""

    def usage():
        return int(re.search(r"usage_usec (\d+)", value(folder, "cpu.stat")).group(1)), time.monotonic()

    first, then = usage()
    time.sleep(seconds)
    last, now = usage()
    return (last - first) / 1e6 / (now - then)


@scenario
def a_fork_bomb_stops_at_the_limit_which_can_be_raised():
    serve()
    name = launch("lim-bomb", "-c", "limits.processes=40")
    folder = payload(name)
    for limit in (40, 60):
        lxc("config", "set", name, f"limits.processes={limit}")
        with started(name, "while :; do sleep 600 & done"):
            until(lambda wanted=limit: int(value(folder, "pids.current")) >= wanted - 2, f"{limit} processes")
            until(lambda: int(value(folder, "pids.events").split()[1]) > 0, "the kernel counts refused ones")
            running = state(name)["processes"]  # the shell that was refused one has ended
            true(limit - 2 <= running <= limit, f"{running} processes of {limit}")
            if limit == 60:
                lxc("stop", "--force", name)
            else:
                run("pkill", "-f", "^sleep 600$")
    remove(name)


@scenario
def processor_time_is_what_the_allowance_says():
    serve()
    name = launch("lim-cpu", "-c", "limits.cpu.allowance=20ms/100ms")
    folder = payload(name)
    with started(name, "while :; do :; done & while :; do :; done"):
        until(lambda: cpus_used(folder, 1) > 0.05, "it is busy")
        for allowance, least, most in (("20ms/100ms", 0.1, 0.26), ("50ms/100ms", 0.3, 0.58)):
            lxc("config", "set", name, f"limits.cpu.allowance={allowance}")
            used = cpus_used(folder)
            true(least < used < most, f"{allowance} gives {used:.2f} CPUs")
        lxc("config", "unset", name, "limits.cpu.allowance")
        # The machine's two are not its alone, but more than the half of one must be had.
        true(cpus_used(folder) > 0.6, "no more allowance")
        lxc("config", "set", name, "limits.cpu=1-1")
        allowed = {
            re.search(r"Cpus_allowed_list:\s*(\S+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8")).group(1)
            for file in folder.rglob("cgroup.procs")
            for pid in file.read_text(encoding="utf-8").split()
        }
        equal(allowed, {"1"}, "where its processes may run")
        true(cpus_used(folder) < 1.1, "two loops on one CPU")
        lxc("stop", "--force", name)
    remove(name)


@scenario
def memory_is_had_up_to_the_limit_which_can_be_raised():
    serve()
    name = launch("lim-memory", "-c", "limits.memory=24MiB", "-c", "limits.memory.swap=false")
    command = ("exec", name, "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=40M", "count=1")
    equal(lxc(*command, check=False).returncode, 128 + 9, "40 MiB in 24")
    killed = int(re.search(r"oom_kill (\d+)", value(payload(name), "memory.events")).group(1))
    true(killed > 0, "the kernel counts one that it killed")
    lxc("config", "set", name, "limits.memory=80MiB")
    equal(lxc(*command, check=False).returncode, 0, "40 MiB in 80")
    lxc("config", "set", name, "limits.memory=24MiB")
    equal(lxc(*command, check=False).returncode, 128 + 9, "40 MiB in 24 again")
    remove(name)


@scenario
def huge_pages_are_had_up_to_the_limit():
    serve()
    run("sysctl", "-q", "vm.nr_hugepages=16")
    name = launch("lim-huge", "-c", "security.privileged=true", "-c", "limits.hugepages.2MB=4MiB")
    inside(name, "sh", "-c", "mkdir /huge && mount -t hugetlbfs none /huge")

    def fills(megabytes):
        done = lxc("exec", name, "--", "fallocate", "-l", f"{megabytes}M", f"/huge/{megabytes}", check=False)
        inside(name, "rm", "-f", f"/huge/{megabytes}")
        return done.returncode == 0

    equal((fills(4), fills(8)), (True, False), "of 4 MiB")
    lxc("config", "set", name, "limits.hugepages.2MB=8MiB")
    equal((fills(4), fills(8)), (True, True), "of 8 MiB")
    remove(name)
    run("sysctl", "-q", "vm.nr_hugepages=0")
