"""exec: exit codes, signals, terminals, and a gigabyte through it with bounded memory."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import leaks
from system.bounds import Bounds
from system.scenario import scenario


class Session:
    """One exec over raw websockets."""

    def __init__(self, test, name, *command, **more):
        body = {"command": list(command), "wait-for-websocket": True, "interactive": False, "environment": {}, **more}
        answer = test.api.raw("POST", f"/1.0/instances/{name}/exec", body)
        self.test = test
        self.operation = answer.json["operation"]
        self.sockets = {
            fd: test.api.websocket(f"{self.operation}/websocket?secret={secret}")
            for fd, secret in answer.metadata["metadata"]["fds"].items()
        }

    def control(self, command, **more):
        self.sockets["control"].send("text", json.dumps({"command": command, **more}).encode())

    def type(self, text):
        self.sockets["0"].send("binary", text.encode())

    def read_until(self, wanted, fd="0"):
        """What an interactive session showed, up to `wanted`."""
        shown = b""
        while wanted.encode() not in shown:
            kind, data = self.sockets[fd].receive()
            if kind != "binary":
                raise AssertionError(f"{kind} while waiting for {wanted!r}, shown was {shown!r}")
            shown += data
        return shown.decode()

    def read_to_the_end(self, fd="0"):
        while self.sockets[fd].receive()[0] == "binary":
            pass
        self.sockets[fd].close()

    def result(self):
        done = self.test.api.wait(self.operation)
        return done["metadata"]["return"]

    def drop(self):
        for websocket in self.sockets.values():
            websocket.drop()


@scenario
def exit_codes_and_signals_arrive(test):
    test.start()
    name = test.launch("codes")
    for command, wanted in (("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143)):
        test.equal(test.daemon.lxc("exec", name, "--", "sh", "-c", command).returncode, wanted, command)
    test.equal(test.daemon.lxc("exec", name, "--", "no-such-program").returncode, 127)
    test.equal(test.daemon.lxc("exec", name, "--", "/etc/passwd").returncode, 126)
    for number, trapped in ((15, "TERM"), (10, "USR1"), (2, "INT")):
        session = Session(test, name, "sh", "-c", f"trap 'echo got {trapped}; exit 7' {trapped}; echo ready; while :; do sleep 0.05; done")
        session.read_until("ready", "1")
        session.control("signal", signal=number)
        session.read_until(f"got {trapped}", "1")
        test.equal(session.result(), 7, trapped)
        session.drop()


def _unified_cgroup(pid):
    """The folder of a process's cgroup v2, where the host has that."""
    path = next((line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines() if line.startswith("0::")), None)
    tree = next((tree for tree in (leaks.CGROUPS, leaks.CGROUPS / "unified") if (tree / "cgroup.controllers").exists()), None)
    return None if path is None or tree is None else tree / path.lstrip("/")


@scenario
def the_cgroup_of_commands_is_there_from_the_start(test):
    """liblxc would make it with the first command and move that there, which takes the kernel some 10 ms."""
    test.start()
    for kind, option in (("usual", "security.privileged=false"), ("privileged", "security.privileged=true")):
        name = test.launch(kind, "-c", option)
        init = test.state(name)["pid"]
        cgroup = _unified_cgroup(init)
        if cgroup is None:
            continue
        place = (cgroup / ".lxc").stat()
        root = os.stat(f"/proc/{init}")
        test.equal((place.st_uid, place.st_gid), (root.st_uid, root.st_gid), kind)
        test.true("0::/.lxc" in test.exec(name, "cat", "/proc/self/cgroup"), kind)


@scenario
def a_terminal_resizes(test):
    test.start()
    name = test.launch("tty")
    session = Session(test, name, "sh", interactive=True, width=91, height=31)
    session.type("stty size\n")
    session.read_until("31 91")
    for height, width in ((40, 120), (10, 20)):
        session.control("window-resize", args={"width": str(width), "height": str(height)})
        session.type("\nstty size; echo do''ne\n")
        shown = session.read_until("done")
        test.until(lambda: f"{height} {width}" in shown or _ask_size(session) == f"{height} {width}", "the new size")
    session.type("tty; exit 5\n")
    session.read_to_the_end()
    test.equal(session.result(), 5)
    session.drop()


def _ask_size(session):
    session.type("stty size; echo do''ne\n")
    lines = session.read_until("done").splitlines()
    return next((line for line in lines if line.replace(" ", "").isdigit()), "")


@scenario
def the_client_gives_an_interactive_shell(test):
    test.start()
    name = test.launch("shell")
    command = f"{test.daemon.client} exec {name} -- sh"
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        env=test.daemon.environment | {"TERM": "xterm", "SHELL": "/bin/sh"},
        input=b"tty && echo in-a-terminal; exit 9\n",
        capture_output=True,
        timeout=30,
        check=False,
    )
    test.true(b"in-a-terminal" in done.stdout.replace(b"echo in-a-terminal", b""), f"shown: {done.stdout!r}")
    test.equal(done.returncode, 9)


@scenario
def losing_the_client_ends_the_command(test):
    test.start()
    name = test.launch("lost")
    session = Session(test, name, "sh", "-c", "echo $$; exec sleep 1000")
    session.read_until("\n", "1")
    session.drop()
    test.until(lambda: "sleep 1000" not in test.exec(name, "ps"), "the command ends", timeout=2)


