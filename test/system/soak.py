"""Many containers, one after another and at once: nothing grows, nothing is lost, nothing gets slow."""

import json
import os
import statistics
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import daemon as daemons
from harness import leaks
from system.scenario import scenario

AT_ONCE = 4
FILE = os.urandom(100_000)


class Usage:
    """What a daemon and its containers occupy."""

    def __init__(self, test):
        process = Path(f"/proc/{test.daemon.pid}")
        self.counts = {
            "file descriptors": len(os.listdir(process / "fd")),
            "mounts": len(leaks.mounts()),
            "daemon's mounts": len((process / "mountinfo").read_text().splitlines()),
            "cgroups": len(leaks.container_cgroups(test.name(""))),
            "interfaces": len(leaks.interfaces()),
            "processes": len(leaks.processes()),
            "files": sum(len(folders) + len(files) for _, folders, files in os.walk(test.daemon.folder)),
        }
        self.resident = test.daemon.resident()


def one_round(test, number):
    name, twin = test.name(f"r{number}"), test.name(f"t{number}")
    ask = test.api.ask
    ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": "busybox"}})
    ask("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
    test.equal(test.exec(name, "echo", "here"), "here\n")
    test.api.raw("POST", f"/1.0/instances/{name}/files?path=/root/file", FILE)
    test.equal(test.api.raw("GET", f"/1.0/instances/{name}/files?path=/root/file").body == FILE, True, "the file")
    ask("POST", "/1.0/instances", {"name": twin, "source": {"type": "copy", "source": name}})
    ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
    test.equal(test.api.raw("GET", f"/1.0/instances/{twin}/files?path=/root/file").body == FILE, True, "its copy")
    ask("DELETE", f"/1.0/instances/{name}")
    ask("DELETE", f"/1.0/instances/{twin}")


def rounds_leave_nothing(test, count):
    test.start(bridge=True)

    def some(numbers):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: one_round(test, number), numbers))

    def settled():
        """Whether nothing is removed in the background any more, and no operation is remembered."""
        folders = (name for _, names, _ in os.walk(test.daemon.folder) for name in names)
        return not any(name.startswith(".partial-") for name in folders) and not test.api.get("/1.0/operations")

    some(range(2 * AT_ONCE))  # until threads, caches and statements are there
    test.until(settled, "the first rounds are over")
    before = Usage(test)
    some(range(100, 100 + count))

    test.until(settled, "all rounds are over")

    def more():
        """What there is more of; a connection that was being closed may have been counted before."""
        return {name: (now, before.counts[name]) for name, now in Usage(test).counts.items() if now > before.counts[name]}

    try:
        test.until(lambda: not more(), "as before", timeout=20)
    except AssertionError:
        test.equal(more(), {}, f"more after {count} rounds")
    # What rounds at once took at most stays with the allocator.
    grown = Usage(test).resident - before.resident
    print(f"{count} rounds: {before.resident:.1f} MiB, then {grown:+.1f}", flush=True)
    test.true(grown < 6, f"the daemon grew by {grown:.1f} MiB in {count} rounds")


@scenario
def twenty_rounds_leave_nothing(test):
    rounds_leave_nothing(test, 20)


@scenario(long=True)
def three_hundred_rounds_leave_nothing(test):
    rounds_leave_nothing(test, 300)


class Listener:
    """Collects lifecycle events until it is closed."""

    def __init__(self, test):
        self.socket = test.api.websocket("/1.0/events?type=lifecycle")
        self.events = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while True:
            kind, data = self.socket.receive()
            if kind != "text":
                return
            self.events.append(json.loads(data)["metadata"])

    def close(self):
        self.socket.close()
        self.thread.join()


def milliseconds(repeats, command, environment):
    """The median of some runs."""

    def once():
        start = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return (time.perf_counter() - start) * 1000

    return statistics.median(once() for _ in range(repeats))


@scenario(long=True)
def five_hundred_run_at_once(test):
    test.start(bridge=True)
    count = int(os.environ.get("SOAK_CONTAINERS", "500"))
    names = [test.name(f"c{number}") for number in range(count)]
    environment = test.daemon.environment
    client = str(daemons.OUR_CLIENT)

    def launch(name):
        test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": "busybox"}})
        test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "start"})

    listener = Listener(test)
    launch(names[0])
    exec_command = [client, "exec", names[0], "--", "true"]
    alone = milliseconds(9, exec_command, environment)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(launch, names[1:]))
    test.equal([entry["status"] for entry in test.api.get("/1.0/instances?recursion=1")], ["Running"] * count)

    among_all = milliseconds(9, exec_command, environment)
    listed = milliseconds(9, [client, "list"], environment)
    print(f"{count} running: list {listed:.0f} ms, exec {among_all:.0f} ms, alone {alone:.0f} ms", flush=True)
    test.true(listed < 100, f"lxc list took {listed:.0f} ms")
    test.true(among_all < 2 * alone, f"exec took {among_all:.0f} ms, alone {alone:.0f} ms")

    for action in ("instance-created", "instance-started"):
        told = [event["source"] for event in listener.events if event["action"] == action]
        test.equal(sorted(told), sorted(f"/1.0/instances/{name}" for name in names), action)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: test.daemon.lxc("delete", "--force", name, check=True), names))
    listener.close()
    told = [event["source"] for event in listener.events if event["action"] == "instance-deleted"]
    test.equal(sorted(told), sorted(f"/1.0/instances/{name}" for name in names), "instance-deleted")
