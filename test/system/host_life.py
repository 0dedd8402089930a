"""Instances when the host comes up and goes down: order, delays, attempts, operations that go on."""

import socket
import subprocess
import threading
import time

from harness.rest import unix_socket
from system.kill import init_pid
from system.scenario import scenario


def run(test, *arguments, timeout=120):
    command = [str(test.daemon.binary), *arguments]
    return subprocess.run(command, env=test.daemon.environment, capture_output=True, text=True, timeout=timeout, check=False)


def last_used(test, name):
    return test.api.get(f"/1.0/instances/{name}")["last_used_at"]


def comes_back(test, *names):
    """After a shutdown that ended the daemon."""
    test.daemon.process.wait(10)
    test.daemon.start()
    test.until(lambda: all(test.state(name)["status"] == "Running" for name in names), "what ran comes back")


@scenario
def higher_priorities_are_started_first_and_a_delay_is_kept(test):
    test.start()
    priorities = {"low": 1, "high": 20, "middle": 10, "unset": 0}
    for short, priority in priorities.items():
        options = ["-c", "boot.autostart=true"]
        if priority:
            options += ["-c", f"boot.autostart.priority={priority}"]
        if short == "middle":
            options += ["-c", "boot.autostart.delay=2"]
        test.daemon.lxc("init", "busybox", test.name(short), *options, check=True)
    test.daemon.terminate()
    test.daemon.start()
    names = {short: test.name(short) for short in priorities}
    test.until(lambda: all(test.state(name)["status"] == "Running" for name in names.values()), "all run")
    begun = {short: last_used(test, name) for short, name in names.items()}
    test.equal(sorted(begun, key=begun.get), ["high", "middle", "low", "unset"])
    seconds = {short: int(stamp[17:19]) + float("0" + stamp[19:29].rstrip("Z")) for short, stamp in begun.items()}
    test.true((seconds["low"] - seconds["middle"]) % 60 >= 2, f"low came {begun['low']}, middle {begun['middle']}")


@scenario
def a_start_at_boot_that_fails_is_tried_again_and_holds_nobody(test):
    test.start()
    failing, other = test.name("a-fails"), test.name("b-other")
    source = test.folder / "missing"
    source.mkdir()
    test.daemon.lxc("init", "busybox", failing, "-c", "boot.autostart=true", "-c", "boot.autostart.priority=9", check=True)
    test.daemon.lxc("config", "device", "add", failing, "share", "disk", f"source={source}", "path=/share", check=True)
    test.daemon.lxc("init", "busybox", other, "-c", "boot.autostart=true", check=True)
    test.daemon.terminate()
    source.rmdir()
    test.daemon.start()
    with test.within(4, "the other start"):
        test.until(lambda: test.state(other)["status"] == "Running", "the other one runs")
    test.equal(test.state(failing)["status"], "Stopped")
    source.mkdir()
    test.until(lambda: test.state(failing)["status"] == "Running", "the second attempt starts it", timeout=12)


@scenario
def higher_stop_priorities_are_stopped_before_others_begin_to(test):
    test.start()
    first = test.launch("first", "-c", "boot.stop.priority=5")
    second = test.launch("second")
    stubborn = test.launch("stubborn", "-c", "boot.stop.priority=1", "-c", "boot.host_shutdown_timeout=1", "-c", "raw.lxc=lxc.signal.halt = SIGCONT")
    events = test.api.websocket("/1.0/events?type=logging")
    with test.within(25, "the shutdown"):
        done = run(test, "shutdown", "--timeout=60")
    test.equal(done.returncode, 0, done.stderr)
    batches, told = [], b""
    while (message := events.receive())[0] == "text":
        told += message[1]
        if b'"Stopping instances"' in message[1]:
            batches.append(message[1].split(b'"stopPriority":"')[1].split(b'"')[0].decode())
    events.drop()
    test.equal(batches, ["5", "1", "0"])
    test.true(b"forcefully stopping" in told, "the stubborn one is killed after its second")
    for name in (first, second, stubborn):
        test.true(not init_pid(name), f"{name} runs after the shutdown")
    comes_back(test, first, second, stubborn)