@scenario
def cancelling_ends_it_within_a_second_and_leaves_nothing(test):
    test.start()
    name = test.launch("cancel")
    session = Session(test, name, "sh", "-c", "echo ready; exec sleep 1000")
    session.read_until("ready", "1")
    with test.within(1, "the cancel"):
        session.drop()
        test.until(lambda: test.api.raw("GET", session.operation).status == 404 or test.api.get(session.operation)["status_code"] >= 200, "ended")
    test.until(lambda: "sleep 1000" not in test.exec(name, "ps"), "the command is gone", timeout=1)


@scenario
def recorded_output_can_be_read(test):
    test.start()
    name = test.launch("recorded")
    body = {"command": ["sh", "-c", "echo out; echo err >&2; exit 3"], "record-output": True}
    done = test.api.ask("POST", f"/1.0/instances/{name}/exec", body)["metadata"]
    test.equal(done["return"], 3)
    test.equal(test.api.raw("GET", done["output"]["1"]).body, b"out\n")
    test.equal(test.api.raw("GET", done["output"]["2"]).body, b"err\n")


@scenario
def many_at_once_with_input_all_come_back(test):
    test.start()
    name = test.launch("many")

    def one(number):
        done = test.daemon.lxc("exec", name, "--", "cat", stdin=f"input {number}\n".encode(), timeout=30)
        return done.returncode, done.stdout.decode()

    with ThreadPoolExecutor(8) as pool:
        for number, result in enumerate(pool.map(one, range(48))):
            test.equal(result, (0, f"input {number}\n"))


def _pattern(total):
    """Pieces of a text that repeats at no power of two."""
    block = hashlib.sha256(b"seed").digest() * 32749
    while total > 0:
        piece = block[:total]
        total -= len(piece)
        yield piece


@scenario
def a_gigabyte_comes_back_byte_for_byte(test):
    test.start()
    name = test.launch("gigabyte")
    size = 1 << 30
    with Bounds(test) as bounds:
        process = subprocess.Popen(
            [str(test.daemon.client), "exec", name, "--", "cat"],
            env=test.daemon.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        sent, got = hashlib.sha256(), hashlib.sha256()

        def feed():
            for piece in _pattern(size):
                sent.update(piece)
                process.stdin.write(piece)
            process.stdin.close()

        thread = threading.Thread(target=feed)
        thread.start()
        received = 0
        while piece := process.stdout.read(1 << 20):
            got.update(piece)
            received += len(piece)
        thread.join()
        test.equal(process.wait(), 0)
    test.equal(received, size, "bytes that came back")
    test.equal(got.digest(), sent.digest(), "their hash")
    bounds.check()


@scenario
def a_reader_that_stops_does_not_fill_memory(test):
    test.start()
    name = test.launch("slow")
    with Bounds(test) as bounds:
        session = Session(test, name, "sh", "-c", "dd if=/dev/zero bs=1M count=2048; echo done >&2")
        session.read_until("\0", "1")
        time.sleep(1)  # nothing is to happen: what is written meanwhile would pile up somewhere
        bounds.sample()
        session.drop()
    bounds.check()


def cgroups(pid):
    """{hierarchy: path}"""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines}


@scenario
def commands_are_in_the_container_s_cgroups(test):
    test.start()
    name = test.launch("cg")
    init = cgroups(test.state(name)["pid"])
    for turn in ("as liblxc puts it there", "as the runner does, once liblxc has made the place"):
        session = Session(test, name, "sh", "-c", "echo $$ ready; read end")
        inside = session.read_until("ready", "1").split()[0]
        root = test.state(name)["pid"]
        mine = [pid for pid in processes_of(root) if namespaced_pid(pid, root) == inside]
        test.equal(len(mine), 1, turn)
        for hierarchy, path in cgroups(mine[0]).items():
            test.true(path in (init[hierarchy], init[hierarchy] + "/.lxc"), f"{turn}: {hierarchy}: {path}")
        session.type("\n")
        test.equal(session.result(), 0, turn)
        session.drop()


def processes_of(root):
    """Pids of those in the container whose init has the pid `root`."""
    pids = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if namespaced_pid(pid, root)]


def namespaced_pid(pid, root):
    """As the container whose init has the pid `root` numbers it; empty where the process is not in there."""
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{pid}/ns/pid") != os.readlink(f"/proc/{root}/ns/pid"):
            return ""
        status = Path(f"/proc/{pid}/status").read_text()
        return re.search(r"^NSpid:.*\t(\d+)$", status, re.MULTILINE)[1]
    return ""


@scenario
def the_loss_of_the_kept_runner_costs_nothing(test):
    test.start()
    name = test.launch("kept")
    session = Session(test, name, "sh", "-c", "echo ready; read end; exit 5")
    session.read_until("ready", "1")
    before = test.daemon.kept_runners()
    test.equal(len(before), 1, "runners that start others")
    os.kill(before[0], signal.SIGKILL)
    test.equal(test.exec(name, "echo", "again"), "again\n")
    test.true(test.daemon.kept_runners() not in ([], before), "another one was begun")
    session.type("\n")
    test.equal(session.result(), 5, "the command that ran")
    session.drop()


@scenario
def a_command_that_nobody_connects_to_never_begins(test):
    test.start()
    name = test.launch("gate")
    root = test.state(name)["pid"]
    before = len(processes_of(root))
    body = {"command": ["touch", "/root/begun"], "wait-for-websocket": True, "interactive": False, "environment": {}}
    operation = test.api.raw("POST", f"/1.0/instances/{name}/exec", body).json["operation"]
    test.until(lambda: len(processes_of(root)) > before, "the command waits inside")
    done = test.api.raw("GET", f"{operation}/wait")
    test.equal(done.metadata["status"], "Failure")
    test.until(lambda: len(processes_of(root)) == before, "it has gone")
    test.equal(test.exec(name, "ls", "/root"), "")
