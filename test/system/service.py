"""The daemon as a service: flags, permissions, inherited sockets, readiness."""

import os
import socket
import stat
import subprocess
import sys

from harness import daemon as daemons
from system.scenario import scenario


@scenario
def folders_have_lxds_modes(test):
    test.start()
    test.launch("modes")
    wanted = {"": 0o711, "containers": 0o711, "devices": 0o711, "shmounts": 0o711, "devlxd": 0o755, "images": 0o700}
    wanted |= {"security": 0o700, "snapshots": 0o700, "storage-pools": 0o711, "unix.socket": 0o660, "logs": 0o700}
    got = {name: stat.S_IMODE(os.stat(test.daemon.folder / name).st_mode) for name in wanted}
    test.equal({name: oct(mode) for name, mode in got.items()}, {name: oct(mode) for name, mode in wanted.items()})


@scenario
def a_stale_socket_is_replaced_and_a_second_daemon_refused(test):
    test.start()
    second = subprocess.run([str(test.daemon.binary), "--group", "root"], env=test.daemon.environment, capture_output=True, timeout=30, check=False)
    test.true(second.returncode != 0 and second.stderr, "a second daemon in the same LXD_DIR ran")
    test.equal(test.api.raw("GET", "/1.0").status, 200)
    test.daemon.kill()
    test.true(test.daemon.socket.exists(), "the stale socket is there")
    test.daemon.start()
    test.equal(test.api.raw("GET", "/1.0").status, 200)


# Runs the daemon as systemd does: a listening socket as descriptor 3, and a socket to be told when it is ready.
ACTIVATE = """
import os, socket, sys
path, notify, *command = sys.argv[1:]
listening = socket.socket(socket.AF_UNIX)
listening.bind(path)
listening.listen(128)
os.chmod(path, 0o600)
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "unix", "NOTIFY_SOCKET": notify}
os.execv(command[0], command)
"""


@scenario
def an_inherited_socket_is_used_and_readiness_told(test):
    notify = test.folder / "notify"
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(notify))
    told.settimeout(30)
    test.start(wrapper=[sys.executable, "-c", ACTIVATE, str(test.daemon.socket), str(notify)])
    messages = told.recv(4096)
    while b"READY=1" not in messages:
        messages += told.recv(4096)
    test.equal(stat.S_IMODE(os.stat(test.daemon.socket).st_mode), 0o600, "the inherited socket's mode is left alone")
    name = test.launch("inherited")
    test.daemon.terminate()
    test.true(test.daemon.socket.exists(), "the inherited socket was removed")
    test.daemon.socket.unlink()
    holders = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                line = open(f"/proc/{entry}/cmdline", "rb").read()
                if line.startswith(b"[lxc monitor]"):
                    holders += [os.readlink(f"/proc/{entry}/fd/{fd}") for fd in os.listdir(f"/proc/{entry}/fd")]
            except OSError:
                continue
    inodes = {line.split()[6] for line in open("/proc/net/unix", encoding="utf-8") if line.rstrip().endswith(str(test.daemon.socket))}
    test.equal([link for link in holders if any(inode in link for inode in inodes)], [], "the monitor holds the daemon's socket")
    test.daemon.start()
    test.equal(test.state(name)["status"], "Running")


@scenario
def init_auto_makes_a_pool_and_a_profile_that_launch(test):
    test.daemon.start()
    run = {"env": test.daemon.environment, "capture_output": True, "check": True}
    subprocess.run([str(test.daemon.binary), "init", "--auto"], **run)
    test.equal(test.api.get("/1.0/storage-pools"), ["/1.0/storage-pools/default"])
    profiles = test.api.get("/1.0/profiles")
    test.true({"/1.0/profiles/default", "/1.0/profiles/docker"} <= set(profiles), f"profiles {profiles}")
    root = test.api.get("/1.0/profiles/default")["devices"]["root"]
    test.equal((root["type"], root["path"], root["pool"]), ("disk", "/", "default"))
    version = subprocess.run([str(test.daemon.binary), "version"], **run).stdout.decode().strip()
    test.equal(version, test.api.get("/1.0")["environment"]["server_version"])


@scenario
def a_caller_outside_the_group_is_refused(test):
    test.start()
    code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(test.daemon.socket)!r})"
    for uid, gid, allowed in ((65534, 65534, False), (65534, 0, True)):
        done = subprocess.run(
            [sys.executable, "-c", code], user=uid, group=gid, extra_groups=[], capture_output=True, check=False
        )
        test.equal(done.returncode == 0, allowed, f"uid {uid} gid {gid}: {done.stderr[-80:]!r}")


@scenario
def the_client_works_like_the_stock_one_in_a_day(test):
    """Our own client through the commands of a first day; interop compares each output."""
    test.start()
    name = test.name("day")
    for command in (
        f"launch busybox {name}",
        "list",
        f"info {name}",
        f"exec {name} -- true",
        f"config set {name} user.a=1",
        f"config get {name} user.a",
        f"file push /etc/hostname {name}/root/",
        f"stop --force {name}",
        f"delete {name}",
    ):
        done = test.daemon.lxc(*command.split(), client=daemons.OUR_CLIENT)
        test.equal(done.returncode, 0, f"lxc {command}: {done.stderr!r}")
