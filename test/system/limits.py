"""Limits that bite: what a container does against each is measured, and again after the limit was changed under it."""

import contextlib
import os
import shutil
import time
from pathlib import Path

from harness.rest import Refused
from system.live_keys import CPUS, UNIFIED, cgroup_file, last_word
from system.scenario import Skip, scenario

MIB = 1 << 20
BOMB = "bomb() { bomb | bomb & }; bomb"
THROTTLED = cgroup_file("cpu", "cpu.stat", "cpu.stat")
SPIN = "while :; do :; done"


def configure(test, name, **keys):
    test.daemon.lxc("config", "set", name, *(f"limits.{key.replace('_', '.')}={value}" for key, value in keys.items()), check=True)


def spin(test, name):
    """Keeps one CPU busy in the container until it stops."""
    test.api.ask("POST", f"/1.0/instances/{name}/exec", {"command": ["sh", "-c", f"({SPIN}) &"], "wait-for-websocket": False})


def cpu_seconds(test, name):
    return test.state(name)["cpu"]["usage"] / 1e9


class Stopwatch:
    """CPU seconds that containers got since it was made."""

    def __init__(self, test, *names):
        self.test = test
        self.start = time.monotonic()
        self.before = {name: cpu_seconds(test, name) for name in names}

    def used(self, name):
        return cpu_seconds(self.test, name) - self.before[name]

    def passed(self):
        return time.monotonic() - self.start


@scenario
def a_fork_bomb_stops_at_the_limit_of_processes(test):
    test.start()
    name = test.launch("bomb", "-c", "limits.processes=30")
    most = 0

    def grows_to(count):
        """Lights it again, as it goes out where too many forks fail; at the limit not even that can be done."""
        nonlocal most
        bomb = {"command": ["sh", "-c", BOMB], "wait-for-websocket": False}
        with contextlib.suppress(Refused):
            test.api.ask("POST", f"/1.0/instances/{name}/exec", bomb)
        most = max(most, test.state(name)["processes"])
        return most >= count

    test.until(lambda: grows_to(25), "the bomb fills what it may have")
    test.true(most <= 30, f"{most} processes")
    configure(test, name, processes=60)
    test.until(lambda: grows_to(45), "it goes on where it may have more")
    test.true(most <= 60, f"{most} processes")
    with test.within(20, "stopping a bomb"):
        test.daemon.lxc("stop", "--force", name, check=True)


def takes(test, name, mib):
    """Whether a process inside can use so much memory."""
    done = test.daemon.lxc("exec", name, "--", "dd", "if=/dev/zero", "of=/dev/null", f"bs={mib}M", "count=1")
    test.true(done.returncode in (0, 137), f"dd of {mib} MiB: {done}")
    return done.returncode == 0


@scenario
def memory_is_killed_at_its_limit(test):
    test.start()
    name = test.launch("memory", "-c", "limits.memory=48MiB")
    test.equal((takes(test, name, 24), takes(test, name, 96)), (True, False), "of 48 MiB")
    configure(test, name, memory="192MiB")
    test.equal(takes(test, name, 96), True, "raised")
    configure(test, name, memory="48MiB")
    test.equal(takes(test, name, 96), False, "lowered again")
    configure(test, name, memory_enforce="soft")
    test.equal(takes(test, name, 96), True, "a soft limit kills nothing")
    configure(test, name, memory_enforce="hard", memory_swap="false")
    test.equal(takes(test, name, 96), False, "without swap")
    percent = 96 * MIB * 100 // (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) + 1
    configure(test, name, memory=f"{percent}%")
    test.equal(takes(test, name, 64), True, f"{percent}% of the host's")
    test.equal(test.state(name)["pid"] > 0, True, "init lives through all of it")