@scenario
def a_shutdown_waits_for_operations_unless_forced(test):
    test.start()
    name = test.launch("busy")
    operation = test.api.raw("POST", f"/1.0/instances/{name}/exec", {"command": ["sleep", "600"], "wait-for-websocket": False}).json
    test.equal(operation["type"], "async")
    waiting = subprocess.Popen([str(test.daemon.binary), "shutdown", "--timeout=60"], env=test.daemon.environment, stderr=subprocess.PIPE)
    time.sleep(1)  # nothing happens
    test.true(waiting.poll() is None and init_pid(name), "it does not wait for the command")
    again = run(test, "shutdown", "--timeout=5")
    test.true(again.returncode != 0 and "already in progress" in again.stderr, again.stderr)
    with test.within(20, "a forced shutdown"):
        forced = run(test, "shutdown", "--force", "--timeout=60")
    test.equal(forced.returncode, 0, forced.stderr)
    test.equal(waiting.wait(10), 0)
    test.true(not init_pid(name), "it runs after the shutdown")
    comes_back(test, name)


@scenario
def a_shutdown_goes_on_when_its_operations_end(test):
    test.start()
    name = test.launch("brief")
    test.api.raw("POST", f"/1.0/instances/{name}/exec", {"command": ["sleep", "3"], "wait-for-websocket": False})
    start = time.monotonic()
    done = run(test, "shutdown", "--timeout=60")
    test.equal(done.returncode, 0, done.stderr)
    test.true(2 < time.monotonic() - start < 20, "it waits for the command, and not longer")
    comes_back(test, name)


@scenario
def a_shutdown_timeout_of_zero_waits_for_nothing(test):
    test.start()
    test.api.ask("PATCH", "/1.0", {"config": {"core.shutdown_timeout": "0"}})
    name = test.launch("nowait")
    test.api.raw("POST", f"/1.0/instances/{name}/exec", {"command": ["sleep", "600"], "wait-for-websocket": False})
    with test.within(20, "the shutdown"):
        done = run(test, "shutdown", "--timeout=60")
    test.equal(done.returncode, 0, done.stderr)
    comes_back(test, name)


def is_woken(test):
    """Whether activateifneeded asks the socket, on which nobody but us listens."""
    listening = socket.socket(socket.AF_UNIX)
    test.daemon.socket.unlink(missing_ok=True)
    listening.bind(str(test.daemon.socket))
    listening.listen(1)
    listening.settimeout(10)
    asked = []

    def answer():
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        request = connection.recv(4096)
        if not request:
            return
        asked.append(request)
        body = b'{"type":"sync","status":"Success","status_code":200,"metadata":{}}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    done = run(test, "activateifneeded", timeout=20)
    if not asked:
        unix_socket(test.daemon.socket).close()  # ends the thread
    thread.join()
    listening.close()
    test.daemon.socket.unlink(missing_ok=True)
    test.equal(done.returncode, 0, done.stderr)
    return bool(asked)


@scenario
def the_daemon_is_woken_only_for_what_is_to_run(test):
    test.equal(is_woken(test), False, "without a database")
    test.start()
    name = test.name("wake")
    test.daemon.lxc("init", "busybox", name, check=True)

    def after(*command):
        test.daemon.lxc(*command, check=True)
        test.daemon.terminate()
        woken = is_woken(test)
        test.daemon.start()
        return woken

    test.equal(after("list"), False, "nothing is to run")
    test.equal(after("config", "set", name, "boot.autostart=true"), True, "one is to be started")
    test.daemon.lxc("stop", "--force", name)  # it was started when the daemon was
    test.daemon.lxc("config", "unset", name, "boot.autostart", check=True)
    test.equal(after("profile", "set", "default", "boot.autostart=yes"), True, "a profile says so")
    test.daemon.lxc("profile", "unset", "default", "boot.autostart", check=True)
    test.daemon.lxc("stop", "--force", name)
    test.equal(after("start", name), True, "one runs")
    test.daemon.shutdown()
    test.equal(is_woken(test), True, "one ran when the host went down")
    test.daemon.start()
    test.until(lambda: test.state(name)["status"] == "Running", "it comes back")
    test.equal(after("stop", "--force", name), False, "its user stopped it")
