"""exec: exit codes, signals, terminals, and a gigabyte through it with bounded memory."""

import hashlib
import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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
