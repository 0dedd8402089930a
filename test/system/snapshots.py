"""Snapshots of instances: taken, listed, restored, renamed, deleted and scheduled, beside the real LXD."""

import json
import time

from harness import daemon as daemons
from harness import image
from harness.rest import Refused
from system.kill import init_pid
from system.scenario import Skip, scenario


def snapshots(test, name, rest=""):
    return test.api.get(f"/1.0/instances/{name}/snapshots{rest}")


def take(test, name, snapshot="", **more):
    test.api.ask("POST", f"/1.0/instances/{name}/snapshots", {"name": snapshot, **more})


def restore(test, name, snapshot, **more):
    test.api.ask("PUT", f"/1.0/instances/{name}", {"restore": snapshot, **more})


def put(test, name):
    entry = test.api.get(f"/1.0/instances/{name}")
    keys = ("architecture", "config", "description", "devices", "ephemeral", "profiles")
    return {key: entry[key] for key in keys}


def answers(daemon, name, calls):
    """Status and text of each call, and what its operation says; the instance's name is masked."""
    seen = []
    for method, path, *body in calls:
        answer = daemon.api.raw(method, f"/1.0/instances/{name}{path}", *body)
        envelope = answer.json
        text = envelope.get("error") or envelope.get("metadata")
        if envelope["type"] == "async":
            done = daemon.api.raw("GET", envelope["operation"] + "/wait").metadata
            text = [done[key] for key in ("err", "description", "resources", "status", "may_cancel")]
        seen.append((method, path, answer.status, json.loads(json.dumps(text).replace(name, "NAME"))))
    return seen


def masked(snapshot):
    """What stays the same from one run to the next."""
    shown = json.loads(json.dumps(snapshot))
    for key in ("created_at", "last_used_at", "size"):
        shown[key] = type(shown[key]).__name__ if key != "last_used_at" else shown[key]
    for where in ("config", "expanded_config"):
        shown[where] = sorted(key for key in shown[where] if not key.startswith("volatile.eth0"))
    return shown


BAD = (
    ("GET", "/snapshots"),
    ("GET", "/snapshots/nothing"),
    ("DELETE", "/snapshots/nothing"),
    ("PUT", "/snapshots/nothing", {"expires_at": "2030-01-01T00:00:00Z"}),
    ("POST", "/snapshots/nothing", {"name": "other"}),
    ("POST", "/snapshots", {"name": "a/b"}),
    ("POST", "/snapshots", {"name": "a+b"}),
    ("POST", "/snapshots", {"name": "a b"}),
    ("POST", "/snapshots", {"name": "state", "stateful": True}),
    ("PUT", "", {"restore": "nothing"}),
    ("PATCH", "", {"restore": "nothing"}),
)
GOOD = (
    ("POST", "/snapshots", {}),
    ("POST", "/snapshots", {"name": ""}),
    ("POST", "/snapshots", {"name": "snap1"}),
    ("POST", "/snapshots", {"name": "own", "expires_at": "2040-01-02T03:04:05Z"}),
    ("GET", "/snapshots"),
    ("PUT", "/snapshots/own", {"expires_at": "2041-01-02T03:04:05Z"}),
    ("PATCH", "/snapshots/own", {}),
    ("POST", "/snapshots/own", {"name": "snap1"}),
    ("POST", "/snapshots/own", {}),
    ("POST", "/snapshots/own", {"name": "a/b"}),
    ("POST", "/snapshots/own", {"name": "mine"}),
    ("GET", "/snapshots"),
    ("PUT", "", {"restore": "mine", "stateful": True}),
    ("PUT", "", {"restore": "mine"}),
    ("DELETE", "/snapshots/snap0"),
    ("GET", "/snapshots"),
)


