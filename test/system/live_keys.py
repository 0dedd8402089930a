"""Each live key is set, changed and unset on a running container and read back from inside it."""

import os
from pathlib import Path

from system.scenario import Skip, scenario

def cgroup_file(controller, first, second):
    """A command that prints the container's own cgroup file: of v2 where it is, of v1 from a mount of its own inside."""
    place = "/tmp/cgroup"
    return [
        *("sh", "-c"),
        f"cat /sys/fs/cgroup/{second} 2>/dev/null && exit; mkdir -p {place};"
        f" mount -t cgroup -o {controller} none {place} && cat {place}/{first}; umount {place}",
    ]


UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers").exists()
MEMORY = cgroup_file("memory", "memory.limit_in_bytes", "memory.max")
QUOTA = cgroup_file("cpu", "cpu.cfs_quota_us", "cpu.max")
SHARES = cgroup_file("cpu", "cpu.shares", "cpu.weight")
DISK = cgroup_file("blkio", "blkio.*weight", "io.*weight")
SWAP = cgroup_file("memory", "memory.swappiness", "memory.swap.max")
PROCESSES = cgroup_file("pids", "pids.max", "pids.max")
CPUS = ["grep", "Cpus_allowed_list", "/proc/self/status"]


def last_word(text):
    return text.split()[-1]


def expected_quota(percent):
    """Of 100 ms, as v1's file and as v2's print it."""
    return {f"{percent * 1000}\n", f"{percent * 1000} 100000\n"}


