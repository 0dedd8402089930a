"""What the guest's scenarios use: a registry, and commands on a host where our daemon is installed as a service."""

import json
import subprocess
import time
from pathlib import Path

SCENARIOS = {}
CGROUPS = Path("/sys/fs/cgroup")
IMAGE = "/job/busybox.tar.gz"
JOB_PROGRAMS = Path("/job/checkout/build")


class Skip(Exception):
    """The machine cannot show this; the reason is printed."""


def scenario(function):
    SCENARIOS[f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"] = function
    return function


def run(*command, check=True, user=None):
    """The finished command, with text; a failure raises what it said."""
    done = subprocess.run(
        [*(["runuser", "-u", user, "--"] if user else []), *map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}: {done.stderr}{done.stdout}")
    return done


def lxc(*arguments, check=True, user=None):
    return run("/usr/local/bin/lxc", *arguments, check=check, user=user)


def query(path):
    """None for an empty object, of which the client prints nothing."""
    shown = lxc("query", path).stdout
    return json.loads(shown) if shown else None


def state(name):
    return query(f"/1.0/instances/{name}/state")


def unit(name, field):
    return run("systemctl", "show", "--property", field, "--value", name).stdout.strip()


def serve():
    """The socket listens and the daemon has a pool, a profile and an image; the same when it is there already."""
    run("systemctl", "start", "lxd.socket")
    if not query("/1.0/storage-pools"):
        run("/usr/local/bin/lxd", "init", "--auto")
    if not query("/1.0/images"):
        lxc("image", "import", IMAGE, "--alias", "busybox")


def launch(name, *options):
    lxc("launch", "busybox", name, *options)
    return name


def inside(name, *command):
    return lxc("exec", name, "--", *command).stdout


def remove(*names):
    for name in names:
        lxc("delete", "--force", name)


def keeps(program, chosen):
    """Runs those of a driver's own tests, which takes minutes: what is done is printed."""
    command = [JOB_PROGRAMS / "test/system" / program, f"--gtest_filter={chosen}"]
    wrong = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            if line.startswith(("[       OK", "[  FAILED", "[==")):
                print(line, end="", flush=True)
            if "exception" in line or ("FAILED" in line and "ms)" in line):
                wrong.append(line.strip())
    equal((process.returncode, wrong[:20]), (0, []), "its tests")


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what + ': ' if what else ''}got {got!r}, wanted {wanted!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def until(condition, what, timeout=60):
    """Polls, for what nothing announces; gives the first true value."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout} s: {what}")