@scenario
def a_container_stays_on_its_processors(test):
    if os.cpu_count() < 2:
        raise Skip("one processor only")
    test.start()
    name = test.launch("pinned")

    def used():
        """The processors that new processes ran on."""
        return set(test.exec(name, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cut -d' ' -f39 /proc/self/stat; done").split())

    for wanted in ("1-1", "0-0"):
        configure(test, name, cpu=wanted)
        test.equal(used(), {wanted[0]}, f"on {wanted}")
    configure(test, name, cpu=1)
    test.equal(len(used()), 1, "one of them")
    whole = f"0-{os.cpu_count() - 1}"
    for more in ("4096", "4000-4095"):  # what the host does not have
        configure(test, name, cpu=more)
        test.equal(last_word(test.exec(name, *CPUS)), whole, f"limits.cpu={more}")


@scenario
def processors_are_shared_out_anew_when_containers_come_and_go(test):
    if os.cpu_count() != 2:
        raise Skip("made for two processors")
    test.start()

    def cpus(name):
        return last_word(test.exec(name, *CPUS))

    first, second = (test.launch(short, "-c", "limits.cpu=1") for short in ("one", "two"))
    test.equal({cpus(first), cpus(second)}, {"0", "1"}, "each has one of its own")
    third = test.launch("three", "-c", "limits.cpu=0-0")
    test.equal({cpus(first), cpus(second)}, {"0", "1"})
    configure(test, second, cpu="0-0")
    test.equal((cpus(first), cpus(second), cpus(third)), ("1", "0", "0"), "a count gives way to sets")
    for name in (second, third):
        test.daemon.lxc("stop", "--force", name, check=True)
    other = test.launch("four", "-c", "limits.cpu=1-1")
    test.equal((cpus(first), cpus(other)), ("0", "1"), "and comes back")


@scenario
def processors_that_come_back_are_given_again(test):
    """Cgroup v1 forgets who had a processor that was gone; that it is there is said once more by the kernel."""
    if os.cpu_count() != 2:
        raise Skip("made for two processors")
    test.start()
    name = test.launch("back")
    lines = Path(f"/proc/{test.state(name)['pid']}/cgroup").read_text(encoding="ascii").splitlines()
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    folder = f"/sys/fs/cgroup{paths['']}" if UNIFIED else f"/sys/fs/cgroup/cpuset{paths['cpuset']}"
    Path(folder, "cpuset.cpus").write_text("0", encoding="ascii")
    test.equal(last_word(test.exec(name, *CPUS)), "0")
    Path("/sys/devices/system/cpu/cpu1/uevent").write_text("change", encoding="ascii")
    test.until(lambda: last_word(test.exec(name, *CPUS)) == "0-1", "both processors")


@scenario
def nodes_restrict_processors(test):
    nodes = sorted(int(path.name[4:]) for path in Path("/sys/devices/system/node").glob("node[0-9]*"))
    if not nodes:
        raise Skip("the kernel tells of no NUMA nodes")
    test.start()
    name = test.launch("nodes", "-c", f"limits.cpu.nodes={nodes[-1]}")
    there = Path(f"/sys/devices/system/node/node{nodes[-1]}/cpulist").read_text(encoding="ascii").strip()
    test.equal(last_word(test.exec(name, *CPUS)), there)
    configure(test, name, cpu_nodes=max(nodes) + 1)
    test.equal(last_word(test.exec(name, *CPUS)), f"0-{os.cpu_count() - 1}", "a node that is not there restricts nothing")


@scenario
def a_quota_of_processor_time_is_kept(test):
    test.start()
    name = test.launch("quota", "-c", "limits.cpu.allowance=10ms/100ms")
    spin(test, name)

    def throttled():
        lines = dict(line.split() for line in test.exec(name, *THROTTLED).splitlines())
        return int(lines["nr_throttled"])

    for percent in (10, 30):
        configure(test, name, cpu_allowance=f"{percent}ms/100ms")
        watch, before = Stopwatch(test, name), throttled()
        test.until(lambda: throttled() > before + 2, f"it is held back at {percent}%")
        used, passed = watch.used(name), watch.passed()
        test.true(used <= (passed + 0.1) * percent / 100 + 0.01, f"{used:.3f} s of {passed:.3f} s at {percent}%")
    configure(test, name, cpu_allowance="100%")
    watch, before = Stopwatch(test, name), throttled()
    test.until(lambda: watch.used(name) > 0.2, "it goes on")
    test.equal(throttled(), before, "held back without a quota")


@scenario
def processor_time_is_shared_by_allowance_and_priority(test):
    """Both compete for one processor."""
    test.start()
    names = [test.launch(short, "-c", "limits.cpu=0-0") for short in ("much", "little")]
    much, little = names
    for name in names:
        spin(test, name)
    for more, less in ((much, little), (little, much)):
        configure(test, more, cpu_allowance="100%")
        configure(test, less, cpu_allowance="20%")
        watch = Stopwatch(test, *names)
        test.until(lambda: watch.used(more) > 0.8, "one of them works")
        taken = watch.used(more), watch.used(less)
        test.true(taken[0] > 2.5 * taken[1] > 0, f"of 100% and 20%: {taken[0]:.2f} s and {taken[1]:.2f} s")


@scenario
def limits_change_while_a_container_is_frozen(test):
    test.start()
    name = test.launch("frozen", "-c", "limits.memory=192MiB")
    test.daemon.lxc("pause", name, check=True)
    configure(test, name, memory="48MiB", processes=20, cpu_allowance="50ms/100ms")
    test.equal(test.state(name)["status"], "Frozen", "a change does not thaw it")
    test.daemon.lxc("start", name, check=True)
    test.equal(takes(test, name, 96), False, "set while it was frozen")


@scenario
def limits_of_the_kernel_hold_for_what_runs(test):
    test.start()
    name = test.launch("kernel", "-c", "limits.kernel.nofile=100:200", "-c", "limits.kernel.core=0")
    test.equal(test.exec(name, "sh", "-c", "ulimit -Sn; ulimit -Hn").split(), ["100", "200"])
    for line in test.exec(name, "cat", "/proc/1/limits").splitlines():
        if line.startswith("Max open files"):
            test.equal(line.split()[3:5], ["100", "200"], "of init")
    opened = test.daemon.lxc("exec", name, "--", "tail", "-n", "0", *["/dev/null"] * 120)
    test.true(b"Too many open files" in opened.stderr, f"{opened}")
    configure(test, name, kernel_nofile=150)
    test.equal(test.exec(name, "sh", "-c", "ulimit -Sn").split(), ["100"], "until the next start")
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(test.exec(name, "sh", "-c", "ulimit -Sn; ulimit -Hn").split(), ["150", "150"])


@scenario
def huge_pages_that_containers_do_not_get_are_refused_by_name(test):
    if UNIFIED:
        raise Skip("this host hands them on")
    test.start()
    name = test.launch("huge")
    text = b"Cannot apply limits.hugepages.2MB as hugetlb cgroup controller is missing"
    refused = test.daemon.lxc("config", "set", name, "limits.hugepages.2MB=4MiB")
    test.true(refused.returncode != 0 and text in refused.stderr, f"{refused.stderr!r}")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("config", "set", name, "limits.hugepages.2MB=4MiB", check=True)
    refused = test.daemon.lxc("start", name)
    test.true(refused.returncode != 0 and text in refused.stderr, f"{refused.stderr!r}")
    test.daemon.lxc("config", "unset", name, "limits.hugepages.2MB", check=True)


@scenario
def every_item_of_a_start_is_told_with_its_origin(test):
    """`lxd lxc-conf`, of a stopped container and a running one, and the file that it runs with."""
    test.start(bridge=True)
    test.daemon.lxc("profile", "set", "default", "raw.lxc", "# why\nlxc.cap.drop = net_raw", check=True)
    name = test.name("told")
    test.daemon.lxc("init", "busybox", name, "-c", "limits.memory=64MiB", check=True)

    def told():
        lines = test.daemon_command("lxc-conf", name).splitlines()
        items, origin = {}, ""
        for line in lines:
            if line.startswith("# "):
                origin = line[2:]
            else:
                items.setdefault(line.split(" = ")[0], []).append((line.split(" = ", 1)[1], origin))
        return items

    stopped = told()
    memory = "lxc.cgroup2.memory.max" if UNIFIED else "lxc.cgroup.memory.limit_in_bytes"
    test.equal(stopped[memory], [(str(64 * MIB), "limits.memory of the instance")])
    test.equal(stopped["lxc.cap.drop"], [("net_raw", "raw.lxc line 2 of profile default")])
    test.equal(stopped["lxc.net.0.name"], [("eth0", "device eth0 of profile default")])
    test.true(all(origin for values in stopped.values() for _, origin in values), "each item comes from somewhere")
    test.equal(test.api.get(f"/1.0/instances/{name}")["status"], "Stopped")
    test.daemon.lxc("start", name, check=True)
    running = told()
    changing = ("lxc.net.0.veth.pair",)
    test.equal(*({key: value for key, value in items.items() if key not in changing} for items in (running, stopped)))
    log = test.api.raw("GET", f"/1.0/instances/{name}/logs/lxc.conf").body.decode()
    test.true("# limits.memory of the instance\n" in log, "the file in the log folder says the same")
    for line in ("lxc.rubbish = 1", "rubbish", "lxc.log.file = /x"):
        for command in (["config", "set", name], ["profile", "set", "default"]):
            refused = test.daemon.lxc(*command, "raw.lxc", f"# one\n\n{line}")
            test.true(refused.returncode != 0 and b"line 3" in refused.stderr, f"{command}: {refused.stderr!r}")


@scenario
def nvidia_keys_are_kept_and_what_the_host_lacks_is_named_at_the_start(test):
    if shutil.which("nvidia-container-cli"):
        raise Skip("this host has the tools")
    test.start()
    name = test.name("nvidia")
    keys = ("nvidia.runtime=true", "nvidia.driver.capabilities=all", "nvidia.require.cuda=>=9.0")
    test.daemon.lxc("init", "busybox", name, *(word for key in keys for word in ("-c", key)), check=True)
    refused = test.daemon.lxc("start", name)
    test.true(refused.returncode != 0 and b"The NVIDIA " in refused.stderr and b"couldn't be found" in refused.stderr, f"{refused.stderr!r}")
    refused = test.daemon.lxc("config", "set", name, "security.privileged=true")
    test.true(b"nvidia.runtime is incompatible with privileged containers" in refused.stderr, f"{refused.stderr!r}")
    test.daemon.lxc("config", "set", name, "nvidia.runtime=false", check=True)
    test.daemon.lxc("start", name, check=True)
