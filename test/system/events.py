"""What /1.0/events tells: by type, in LXD's words, to everybody who listens, whatever the slowest listener does."""

import json
import os
import signal
import socket
import threading

from harness.rest import Refused
from system.scenario import scenario


class Listener:
    """Collects events on a thread of its own until it is dropped."""

    def __init__(self, test, query):
        self.socket = test.api.websocket(f"/1.0/events{query}")
        self.socket.sock.settimeout(None)
        self.events = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while (message := self.socket.receive())[0] == "text":
                self.events.append(json.loads(message[1]))
        except (OSError, ValueError):
            pass

    def told(self):
        """The actions of lifecycle events."""
        return [event["metadata"]["action"] for event in list(self.events) if event["type"] == "lifecycle"]

    def drop(self):
        self.socket.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.drop()


@scenario
def only_wanted_types_arrive(test):
    test.start()
    name = test.launch("ev")
    listeners = {kind: Listener(test, f"?type={kind}") for kind in ("logging", "operation", "lifecycle", "operation,lifecycle")}
    listeners["operation,lifecycle,logging"] = Listener(test, "")
    test.exec(name, "true")
    test.api.raw("GET", "/1.0/instances/nobody")  # is logged
    test.until(lambda: all(listener.events for listener in listeners.values()), "something for everybody")
    test.until(lambda: len({e["type"] for e in listeners["operation,lifecycle,logging"].events}) == 3, "all types")
    for kinds, listener in listeners.items():
        listener.drop()
        found = {event["type"] for event in listener.events}
        test.true(found <= set(kinds.split(",")), f"{kinds}: {found}")
    for query in ("?type=bogus", "?type=logging,bogus"):
        try:
            test.api.websocket(f"/1.0/events{query}")
            raise AssertionError(f"{query} was taken")
        except Refused as refused:
            test.equal(refused.status, 400)
    test.equal(test.api.raw("GET", "/1.0/events?type=bogus").error, '"bogus" isn\'t a supported event type')


def said(listener, level):
    """[(message, context)] of the log's records of this level."""
    records = [event["metadata"] for event in list(listener.events) if event["type"] == "logging"]
    return [(record["message"], record["context"]) for record in records if record["level"] == level]


@scenario
def the_life_of_a_container_is_logged_in_lxds_words(test):
    test.start()
    listener = Listener(test, "?type=logging")
    name = test.launch("log")
    lxc = test.daemon.lxc
    for command in (("pause", name), ("start", name), ("restart", "--force", name), ("stop", "--force", name), ("start", name)):
        lxc(*command, check=True)
    os.kill(test.api.get(f"/1.0/instances/{name}/state")["pid"], signal.SIGKILL)
    test.until(lambda: test.state(name)["status"] == "Stopped", "the crash")
    lxc("config", "set", name, "raw.lxc=lxc.init.cmd = /no/such", check=True)
    test.true(lxc("start", name).returncode != 0, "it started without an init")
    lxc("rename", name, f"{name}2", check=True)
    lxc("delete", f"{name}2", check=True)
    test.until(lambda: "Deleted container" in [message for message, _ in said(listener, "info")], "the last line")
    listener.drop()
    info = [(message, context) for message, context in said(listener, "info") if "instance" in context]
    test.equal(
        [message for message, _ in info],
        [
            *("Creating instance", "Created container", "Starting container", "Started container"),
            *("Freezing container", "Froze container", "Unfreezing container", "Unfroze container"),
            *("Restarting container", "Restarted container", "Stopping container", "Stopped container"),
            *("Starting container", "Started container", "Shut down container", "Starting container"),
            *("Renaming container", "Renamed container", "Deleting container", "Deleted container"),
        ],
    )
    started = dict(info)["Started container"]
    wanted = {"action": "start", "ephemeral": "false", "instance": name, "instanceType": "container", "project": "default", "stateful": "false"}
    test.equal({key: started.get(key) for key in wanted}, wanted)
    for key in ("created", "used"):
        test.true(started[key].endswith(" +0000 UTC"), f"{key}: {started[key]}")
    (failed,) = [context for message, context in said(listener, "error") if message == "Failed starting container"]
    test.true(failed["instance"] == name and failed["err"], f"{failed}")


