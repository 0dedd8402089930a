"""SFTP into instances, running and stopped, with the clients that people use: OpenSSH's sftp, sshfs under the stock
`lxc file mount`, and its listener."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.daemon import OUR_CLIENT
from harness.rest import unix_socket
from system.scenario import Skip, scenario

# What `sftp -D` runs: carries its standard streams to the socket that is already upgraded.
BRIDGE = """import os, select, sys
sys.path.insert(0, sys.argv[3])
from system.sftp import upgraded
sock = upgraded(sys.argv[1], sys.argv[2])
while True:
    for ready in select.select([0, sock], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else sock.recv(65536)
        if not data: sys.exit(0)
        if ready == 0: sock.sendall(data)
        else:
            while data: data = data[os.write(1, data):]
"""


def upgraded(path, name):
    """A socket that speaks SFTP from here on."""
    sock = unix_socket(path)
    sock.sendall(
        f"GET /1.0/instances/{name}/sftp HTTP/1.1\r\nHost: lxd\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:  # one by one: what follows is not ours
        byte = sock.recv(1)
        if not byte:
            raise RuntimeError(f"refused: {head}")
        head += byte
    if not re.match(rb"HTTP/1.1 101 .*\r\nUpgrade: sftp\r\n", head, re.DOTALL):
        raise RuntimeError(f"refused: {head}")
    sock.settimeout(None)
    return sock


def batch(test, name, *lines, check=True):
    """OpenSSH's sftp through the bridge."""
    bridge = test.folder / f"bridge-{threading.get_ident()}.py"  # never rewritten under a session that starts
    bridge.write_text(BRIDGE)
    tests = Path(__file__).resolve().parents[1]
    program = f"{sys.executable} {bridge} {test.api.path} {name} {tests}"
    done = subprocess.run(
        ["sftp", "-D", program, "-b", "-"],
        input="\n".join(lines).encode() + b"\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"sftp: {done.stderr.decode()}{done.stdout.decode()}")
    return done


def work_with_openssh(test, name):
    source = test.folder / "source"
    source.write_bytes(os.urandom(3 << 20))
    back = test.folder / "back"
    shown = batch(
        test,
        name,
        "pwd",
        "mkdir /root/d",
        f"put {source} /root/d/file",
        "chmod 640 /root/d/file",
        "chown 1000 /root/d/file",
        "symlink file /root/d/link",
        "ln /root/d/file /root/d/hard",
        "rename /root/d/hard /root/d/renamed",
        "ls -la /root/d",
        "df /root",
        f"get /root/d/link {back}",
    ).stdout.decode()
    test.true("Remote working directory: /" in shown, shown)
    test.true(re.search(r"-rw-r----- +\S+ +1000 +0 +3145728 .* file", shown), shown)
    test.true("renamed" in shown and "hard" not in shown.split("ls -la")[1].split("df")[0].replace("ln ", ""), shown)
    test.equal(back.read_bytes(), source.read_bytes())
    back.unlink()
    batch(test, name, "rm /root/d/renamed", "rm /root/d/link", "rm /root/d/file", "rmdir /root/d")
    test.true(batch(test, name, "ls /root/d", check=False).returncode != 0, "all is gone")


@scenario
def openssh_works_in_running_and_stopped_instances(test):
    test.start()
    name = test.launch("sftp")
    work_with_openssh(test, name)
    batch(test, name, "mkdir /root/kept")
    test.equal(test.exec(name, "stat", "-c", "%u:%g", "/root/kept"), "0:0\n")
    test.daemon.lxc("stop", "--force", name, check=True)
    work_with_openssh(test, name)
    batch(test, name, "mkdir /root/made")
    test.daemon.lxc("start", name, check=True)
    test.equal(test.exec(name, "stat", "-c", "%u:%g", "/root/kept", "/root/made"), "0:0\n0:0\n")


@scenario
def no_link_leads_out(test):
    test.start()
    name = test.launch("sftp")
    secret = test.folder / "secret"
    secret.write_text("the host's")
    test.exec(name, "ln", "-s", str(test.folder), "/root/out")
    for _ in range(2):
        test.true(batch(test, name, f"get /root/out/secret {test.folder}/stolen", check=False).returncode != 0, "refused")
        test.true(batch(test, name, f"get ../../../../..{secret} {test.folder}/stolen", check=False).returncode != 0, "refused")
        test.daemon.lxc("stop", "--force", name)
    test.true(not (test.folder / "stolen").exists(), "nothing was stolen")


@scenario
def a_session_ends_with_what_it_looks_at(test):
    test.start()
    name = test.launch("sftp")
    running = upgraded(test.api.path, name)
    running.settimeout(10)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.equal(running.recv(1), b"", "the container has stopped")
    stopped = upgraded(test.api.path, name)
    stopped.settimeout(10)
    test.daemon.lxc("start", name, check=True)
    test.equal(stopped.recv(1), b"", "the container has started")
    for sock in (running, stopped):
        sock.close()


@scenario
def garbage_ends_the_session_alone(test):
    test.start()
    name = test.launch("sftp")
    for bytes_ in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", os.urandom(4096) + b"\xff" * 4096):
        sock = upgraded(test.api.path, name)
        sock.settimeout(10)
        sock.sendall(bytes_)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
        sock.close()
    batch(test, name, "ls /")


@scenario
def what_is_no_upgrade_is_refused(test):
    test.start()
    name = test.launch("sftp")
    answer = test.api.raw("GET", f"/1.0/instances/{name}/sftp")
    test.equal((answer.status, answer.error), (400, "Missing or invalid upgrade header"))
    headers = {"Connection": "Upgrade", "Upgrade": "sftp"}
    test.equal(test.api.raw("GET", "/1.0/instances/nobody/sftp", None, headers).status, 404)


@scenario
def the_stock_client_mounts_by_sshfs(test):
    mount_with(test, test.daemon.client)


@scenario
def our_client_mounts_by_sshfs(test):
    mount_with(test, OUR_CLIENT)


def mount_with(test, client):
    if not Path("/usr/bin/sshfs").exists() or not os.access("/dev/fuse", os.W_OK):
        raise Skip("no sshfs, or no fuse")
    test.start()
    name = test.launch("sftp")
    target = test.folder / "mnt"
    target.mkdir()
    child = subprocess.Popen(
        [str(client), "file", "mount", f"{name}/root", str(target)],
        env=test.daemon.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        test.until(target.is_mount, "the mount")
        (target / "made").write_text("through fuse")
        test.equal(test.exec(name, "cat", "/root/made"), "through fuse")
        test.exec(name, "sh", "-c", "mkdir /root/in; echo x >/root/in/y")
        test.equal((target / "in/y").read_text(), "x\n")
        os.replace(target / "made", target / "in/y")
        test.equal(test.exec(name, "cat", "/root/in/y"), "through fuse")
        os.fsync(fd := os.open(target / "in/y", os.O_RDWR))
        os.close(fd)
        test.true(os.statvfs(target).f_blocks > 0, "its size")
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        subprocess.run(["umount", "--lazy", target], capture_output=True, check=False)


@scenario
def the_stock_client_listens(test):
    test.start()
    name = test.launch("sftp")
    child = subprocess.Popen(
        [str(test.daemon.client), "file", "mount", name, "--listen", "127.0.0.1:0", "--no-auth"],
        env=test.daemon.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        port = None
        while port is None:
            if not select.select([child.stdout], [], [], 20)[0]:
                raise AssertionError("it does not listen")
            line = child.stdout.readline().decode()
            test.true(line, "it has ended")
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                port = found.group(1)
        options = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes")
        test.exec(name, "sh", "-c", "echo by ssh >/root/told")
        back = test.folder / "told"
        done = subprocess.run(
            ["sftp", *options, "-P", port, "-b", "-", "127.0.0.1"],
            input=f"get /root/told {back}\nput {back} /root/again\n".encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        test.equal(done.returncode, 0, done.stderr.decode())
        test.equal(test.exec(name, "cat", "/root/again"), "by ssh\n")
    finally:
        child.kill()
        child.wait()


@scenario
def many_sessions_move_much_at_once(test):
    test.start()
    name = test.launch("sftp")
    source = test.folder / "source"
    source.write_bytes(os.urandom(16 << 20))

    def work(number):
        back = test.folder / f"back{number}"
        batch(test, name, f"put {source} /root/f{number}", f"get /root/f{number} {back}", f"rm /root/f{number}")
        test.equal(back.read_bytes(), source.read_bytes())
        back.unlink()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
