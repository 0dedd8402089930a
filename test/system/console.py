"""The console: both ways, resized, kept, taken over by nobody, and there after the daemon's restart."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import termios
import time

from harness.rest import Refused
from system.scenario import scenario


class Console:
    """One client at a console, over raw websockets."""

    def __init__(self, test, name, width=80, height=24, control=True):
        body = {"width": width, "height": height, "type": "console"}
        answer = test.api.raw("POST", f"/1.0/instances/{name}/console", body).json
        self.test = test
        self.operation = answer["operation"]
        self.description = answer["metadata"]["description"]
        self.sockets = {
            fd: test.api.websocket(f"{self.operation}/websocket?secret={secret}")
            for fd, secret in sorted(answer["metadata"]["metadata"]["fds"].items(), reverse=True)  # the data last: it begins
            if control or fd == "0"
        }

    def type(self, text):
        self.sockets["0"].send("binary", text.encode())

    def read_until(self, wanted):
        shown = b""
        while wanted.encode() not in shown:
            kind, data = self.sockets["0"].receive()
            if kind != "binary":
                raise AssertionError(f"{kind} while waiting for {wanted!r}, shown was {shown!r}")
            shown += data
        return shown.decode()

    def resize(self, width, height):
        command = {"command": "window-resize", "args": {"width": str(width), "height": str(height)}}
        self.sockets["control"].send("text", json.dumps(command).encode())

    def ends(self):
        """Reads up to the close frame, and waits for the operation."""
        while (kind := self.sockets["0"].receive()[0]) in ("binary", "text"):
            pass
        self.test.equal(kind, "close")
        self.sockets["0"].close()
        return self.test.api.wait(self.operation)

    def leave(self):
        self.sockets["control"].close()
        return self.ends()

    def drop(self):
        for websocket in self.sockets.values():
            websocket.drop()


def attach(test, name, **more):
    """A client at a console where something answers: `cat` says everything twice."""
    console = Console(test, name, **more)
    console.type("ready?\n")
    console.read_until("ready?")
    return console


def size_of_console(test, name):
    """Rows and columns as the container sees them."""
    pid = test.state(name)["pid"]
    tty = os.open(f"/proc/{pid}/root/dev/console", os.O_RDONLY | os.O_NOCTTY)
    try:
        return struct.unpack("HHHH", fcntl.ioctl(tty, termios.TIOCGWINSZ, bytes(8)))[:2]
    finally:
        os.close(tty)


@scenario
def bytes_go_both_ways_and_the_window_is_resized(test):
    test.start()
    name = test.launch("con")
    console = attach(test, name, width=91, height=31)
    test.equal(console.description, "Showing console")
    test.equal(size_of_console(test, name), (31, 91))
    test.exec(name, "sh", "-c", "echo from inside >/dev/console")
    console.read_until("from inside")
    console.resize(120, 50)
    test.until(lambda: size_of_console(test, name) == (50, 120), "the new size")
    test.equal(console.leave()["status"], "Success")
    attach(test, name).leave()  # it is free again


@scenario
def who_closes_the_data_socket_has_left(test):
    test.start()
    name = test.launch("con")
    console = attach(test, name, control=False)
    console.sockets["0"].close()
    test.equal(test.api.wait(console.operation)["status"], "Success")
    console = attach(test, name)
    console.drop()
    test.equal(test.api.wait(console.operation)["status"], "Success")


@scenario
def the_second_client_is_refused_and_the_first_unharmed(test):
    test.start()
    name = test.launch("con")
    first = attach(test, name)
    second = Console(test, name)
    try:
        second.ends()
        raise AssertionError("two clients share a console")
    except Refused as refused:
        test.true("in use" in refused.text, refused.text)
    first.type("still here\n")
    first.read_until("still here")
    first.leave()


@scenario
def a_stop_ends_the_session(test):
    test.start()
    name = test.launch("con")
    console = attach(test, name)
    with test.within(10, "the stop"):
        test.daemon.lxc("stop", "--force", name, check=True)
    test.equal(console.ends()["status"], "Success")


@scenario
def the_log_is_kept_read_and_cleared(test):
    test.start()
    name = test.launch("con")
    url = f"/1.0/instances/{name}/console"

    def log():
        return test.api.raw("GET", url).body

    test.exec(name, "sh", "-c", "echo first words >/dev/console")
    test.until(lambda: b"first words" in log(), "the words in the ring buffer")
    test.equal(log(), b"", "what was read is gone, as with LXD")
    test.exec(name, "sh", "-c", "echo shown words >/dev/console")
    shown = lambda: test.daemon.lxc("console", name, "--show-log", check=True).stdout  # noqa: E731
    test.until(lambda: b"shown words" in shown(), "the client's print")
    test.exec(name, "sh", "-c", "echo cleared >/dev/console")
    test.api.ask("DELETE", url)
    test.equal(log(), b"")
    test.exec(name, "sh", "-c", "echo last words >/dev/console")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.true(b"last words" in log(), f"{log()}")
    test.api.ask("DELETE", url)
    test.equal(log(), b"")


@scenario
def what_cannot_be_attached_is_refused_at_once(test):
    test.start()
    name = test.launch("con")
    url = f"/1.0/instances/{name}/console"
    for body, wanted in (
        ({"type": "vga"}, "VGA console is only supported by virtual machines"),
        ({"type": "telex"}, 'Unknown console type "telex"'),
    ):
        answer = test.api.raw("POST", url, body)
        test.equal((answer.status, answer.error), (400, wanted))
    test.equal(test.api.raw("POST", "/1.0/instances/nobody/console", {}).status, 404)
    test.daemon.lxc("pause", name, check=True)
    test.equal(test.api.raw("POST", url, {}).error, "Instance is frozen")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.equal(test.api.raw("POST", url, {}).error, "Instance is not running")


@scenario
def the_console_of_an_adopted_container_works(test):
    test.start()
    name = test.launch("con")
    console = attach(test, name)
    test.daemon.kill()
    console.drop()
    test.daemon.start()
    console = attach(test, name)
    test.exec(name, "sh", "-c", "echo after the restart >/dev/console")
    console.read_until("after the restart")
    console.leave()
    test.true(b"after the restart" in test.api.raw("GET", f"/1.0/instances/{name}/console").body, "the log")


@scenario
def a_client_that_reads_nothing_does_not_keep_the_console(test):
    test.start()
    name = test.launch("con")
    console = attach(test, name)
    flood = test.api.raw(
        "POST",
        f"/1.0/instances/{name}/exec",
        {"command": ["sh", "-c", "yes >/dev/console"], "wait-for-websocket": False, "interactive": False},
    ).json["operation"]
    with test.within(30, "the end of the session"):  # by the daemon, once megabytes wait
        test.api.wait(console.operation)
    console.drop()
    test.exec(name, "sh", "-c", "kill $(pidof yes)", check=False)
    test.api.raw("GET", f"{flood}/wait?timeout=5")
    attach(test, name).leave()


@scenario
def the_stock_client_attaches_and_detaches(test):
    test.start()
    name = test.launch("con")
    child, terminal = pty.fork()
    if child == 0:
        os.execve(test.daemon.client, ["lxc", "console", name], test.daemon.environment | {"TERM": "xterm"})
    shown = b""

    def read_until(wanted):
        nonlocal shown
        deadline = time.monotonic() + 20
        while wanted not in shown and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    shown += os.read(terminal, 4096)
                except OSError:
                    break
        test.true(wanted in shown, f"wanted {wanted}, shown was {shown}")

    read_until(b"To detach from the console")
    test.until(
        lambda: any(
            operation["description"] == "Showing console"
            for group in test.api.get("/1.0/operations?recursion=1").values()
            for operation in group
        ),
        "the operation",
    )
    os.write(terminal, b"hello console\n")
    read_until(b"hello console")
    for key in (b"\x01", b"q"):  # the client wants them one by one
        os.write(terminal, key)
        time.sleep(0.3)
    try:
        ended = test.until(lambda: os.waitpid(child, os.WNOHANG)[0] and True, "the client's end")
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
    test.true(ended, "it ended")