# key, command that shows it inside, [(value, what it shows: a set of texts or a test of the text)]
LIVE = [
    ("limits.memory", MEMORY, [("64MiB", {f"{64 << 20}\n"}), ("128MiB", {f"{128 << 20}\n"})]),
    ("limits.memory", MEMORY, [("100MB", lambda text: int(text) // 4096 == 100_000_000 // 4096), ("10%", lambda text: int(text) > 0)]),
    ("limits.processes", PROCESSES, [("50", {"50\n"}), ("77", {"77\n"})]),
    ("limits.cpu.allowance", QUOTA, [("50ms/100ms", expected_quota(50)), ("20ms/100ms", expected_quota(20))]),
    ("limits.cpu.allowance", SHARES, [("50%", lambda text: int(text) < 1024), ("10%", lambda text: int(text) < 512)]),
    ("limits.cpu", CPUS, [("0-0", lambda text: last_word(text) == "0"), ("1", lambda text: len(last_word(text)) == 1)]),
    ("environment.COLOUR", ["sh", "-c", "echo [$COLOUR]"], [("blue", {"[blue]\n"}), ("two words", {"[two words]\n"})]),
]


# As above, with what is set meanwhile in the first place.
LIMIT = {"limits.memory": "64MiB"}
UNLIMITED = {"max\n", f"{(1 << 63) - 4096}\n"}
LIVE_WITH = [
    ({}, "limits.cpu.priority", SHARES, [("0", {"1014\n", "90\n"}), ("5", {"1019\n", "95\n"})]),
    ({}, "limits.disk.priority", DISK, [("2", lambda text: last_word(text) == "200"), ("10", lambda text: last_word(text) == "1000")]),
    (LIMIT, "limits.memory.enforce", MEMORY, [("soft", UNLIMITED), ("hard", {f"{64 << 20}\n"}), ("soft", UNLIMITED)]),
    (LIMIT, "limits.memory.swap", SWAP, [("false", {"0\n"}), ("true", lambda text: int(text) > 0)]),
]
if not UNIFIED:  # which has no such file
    LIVE_WITH.append(({}, "limits.memory.swap.priority", SWAP, [("1", {"69\n"}), ("7", {"63\n"})]))


def matches(wanted, text):
    return wanted(text) if callable(wanted) else text in wanted


@scenario
def each_is_seen_inside_when_set_changed_and_unset(test):
    test.start()
    name = test.launch("live")
    wrong = []
    for given, key, command, steps in [({}, *row) for row in LIVE] + LIVE_WITH:
        for other, value in given.items():
            test.daemon.lxc("config", "set", name, f"{other}={value}", check=True)
        before = test.exec(name, *command)
        for value, wanted in steps:
            test.daemon.lxc("config", "set", name, f"{key}={value}", check=True)
            seen = test.exec(name, *command)
            if not matches(wanted, seen):
                wrong.append(f"{key}={value}: inside {seen!r}")
        test.daemon.lxc("config", "unset", name, key, check=True)
        seen = test.exec(name, *command)
        if seen != before:
            wrong.append(f"{key} unset: inside {seen!r}, before it was {before!r}")
        for other in given:
            test.daemon.lxc("config", "unset", name, other, check=True)
    print("\n".join(wrong))
    test.equal(len(wrong), 0, "wrong values")


@scenario
def huge_pages_are_limited_live_or_refused(test):
    test.start()
    name = test.launch("huge")
    key = "limits.hugepages.2MB"
    places = [Path("/sys/fs/cgroup", folder, "cgroup.subtree_control") for folder in ("", "unified")]
    passed_on = " ".join(place.read_text(encoding="ascii") for place in places if place.exists())
    if "hugetlb" not in passed_on and not Path("/sys/fs/cgroup/hugetlb").is_dir():
        refused = test.daemon.lxc("config", "set", name, f"{key}=4MB")
        test.true(refused.returncode != 0 and b"hugetlb" in refused.stderr, f"{refused.stderr!r}")
        test.equal(test.api.get(f"/1.0/instances/{name}")["config"].get(key), None)
        raise Skip("no hugetlb controller for containers")
    command = cgroup_file("hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max")
    before = test.exec(name, *command)
    for value, wanted in (("4MiB", 4 << 20), ("8MiB", 8 << 20)):
        test.daemon.lxc("config", "set", name, f"{key}={value}", check=True)
        test.equal(test.exec(name, *command), f"{wanted}\n", value)
    test.daemon.lxc("config", "unset", name, key, check=True)
    test.equal(test.exec(name, *command), before, "unset")


@scenario
def a_profile_applies_live_and_refuses_without_effect(test):
    test.start()
    names = [test.launch("first"), test.launch("second")]
    before = test.exec(names[0], *PROCESSES)
    for value in ("40", "41"):
        test.daemon.lxc("profile", "set", "default", f"limits.processes={value}", check=True)
        for name in names:
            test.equal(test.exec(name, *PROCESSES), f"{value}\n", name)
    test.true(test.daemon.lxc("profile", "set", "default", "limits.processes=rubbish").returncode != 0, "rubbish was taken")
    test.equal(test.exec(names[0], *PROCESSES), "41\n")
    test.daemon.lxc("profile", "unset", "default", "limits.processes", check=True)
    for name in names:
        test.equal(test.exec(name, *PROCESSES), before, name)


@scenario
def a_count_of_processors_limits_them(test):
    count = os.cpu_count()
    if count < 2:
        raise Skip("one processor only")
    test.start()
    name = test.launch("count")
    whole = test.exec(name, *CPUS)
    test.daemon.lxc("config", "set", name, "limits.cpu=1", check=True)
    test.equal(last_word(test.exec(name, *CPUS)).count(",") + last_word(test.exec(name, *CPUS)).count("-"), 0, "one of them")
    test.daemon.lxc("config", "unset", name, "limits.cpu", check=True)
    test.equal(test.exec(name, *CPUS), whole)


@scenario
def a_limit_that_is_reached_holds(test):
    test.start()
    name = test.launch("held")
    test.daemon.lxc("config", "set", name, "limits.processes=8", check=True)
    done = test.daemon.lxc("exec", name, "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done")
    test.true(b"fork" in done.stderr, f"ten processes were made: {done.stderr!r}")


@scenario
def devices_come_and_go_in_a_running_container(test):
    test.start()
    shared = test.folder / "shared"
    shared.mkdir()
    (shared / "file").write_text("of the host\n")
    name = test.launch("hotplug")
    add = ["config", "device", "add", name]
    test.daemon.lxc(*add, "data", "disk", f"source={shared}", "path=/data", check=True)
    test.equal(test.exec(name, "cat", "/data/file"), "of the host\n")
    test.daemon.lxc("config", "device", "set", name, "data", "readonly=true", check=True)
    done = test.daemon.lxc("exec", name, "--", "sh", "-c", "echo x > /data/new")
    test.true(done.returncode != 0, "a read-only disk was written")
    test.daemon.lxc("config", "device", "remove", name, "data", check=True)
    test.true("/data" not in test.exec(name, "cat", "/proc/mounts"), "still mounted")
    test.daemon.lxc(*add, "net", "nic", "nictype=p2p", "name=eth5", check=True)
    test.true("eth5" in test.exec(name, "ip", "link"), "no eth5 inside")
    test.daemon.lxc("restart", "--force", name, check=True)
    test.true("eth5" in test.exec(name, "ip", "link"), "no eth5 after a restart")
    test.daemon.lxc("config", "device", "remove", name, "net", check=True)
    test.true("eth5" not in test.exec(name, "ip", "link"), "eth5 is still inside")
