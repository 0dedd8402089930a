"""What scenarios are made of: a registry, and the `Test` that each one gets, with a daemon of its own.

    @scenario
    def states_survive_a_kill(test): ...

A scenario fails by an exception (or `test.equal` and its kin), skips by Skip(reason), and leaves nothing: after it the
runner deletes what is there through the API, ends the daemon and looks for cgroups, mounts, interfaces and processes.
"""

import contextlib
import secrets
import subprocess
import time

from harness import daemon as daemons
from harness import image, leaks, private_host

SCENARIOS = {}
_run_token = secrets.token_hex(2)
SLOWNESS = daemons.SLOWNESS


class Skip(Exception):
    """The host cannot show this; the reason is printed."""


def scenario(function=None, *, long=False):
    def register(chosen):
        chosen.long = long
        SCENARIOS[f"{chosen.__module__.rsplit('.', 1)[-1]}.{chosen.__name__}"] = chosen
        return chosen

    return register(function) if function else register


class Test:
    binary = daemons.OUR_DAEMON
    _count = 0

    def __init__(self):
        Test._count += 1
        self.folder = private_host.scratch() / f"s{Test._count}"
        self.folder.mkdir()
        self.daemon = daemons.Daemon("daemon", self.binary, self.folder / "d", _client())
        self.others = []

    @property
    def api(self):
        return self.daemon.api

    def start(self, bridge=False, wrapper=()):
        """The daemon with a pool, a profile and the busybox image."""
        self.daemon.start(wrapper=wrapper)
        self.daemon.set_up(image.busybox(), bridge=bridge)
        return self.daemon

    def other_daemon(self, binary, name):
        """A second one, ended with the test."""
        other = daemons.Daemon(name, binary, self.folder / name, _client())
        self.others.append(other)
        return other

    @staticmethod
    def name(short):
        """Container names are part of machine-wide cgroup names: one run must not meet another."""
        return f"{short}-{_run_token}"

    def launch(self, short, *options):
        name = self.name(short)
        self.daemon.lxc("launch", "busybox", name, *options, check=True)
        return name

    def exec(self, name, *command, stdin=None, check=True):
        """Standard output as text."""
        return self.daemon.lxc("exec", name, "--", *command, stdin=stdin, check=check).stdout.decode()

    def daemon_command(self, *arguments):
        """Of `lxd`, not of the client; standard output as text."""
        command = [str(self.binary), *arguments]
        return subprocess.run(command, env=self.daemon.environment, check=True, capture_output=True).stdout.decode()

    def state(self, name):
        return self.api.get(f"/1.0/instances/{name}/state")

    def address(self, name):
        """The first global IPv4 address of eth0 as the daemon tells it."""
        network = self.state(name)["network"] or {}
        found = (network.get("eth0") or {}).get("addresses") or []
        return next((entry["address"] for entry in found if entry["family"] == "inet"), "")

    def close(self):
        for other in self.others:
            other.terminate()
        if not self.daemon.process or self.daemon.process.poll() is not None:
            self.daemon.start()
        self.daemon.delete_instances()
        self.daemon.terminate()

    @staticmethod
    def equal(got, wanted, what=""):
        if got != wanted:
            raise AssertionError(f"{what + ': ' if what else ''}got {got!r}, wanted {wanted!r}")

    @staticmethod
    def true(condition, what):
        if not condition:
            raise AssertionError(what)

    @staticmethod
    def until(condition, what, timeout=20):
        """Polls, for what nothing announces; gives the first true value."""
        timeout *= SLOWNESS
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.02)
        raise AssertionError(f"not within {timeout} s: {what}")

    @contextlib.contextmanager
    def within(self, seconds, what):
        seconds *= SLOWNESS
        start = time.monotonic()
        yield
        took = time.monotonic() - start
        self.true(took <= seconds, f"{what} took {took:.2f} s, not {seconds} s")


def _client():
    return daemons.STOCK_CLIENT if daemons.STOCK_CLIENT.exists() else daemons.OUR_CLIENT


class LeakCheck:
    """Compares what is there when it was made with what is there later."""

    def __init__(self):
        self.before = self._now()

    @staticmethod
    def _now():
        return {
            "cgroups": {str(path) for path in leaks.container_cgroups(_run_token)},
            "mounts": leaks.mounts(),
            "interfaces": leaks.interfaces(),
            "processes": set(leaks.processes().items()),
        }

    def left(self, timeout=5):
        """What was left behind, as text, after some time for the kernel to take things down."""
        deadline = time.monotonic() + timeout * SLOWNESS
        while True:
            now = self._now()
            found = {kind: now[kind] - self.before[kind] for kind in now}
            found = {kind: sorted(map(str, things)) for kind, things in found.items() if things}
            if not found or time.monotonic() > deadline:
                return "; ".join(f"{kind}: {', '.join(things[:6])}" for kind, things in found.items())
            time.sleep(0.05)
