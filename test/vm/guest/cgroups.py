"""Containers of the installed daemon on pure cgroup v2: what the host's own tree says of them."""

import re
import subprocess
from pathlib import Path

from vm.guest.host import CGROUPS, equal, inside, launch, lxc, remove, run, scenario, serve, state, true, until

KINDS = [("v2-unprivileged", ()), ("v2-privileged", ("-c", "security.privileged=true"))]


def payload(name):
    """The folder of a running container's cgroup, as its first process tells it, without what it made inside."""
    line = Path(f"/proc/{state(name)['pid']}/cgroup").read_text(encoding="utf-8").strip()
    found = re.fullmatch(r"0::(/.*lxc\.payload\.[^/]+).*", line)
    true(found, f"the container's first process is in {line}")
    return CGROUPS / found.group(1).lstrip("/")


def groups_of(name):
    return sorted(str(path) for path in CGROUPS.rglob(f"lxc.*.{name}*"))


def value(folder, file):
    return (folder / file).read_text(encoding="utf-8").strip()


@scenario
def the_tree_is_pure_v2():
    equal(run("stat", "-f", "-c", "%T", CGROUPS).stdout.strip(), "cgroup2fs")
    equal([line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if " cgroup " in line], [])


@scenario
def a_life_from_launch_to_delete_leaves_no_group():
    serve()
    for name, options in KINDS:
        launch(name, *options)
        folder = payload(name)
        controllers = value(folder, "cgroup.controllers").split()
        true({"cpu", "cpuset", "io", "memory", "pids"} <= set(controllers), f"{name} has {controllers}")
        equal(inside(name, "sh", "-c", "echo $$ in; sleep 0").split()[1:], ["in"])

        lxc("pause", name)
        equal(state(name)["status"], "Frozen", name)
        true("frozen 1" in value(folder, "cgroup.events"), f"the kernel says {value(folder, 'cgroup.events')}")
        lxc("start", name)
        true("frozen 0" in value(folder, "cgroup.events"), f"the kernel says {value(folder, 'cgroup.events')}")
        equal(state(name)["status"], "Running", name)

        before = state(name)["pid"]
        lxc("restart", name)
        true(state(name)["pid"] not in (0, before), "it is the same one after a restart")
        lxc("restart", "--force", name)
        lxc("stop", name)
        until(lambda: not groups_of(name), f"{name} stopped leaves {groups_of(name)}")
        lxc("start", name)
        lxc("delete", "--force", name)
        until(lambda: not groups_of(name), f"{name} deleted leaves {groups_of(name)}")


# key, value, the file that it is in, its content then, its content without the key
KEYS = [
    ("limits.memory", "100MiB", "memory.max", "104857600", "max"),
    ("limits.memory", "100MiB", "memory.swap.max", "104857600", "max"),
    ("limits.processes", "300", "pids.max", "300", "max"),
    ("limits.cpu", "1-1", "cpuset.cpus.effective", "1", "0-1"),
    ("limits.cpu.allowance", "30ms/100ms", "cpu.max", "30000 100000", "max 100000"),
    ("limits.cpu.allowance", "25%", "cpu.weight", "25", "100"),
    ("limits.hugepages.2MB", "8MiB", "hugetlb.2MB.max", "8388608", "max"),
    ("limits.cpu.priority", "3", "cpu.weight", "93", "100"),
]


@scenario
def live_keys_are_in_the_files_of_v2_and_leave_them():
    serve()
    wrong = []
    for name, options in KINDS:
        launch(name, *options)
        folder = payload(name)
        for key, wanted, file, set_to, unset_to in KEYS:
            if not (folder / file).exists():
                wrong.append(f"no file {file}")
                continue
            for change, content in ((f"{key}={wanted}", set_to), (f"{key}=", unset_to)):
                done = lxc("config", "set", name, change, check=False)
                if done.returncode != 0 or value(folder, file) != content:
                    wrong.append(f"{name} {change}: {file} has {value(folder, file)} {done.stderr.strip()}")
        remove(name)
    equal(wrong, [])


@scenario
def limits_hold_from_the_start():
    serve()
    name = "v2-limited"
    chosen = [row for row in KEYS if row[2] != "cpu.weight"]
    launch(name, *(part for key, wanted, *_ in chosen for part in ("-c", f"{key}={wanted}")))
    folder = payload(name)
    for _, _, file, set_to, _ in chosen:
        equal(value(folder, file), set_to, file)
    lxc("config", "set", name, "limits.memory.enforce=soft")
    equal((value(folder, "memory.high"), value(folder, "memory.max")), ("104857600", "max"), "a soft limit")
    lxc("config", "set", name, "limits.memory.enforce=hard", "limits.memory.swap=false")
    equal((value(folder, "memory.max"), value(folder, "memory.swap.max")), ("104857600", "0"), "no swap")
    remove(name)


@scenario
def counters_count():
    serve()
    for name, options in KINDS:
        launch(name, *options)
        inside(name, "sh", "-c", "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done")
        folder = payload(name)
        seen = state(name)
        true(seen["memory"]["usage"] > 0, f"memory {seen['memory']}")
        true(seen["cpu"]["usage"] > 10_000_000, f"cpu {seen['cpu']}")
        equal(seen["processes"], int(value(folder, "pids.current")), "processes")
        usage = int(re.search(r"usage_usec (\d+)", value(folder, "cpu.stat")).group(1))
        true(abs(state(name)["cpu"]["usage"] - usage * 1000) < 500_000_000, f"cpu {seen['cpu']}, the kernel says {usage} us")
        shown = lxc("info", name).stdout
        for wanted in (r"Processes: [1-9]", r"CPU usage \(in seconds\): \d", r"Memory \(current\): [1-9]"):
            true(re.search(wanted, shown), f"lxc info has no {wanted}: {shown}")
        remove(name)


@scenario
def an_exec_ends_with_all_it_started_when_its_container_stops():
    serve()
    name = launch("v2-exec")
    with subprocess.Popen(["/usr/local/bin/lxc", "exec", name, "--", "sleep", "600"], stdin=subprocess.DEVNULL) as process:
        until(lambda: "sleep" in inside(name, "ps"), "it runs")
        folder = payload(name)
        members = {pid for file in folder.rglob("cgroup.procs") for pid in file.read_text(encoding="utf-8").split()}
        lines = {Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] for pid in members if Path(f"/proc/{pid}").exists()}
        true(b"sleep" in lines, f"in the container's group are {lines}")
        lxc("stop", "--force", name)
        process.wait(60)
    until(lambda: not groups_of(name), f"left: {groups_of(name)}")
    remove(name)


@scenario
def nothing_of_all_this_is_left():
    # lxc.pivot is liblxc's: the processes that remove groups move there, and it stays.
    left = sorted(str(path) for path in CGROUPS.rglob("lxc.*") if path.name != "lxc.pivot")
    equal(left, [])
    shown = run("pgrep", "-fa", "lxd-runner|lxc monitor", check=False).stdout
    # One belongs to the daemon.
    equal([line for line in shown.splitlines() if not line.endswith("lxd-runner serve")], [])