@scenario
def calls_are_answered_like_the_real_lxds(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    results = {}
    for daemon in (test.daemon, real):
        name = test.name(f"calls-{daemon.name[0]}")
        daemon.lxc("init", "busybox", name, "-c", "user.a=1", "-c", "snapshots.expiry=1d", check=True)
        seen = answers(daemon, name, BAD + GOOD)
        shown = daemon.api.get(f"/1.0/instances/{name}/snapshots?recursion=1")
        seen += [masked(snapshot) for snapshot in shown if snapshot["name"] == "mine"]
        seen.append([key for key in shown[0]])
        seen.append([entry["expires_at"][:4] == entry["created_at"][:4] for entry in shown])
        full = daemon.api.get(f"/1.0/instances/{name}?recursion=1")["snapshots"]
        seen += [masked(snapshot) for snapshot in full if snapshot["name"] == "mine"]
        seen.append([entry["size"] for entry in full])
        results[daemon.name] = seen
    real.delete_instances()
    real.lxc("image", "delete", "busybox", check=True)
    different = [(ours, theirs) for ours, theirs in zip(results["daemon"], results["real"], strict=True) if ours != theirs]
    test.equal(different, [], "ours and the real one's")


@scenario
def a_restore_brings_files_and_configuration_back(test):
    test.start()
    test.api.ask("POST", "/1.0/profiles", {"name": "extra", "config": {"user.extra": "1"}, "devices": {}})
    name = test.launch("restore", "-c", "user.a=before", "-p", "default", "-p", "extra")
    test.exec(name, "sh", "-c", "echo before > /root/file; mknod /root/fifo p; chmod 4755 /root/file")
    pid = init_pid(name)
    take(test, name, "one")
    test.equal(init_pid(name), pid, "the container went on")
    test.equal(test.exec(name, "echo", "alive"), "alive\n")
    before = put(test, name)
    test.exec(name, "sh", "-c", "echo after > /root/file; rm /root/fifo; touch /root/more")
    test.daemon.lxc("config", "set", name, "user.a=after", "user.b=new", check=True)
    test.daemon.lxc("config", "device", "add", name, "null", "disk", "source=/dev/null", "path=/null", check=True)
    test.daemon.lxc("profile", "remove", name, "extra", check=True)
    take(test, name, "two")
    restore(test, name, "one")
    test.true(init_pid(name) != pid, "it was started anew")
    test.equal(test.state(name)["status"], "Running")
    test.equal(test.exec(name, "sh", "-c", "cat /root/file; stat -c '%a %u' /root/file; ls /root"), "before\n4755 0\nfifo\nfile\n")
    after = put(test, name)
    volatile = {key for key in after["config"] if key.startswith("volatile.")}
    for key in volatile | {key for key in before["config"] if key.startswith("volatile.")}:
        if key.endswith(("hwaddr", "uuid", "instance-id", "base_image", "last_state.idmap")):
            test.equal(after["config"].get(key), before["config"].get(key), key)
        after["config"].pop(key, None)
        before["config"].pop(key, None)
    test.equal(after, before)
    restore(test, name, f"{name}/two")
    test.equal(test.exec(name, "sh", "-c", "cat /root/file; ls /root"), "after\nfile\nmore\n")
    test.equal(put(test, name)["profiles"], ["default"])
    test.daemon.lxc("stop", "--force", name, check=True)
    restore(test, name, "one")
    test.equal(test.state(name)["status"], "Stopped")


@scenario
def an_ephemeral_instance_survives_its_restore(test):
    test.start()
    name = test.launch("brief", "--ephemeral")
    take(test, name, "one")
    restore(test, name, "one")
    test.equal(test.state(name)["status"], "Running")
    test.equal(test.api.get(f"/1.0/instances/{name}")["ephemeral"], True)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.until(lambda: test.api.raw("GET", f"/1.0/instances/{name}").status == 404, "it goes when it stops")
    test.true(not (test.daemon.folder / "snapshots" / name).is_symlink(), "no link is left")


@scenario
def snapshots_go_with_their_instance(test):
    test.start()
    name = test.name("follow")
    test.daemon.lxc("init", "busybox", name, check=True)
    take(test, name, "one")
    take(test, name, "two")
    link = test.daemon.folder / "snapshots" / name
    test.equal(sorted(path.name for path in link.iterdir()), ["one", "two"])
    test.true((link / "one/rootfs/bin").is_dir(), "its files are there")
    test.daemon.lxc("rename", name, f"{name}-2", check=True)
    test.true(not link.is_symlink(), "the old link is gone")
    link = link.with_name(f"{name}-2")
    test.equal(snapshots(test, f"{name}-2"), [f"/1.0/instances/{name}-2/snapshots/{one}" for one in ("one", "two")])
    test.daemon.lxc("rename", f"{name}-2/one", f"{name}-2/three", check=True)
    test.equal(sorted(path.name for path in link.iterdir()), ["three", "two"])
    restore(test, f"{name}-2", "three")
    test.daemon.lxc("delete", f"{name}-2/three", check=True)
    test.equal(sorted(path.name for path in link.iterdir()), ["two"])
    test.daemon.lxc("delete", f"{name}-2", check=True)
    test.true(not link.is_symlink(), "no link is left")
    test.equal(list((test.daemon.folder / "storage-pools/default/containers-snapshots").glob(f"{name}*")), [])


@scenario
def changes_are_lifecycle_events(test):
    test.start()
    name = test.name("events")
    test.daemon.lxc("init", "busybox", name, check=True)
    events = test.api.websocket("/1.0/events?type=lifecycle")
    take(test, name, "one")
    test.api.ask("PUT", f"/1.0/instances/{name}/snapshots/one", {"expires_at": "2030-01-01T00:00:00Z"})
    test.api.ask("POST", f"/1.0/instances/{name}/snapshots/one", {"name": "two"})
    restore(test, name, "two")
    test.api.ask("DELETE", f"/1.0/instances/{name}/snapshots/two")
    seen = []
    while len(seen) < 5:
        event = json.loads(events.receive()[1])["metadata"]
        seen.append((event["action"], event["source"].replace(name, "NAME"), event.get("context")))
    url = "/1.0/instances/NAME"
    wanted = [
        ("instance-snapshot-created", f"{url}/snapshots/one", None),
        ("instance-snapshot-updated", f"{url}/snapshots/one", None),
        ("instance-snapshot-renamed", f"{url}/snapshots/two", {"old_name": f"{name}/one"}),
        ("instance-restored", url, {"snapshot": f"{name}/two"}),
        ("instance-snapshot-deleted", f"{url}/snapshots/two", None),
    ]
    test.equal(seen, wanted)


@scenario
def clients_take_restore_and_delete_them(test):
    test.start()
    name = test.launch("client")
    test.exec(name, "sh", "-c", "echo one > /root/file")
    test.daemon.lxc("snapshot", name, check=True)
    test.daemon.lxc("snapshot", name, "again", check=True)
    test.daemon.lxc("snapshot", name, "again", "--reuse", "--no-expiry", check=True)
    test.exec(name, "rm", "/root/file")
    test.daemon.lxc("restore", name, "snap0", check=True)
    test.equal(test.exec(name, "cat", "/root/file"), "one\n")
    listed = test.daemon.lxc("list", name, "-f", "csv", "-c", "nS", check=True).stdout.decode()
    test.equal(listed, f"{name},2\n")
    shown = test.daemon.lxc("info", name, check=True).stdout.decode()
    test.true("snap0" in shown and "again" in shown, shown)
    shown = test.daemon.lxc("config", "show", f"{name}/again", check=True).stdout.decode()
    test.true("expires_at: 0001-01-01T00:00:00Z" in shown, shown)
    test.daemon.lxc("delete", f"{name}/again", check=True)
    test.equal(snapshots(test, name), [f"/1.0/instances/{name}/snapshots/snap0"])
    test.equal(test.daemon.lxc("snapshot", name, "--stateful").returncode, 1)


@scenario
def a_kill_at_any_moment_leaves_a_whole_instance(test):
    """Of files and configuration, one state or the other; never of both."""
    test.start()
    name = test.launch("kill", "-c", "user.state=old")
    test.exec(name, "sh", "-c", "mkdir /data; i=0; while [ $i -lt 300 ]; do echo old > /data/$i; i=$((i+1)); done; sync")
    take(test, name, "old")
    test.daemon.lxc("config", "set", name, "user.state=new", check=True)
    test.exec(name, "sh", "-c", "for file in /data/*; do echo new > $file; done")
    take(test, name, "new")
    for number in range(4):
        wanted = ("old", "new")[number % 2]
        test.api.raw("PUT", f"/1.0/instances/{name}", {"restore": wanted})
        time.sleep(0.02 + 0.1 * number)  # the moment is what the test is about
        test.daemon.kill()
        test.daemon.start()
        test.until(lambda: test.state(name)["status"] == "Running", "what ran runs again")
        pool = test.daemon.folder / "storage-pools/default/containers"
        test.until(lambda pool=pool: not list(pool.glob(".*")), "nothing half-made is left")
        state = test.api.get(f"/1.0/instances/{name}")["config"]
        test.equal([key for key in state if key.endswith(".restoring")], [])
        test.equal(test.exec(name, "sh", "-c", "sort -u /data/*"), f"{state['user.state']}\n", f"kill {number}")
    for number in range(4):
        test.api.raw("POST", f"/1.0/instances/{name}/snapshots", {"name": f"kill{number}"})
        time.sleep(0.01 + 0.03 * number)
        test.daemon.kill()
        test.daemon.start()
        test.equal(test.exec(name, "echo", "alive"), "alive\n", "the container is not left frozen")
        known = {url.rsplit("/", 1)[1] for url in snapshots(test, name)}
        there = {path.name for path in (test.daemon.folder / "snapshots" / name).iterdir()}
        test.equal(there, known, f"kill {number}")


@scenario
def names_come_from_the_pattern_and_expiry_from_its_key(test):
    test.start()
    name = test.name("pattern")
    test.daemon.lxc("init", "busybox", name, "-c", "snapshots.pattern=day-{{ creation_date|date:\"2006\" }}-%d", "-c", "snapshots.expiry=2H", check=True)
    take(test, name)
    take(test, name)
    year = time.localtime().tm_year
    shown = snapshots(test, name, "?recursion=1")
    test.equal([entry["name"] for entry in shown], [f"day-{year}-0", f"day-{year}-1"])
    test.true(all(entry["expires_at"] > entry["created_at"] for entry in shown), "they expire")


@scenario
def a_bad_order_changes_nothing(test):
    test.start()
    name = test.name("bad")
    test.daemon.lxc("init", "busybox", name, check=True)
    for wanted in ("..", ".", "a/../../b", "x" * 300, "a\nb", "a\x00b"):
        try:
            take(test, name, wanted)
            raise AssertionError(f"{wanted!r} was taken")
        except Refused as refused:
            test.equal(refused.status, 400, wanted)
    test.equal(snapshots(test, name), [])
    test.equal(list((test.daemon.folder / "storage-pools/default/containers-snapshots").iterdir()), [])
