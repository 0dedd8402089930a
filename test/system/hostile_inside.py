"""Root of a container tries to get out of it: test/hostile/inside.cpp says how. Here without AppArmor where the kernel has
none; the virtual machine runs the same with it."""

import ctypes
import os
import socket
import subprocess
import threading
from pathlib import Path

from harness import daemon as daemons
from system.scenario import scenario

PROGRAM = daemons.BUILD / "test/hostile/hostile-inside"
USER_KEYRING = -4
ADD_KEY = {"x86_64": 248, "aarch64": 217}


def add_key():
    """Of root's own keyring; a kernel without keys has none to protect."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = ADD_KEY.get(os.uname().machine)
    return libc.syscall(number, b"user", b"hostile-inside", b"secret", 6, USER_KEYRING) if number else -1


def disk_of(path):
    device = os.stat(path).st_dev
    return f"{os.major(device)}:{os.minor(device)}"


def tried(test, name, *words, visits=False):
    """{try: line} of what root of the container is told."""
    marker = test.folder / "only-the-host-has-this"
    marker.write_text("here\n")
    test.daemon.lxc("file", "push", str(PROGRAM), f"{name}/root/inside", "--mode=0755", check=True)
    with socket.socket(socket.AF_UNIX) as listener, subprocess.Popen(["sleep", "600"]) as outside:
        listener.bind(f"\0{name}")
        listener.listen()
        given = [f"disk={disk_of('/')}", f"marker={marker}", f"pid={outside.pid}", f"socket={name}", f"key={add_key()}", *words]
        visitor = threading.Thread(target=lambda: [test.exec(name, "true", check=False) for _ in range(20)])
        if visits:
            given.append("visits=2")
            visitor.start()
        try:
            text = test.exec(name, "/root/inside", *given)
        finally:
            outside.kill()
            if visits:
                visitor.join()
    lines = [line.split(" ", 2) for line in text.splitlines()]
    return {line[1].rstrip(":"): " ".join(line) for line in lines}


def check(test, name, *words, at_least, visits=False):
    said = tried(test, name, *words, visits=visits)
    test.true(len(said) >= at_least, f"only {sorted(said)}")
    test.equal([line for line in said.values() if not line.startswith("refused ")], [], "ways out")


@scenario
def root_of_an_unprivileged_container_finds_no_way_out(test):
    test.start()
    check(test, test.launch("inside"), at_least=34, visits=True)


@scenario
def nesting_gives_it_none_either(test):
    test.start()
    check(test, test.launch("inside-nesting", "-c", "security.nesting=true"), at_least=34)


@scenario
def a_privileged_one_is_refused_what_lxd_refuses_it(test):
    test.start()
    apparmor = ["apparmor"] if Path("/sys/kernel/security/apparmor").is_dir() else []
    check(test, test.launch("inside-privileged", "-c", "security.privileged=true"), "privileged", *apparmor, at_least=15)


@scenario
def links_that_it_lays_lead_the_daemon_nowhere(test):
    """Files, folders and mounts that the daemon makes at paths inside: their parents are links to the host's folders, and
    change while it works."""
    test.start()
    name = test.launch("inside-links")
    target = test.folder / "target"
    target.mkdir()
    secret = test.folder / "secret"
    secret.write_text("the host's\n")
    secret.chmod(0o600)
    up = "../" * 30
    test.exec(
        name,
        *("sh", "-c"),
        f"ln -s {up}{target} /tmp/out; ln -s {up}{secret} /tmp/secret; ln -s /proc/1/root{target} /tmp/proc-out; mkdir /tmp/real;"
        " (while [ ! -e /tmp/stop ]; do ln -sfn /tmp/real /tmp/swap; ln -sfn"
        f" {up}{target} /tmp/swap; done) >/dev/null 2>&1 &",
    )
    source = test.folder / "pushed"
    source.write_text("pushed\n")
    (test.folder / "s").mkdir()
    for path in ("/tmp/out/a", "/tmp/proc-out/a", *["/tmp/swap/a"] * 8):
        test.daemon.lxc("file", "push", str(source), f"{name}{path}")
        test.daemon.lxc("file", "push", "-p", str(source), f"{name}{path}/below/it")
    got = test.daemon.lxc("file", "pull", f"{name}/tmp/secret", "-").stdout
    test.true(b"host's" not in got, "a file of the host was read")
    for number, path in enumerate(("/tmp/out", "/tmp/out/deep/er", "/tmp/proc-out/x", *["/tmp/swap/mount"] * 5)):
        test.daemon.lxc("config", "device", "add", name, f"d{number}", "disk", f"source={test.folder}/s", f"path={path}")
        test.daemon.lxc("config", "device", "remove", name, f"d{number}")
    test.exec(name, "touch", "/tmp/stop")
    test.equal(sorted(str(path) for path in target.rglob("*")), [], "made on the host")
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    test.true(str(target) not in mounts, "mounted on the host")
    test.equal(test.exec(name, "echo", "alive"), "alive\n")