@scenario
def requests_and_operations_are_logged_at_debug(test):
    test.start()
    name = test.launch("log")
    listener = Listener(test, "?type=logging")
    test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
    test.api.raw("GET", "/1.0/operations/x/websocket?secret=hidden")
    test.until(lambda: "Success for operation" in [message for message, _ in said(listener, "debug")], "the operation's end")
    listener.drop()
    lines = said(listener, "debug")
    wanted = {"ip": "@", "method": "PUT", "protocol": "unix", "url": f"/1.0/instances/{name}/state", "username": "root"}
    test.true(("Handling API request", wanted) in lines, f"no line of the request in {lines}")
    operations = [(message, context["description"]) for message, context in lines if "operation" in context]
    test.equal(operations, [(word + " operation", "Stopping instance") for word in ("New", "Started", "Success for")])
    test.true("hidden" not in str(lines), "a secret was logged")
    log = test.daemon.log.read_text() if test.daemon.log.exists() else ""
    test.true("Handling API request" not in log, "written though the file's level is higher")


@scenario
def the_life_of_a_container_is_told_in_lxds_words(test):
    test.start()
    listener = Listener(test, "?type=lifecycle")
    name = test.launch("ev")
    lxc = test.daemon.lxc
    for command in (
        ("exec", name, "true"),
        ("file", "push", "/etc/hostname", f"{name}/root/x"),
        ("file", "pull", f"{name}/root/x", "-"),
        ("file", "delete", f"{name}/root/x"),
        ("config", "set", name, "user.a=1"),
        ("pause", name),
        ("start", name),
        ("restart", "--force", name),
        ("stop", "--force", name),
        ("rename", name, f"{name}2"),
        ("delete", f"{name}2"),
    ):
        lxc(*command, check=True)
    wanted = ["created", "started", "exec", "file-pushed", "file-retrieved", "file-deleted", "updated", "paused", "resumed"]
    wanted += ["restarted", "stopped", "renamed", "deleted"]
    test.until(lambda: "instance-deleted" in listener.told(), "the last event")
    told = [action.removeprefix("instance-") for action in listener.told()]
    test.equal(told, wanted)
    events = {event["metadata"]["action"].removeprefix("instance-"): event for event in listener.events}
    listener.drop()
    test.equal(events["created"]["metadata"]["context"], {"storage-pool": "default", "type": "container"})
    test.equal(events["file-retrieved"]["metadata"]["context"], {"path": "/root/x"})
    test.equal(events["renamed"]["metadata"]["context"], {"old_name": name})
    test.equal(events["renamed"]["metadata"]["source"], f"/1.0/instances/{name}2")
    for event in events.values():
        test.equal((event["project"], event["location"]), ("default", "none"))
        test.equal(event["metadata"]["requestor"], {"username": "root", "protocol": "unix", "address": "@"})


@scenario
def an_init_that_is_killed_is_seen_at_once(test):
    test.start()
    name = test.launch("ev")
    listener = Listener(test, "?type=lifecycle")
    pid = test.state(name)["pid"]
    with test.within(1, "noticing the end"):
        os.kill(pid, signal.SIGKILL)
        test.until(lambda: listener.told(), "an event")
        test.until(lambda: test.api.get(f"/1.0/instances/{name}")["status"] == "Stopped", "the state")
    test.equal(listener.told(), ["instance-shutdown"])
    listener.drop()
    test.daemon.lxc("start", name, check=True)


@scenario
def a_reboot_from_inside_is_a_shutdown_and_a_restart(test):
    test.start()
    name = test.launch("ev")
    listener = Listener(test, "?type=lifecycle")
    test.exec(name, "reboot", check=False)
    test.until(lambda: "instance-restarted" in listener.told(), "the restart")
    test.equal(listener.told(), ["instance-exec", "instance-shutdown", "instance-restarted"])
    listener.drop()


@scenario
def a_listener_that_reads_nothing_is_cut_off_and_hurts_nobody(test):
    test.start()
    name = test.launch("ev")
    slow = test.api.websocket("/1.0/events?type=operation")
    good = Listener(test, "?type=operation")
    before = test.daemon.resident()
    body = {"command": ["true", "x" * 100_000], "wait-for-websocket": True, "interactive": False}
    sent = 0
    while sent < 40:  # each tells of itself several times: some 12 MB
        with test.within(2, "an answer"):
            operation = test.api.raw("POST", f"/1.0/instances/{name}/exec", body).json["operation"].rsplit("/", 1)[1]
        test.until(lambda: any(e["metadata"]["id"] == operation for e in list(good.events)[-20:]), "the good one hears it")  # noqa: B023
        sent += 1
    test.true(test.daemon.resident() - before < 40, f"{test.daemon.resident() - before} MiB")
    read = 0
    while (message := slow.receive())[0] == "text":
        read += len(message[1])
    test.true(message[0] in ("lost", "close"), f"{message[0]}")
    test.true(read < 9 << 20, f"{read} bytes were kept for it")
    slow.drop()
    good.drop()
