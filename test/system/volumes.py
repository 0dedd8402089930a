"""Custom volumes: what the API answers beside the real LXD, and what containers see of them."""

import json
import re

from harness import daemon as daemons
from harness import image
from system.scenario import Skip, scenario

POOL = "/1.0/storage-pools/default"
VOLUMES = f"{POOL}/volumes"
CUSTOM = f"{VOLUMES}/custom"


def volume(name, **fields):
    return {"name": name, "type": "custom", "config": {}, "description": ""} | fields


def copied(name, source, **fields):
    return volume(name, source={"type": "copy", "pool": "default", "name": source} | fields)


# (method, path below the pool, body): all answers have to be the real LXD's. It has no .../state of a volume on a driver
# that cannot count (500); ours tells the size then.
REQUESTS = [
    ("GET", "volumes", None),
    ("GET", "volumes/custom", None),
    ("GET", "volumes/nothing", None),
    ("GET", "volumes/custom/none", None),
    ("GET", "volumes/nothing/none", None),
    ("GET", "volumes/virtual-machine?recursion=1", None),
    ("POST", "volumes", {"name": ""}),
    ("POST", "volumes", {"name": "a/b", "type": "custom"}),
    ("POST", "volumes", {"name": "a"}),
    ("POST", "volumes", {"name": "a", "type": "image"}),
    ("POST", "volumes/image", {"name": "a"}),
    ("POST", "volumes/nothing", {"name": "a"}),
    ("POST", "volumes", volume("a", source={"type": "what"})),
    ("POST", "volumes", volume("a", content_type="what")),
    ("POST", "volumes/custom", volume("a", content_type="what")),
    ("POST", "volumes/custom", volume("a", config={"what": "1"})),
    ("POST", "volumes/custom", volume("a", config={"size": "much"})),
    ("POST", "volumes/custom", volume("a", config={"security.shifted": "maybe"})),
    ("POST", "volumes/custom", volume("a", config={"block.filesystem": "ext4"})),
    ("POST", "volumes/custom", volume("a", config={"snapshots.schedule": "often"})),
    ("POST", "volumes/custom", volume("a", config={"snapshots.expiry": "soon"})),
    ("POST", "volumes/custom", volume("a", description="first", config={"user.k": "v", "size": ""})),
    ("POST", "volumes/custom", volume("a")),
    ("POST", "volumes", volume("a")),
    ("GET", "volumes/custom/a", None),
    ("GET", "volumes/custom?recursion=1", None),
    ("GET", "volumes?recursion=1", None),
    ("GET", "volumes/custom?filter=name%20eq%20a", None),
    ("GET", "volumes/custom?filter=name%20eq%20b", None),
    ("PUT", "volumes/custom/none", {"config": {}}),
    ("PUT", "volumes/custom/a", {"config": {"what": "1"}}),
    ("PUT", "volumes/custom/a", {"config": {"security.shifted": "true", "security.unmapped": "true"}}),
    ("PUT", "volumes/custom/a", {"config": {"user.x": "y"}, "description": "second"}),
    ("GET", "volumes/custom/a", None),
    ("PATCH", "volumes/custom/a", {"config": {"snapshots.expiry": "1d"}}),
    ("GET", "volumes/custom/a", None),
    ("PATCH", "volumes/image/a", {"config": {}}),
    ("PUT", "volumes/custom/a", {"restore": "none"}),
    ("GET", "volumes/custom/a/snapshots", None),
    ("GET", "volumes/custom/none/snapshots", None),
    ("GET", "volumes/nothing/a/snapshots", None),
    ("POST", "volumes/image/a/snapshots", {"name": "s"}),
    ("POST", "volumes/custom/none/snapshots", {"name": "s"}),
    ("POST", "volumes/custom/a/snapshots", {"name": "a/b"}),
    ("POST", "volumes/custom/a/snapshots", {"name": "a b"}),
    ("POST", "volumes/custom/a/snapshots", {"name": "s", "expires_at": "2099-01-01T00:00:00Z"}),
    ("POST", "volumes/custom/a/snapshots", {"name": "s"}),
    ("POST", "volumes/custom/a/snapshots", {"expires_at": "0001-01-01T00:00:00Z"}),
    ("GET", "volumes/custom/a/snapshots", None),
    ("GET", "volumes/custom/a/snapshots?recursion=1", None),
    ("GET", "volumes/custom/a/snapshots/s", None),
    ("GET", "volumes/custom/a/snapshots/none", None),
    ("GET", "volumes/custom?recursion=1", None),
    ("GET", "volumes/custom", None),
    ("PUT", "volumes/custom/a/snapshots/s", {"description": "kept", "expires_at": "2098-01-01T00:00:00Z"}),
    ("PATCH", "volumes/custom/a/snapshots/s", {"description": "longer"}),
    ("GET", "volumes/custom/a/snapshots/s", None),
    ("PUT", "volumes/custom/a/snapshots/none", {"description": ""}),
    ("POST", "volumes/custom/a/snapshots/s", {"name": ""}),
    ("POST", "volumes/custom/a/snapshots/s", {"name": "x/y"}),
    ("POST", "volumes/custom/a/snapshots/none", {"name": "t"}),
    ("POST", "volumes/custom/a/snapshots/s", {"name": "t"}),
    ("PUT", "volumes/custom/a", {"restore": "t"}),
    ("GET", "volumes/custom/a", None),
    ("POST", "volumes/custom", copied("b", "none")),
    ("POST", "volumes/custom", copied("b", "a")),
    ("GET", "volumes/custom/b", None),
    ("GET", "volumes/custom/b/snapshots", None),
    ("POST", "volumes/custom", copied("c", "a", volume_only=True)),
    ("GET", "volumes/custom/c/snapshots", None),
    ("POST", "volumes/custom", copied("c", "a")),
    ("POST", "volumes/custom", copied("c", "a", refresh=True)),
    ("GET", "volumes/custom/c/snapshots", None),
    ("POST", "volumes/custom/c", {"name": ""}),
    ("POST", "volumes/custom/c", {"name": "x/y"}),
    ("POST", "volumes/image/c", {"name": "d"}),
    ("POST", "volumes/custom/none", {"name": "d"}),
    ("POST", "volumes/custom/c", {"name": "a"}),
    ("POST", "volumes/custom/c", {"name": "d", "pool": "none"}),
    ("POST", "volumes/custom/c", {"name": "d"}),
    ("GET", "volumes/custom", None),
    ("DELETE", "volumes/custom/d/snapshots/none", None),
    ("DELETE", "volumes/custom/d/snapshots/t", None),
    ("DELETE", "volumes/image/d/snapshots/t", None),
    ("GET", "volumes/image/d/state", None),
    ("GET", "volumes/custom/none/state", None),
    ("POST", "volumes/custom", volume("block", content_type="block", config={"size": "8MiB"})),
    ("GET", "volumes/custom/block", None),
    ("DELETE", "volumes/custom/block", None),
    ("DELETE", "volumes/container/none", None),
    ("DELETE", "volumes/nothing/none", None),
    ("DELETE", "volumes/custom/none", None),
    ("DELETE", "volumes/custom/d", None),
    ("DELETE", "volumes/custom/d", None),
    ("GET", "volumes", None),
    ("GET", "", None),
    ("PUT", "", {"config": {"volume.size": "1GiB", "what": "1"}}),
    ("PATCH", "", {"config": {"volume.snapshots.expiry": "2d", "volume.snapshots.pattern": "auto%d"}}),
    ("GET", "", None),
    ("POST", "volumes/custom", volume("e")),
    ("GET", "volumes/custom/e", None),
    ("DELETE", "volumes/custom/e", None),
    ("DELETE", "", None),
]

SNAPSHOT = "volumes/container/noted/snapshots/s"
REQUESTS_OF_INSTANCES = [
    ("PUT", "volumes/container/noted", {"description": "before"}),
    ("POST", "/1.0/instances/noted/snapshots", {"name": "s"}),
    ("PUT", "volumes/container/noted", {"description": "after"}),
    ("GET", SNAPSHOT, None),
    ("PUT", SNAPSHOT, {"description": "changed", "expires_at": "2098-01-01T00:00:00Z"}),
    ("GET", SNAPSHOT, None),
    ("PATCH", SNAPSHOT, {"expires_at": "2098-01-01T00:00:00Z"}),
    ("GET", SNAPSHOT, None),
    ("GET", "/1.0/instances/noted/snapshots/s", None),
    ("GET", "volumes/container/noted", None),
    ("GET", "volumes/container?recursion=1", None),
    ("GET", "volumes/container/noted/snapshots?recursion=1", None),
    ("PUT", "volumes/container/noted/snapshots/none", {"description": ""}),
    ("PUT", "volumes/container/none/snapshots/s", {"description": ""}),
    ("POST", "/1.0/instances/noted/snapshots/s", {"name": "t"}),
    ("POST", "/1.0/instances", {"name": "noted2", "profiles": ["default"], "source": {"type": "copy", "source": "noted"}}),
    ("GET", "volumes/container?recursion=1", None),
    ("PUT", "volumes/container/noted/snapshots/t", {}),
    ("GET", "volumes/container/noted/snapshots/t", None),
    ("GET", "volumes/container/noted2/snapshots/t", None),
]

MASKS = [
    (r'"created_at": ?"[^"]*"', '"created_at": "TIME"'),
    (r'"(updated_at|last_used_at)": ?"[^"]*"', r'"\1": "TIME"'),
    (r"/[^\" ]*/storage-pools/default", "POOL"),
    (r'"source": ?"[^"]*"', '"source": "PATH"'),
    (r"[0-9a-f]{64}", "FINGERPRINT"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
]


def masked(value):
    text = json.dumps(value, sort_keys=True)
    for pattern, words in MASKS:
        text = re.sub(pattern, words, text)
    return text


def answer_of(api, method, target, body):
    """Status and what came of it, an operation's end too."""
    if not target.startswith("/"):
        target = f"{POOL}/{target}".rstrip("/")
    answer = api.raw(method, target, body)
    envelope = answer.json
    if envelope["type"] == "error":
        return masked([answer.status, envelope["error"]])
    if envelope["type"] == "async":
        operation = envelope["metadata"]
        done = api.ask("GET", f"{envelope['operation']}/wait")
        return masked([answer.status, operation["description"], done["status"], done["err"], operation["resources"]])
    return masked([answer.status, envelope["metadata"], answer.headers.get("Location")])


def answer_alike(test, requests, prepare=lambda daemon: None):
    if not daemons.have_real():
        raise Skip("no real LXD here")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    for daemon in (test.daemon, real):
        prepare(daemon)
    differences = []
    for request in requests:
        ours, theirs = (answer_of(api, *request) for api in (test.api, real.api))
        if ours != theirs:
            differences.append(f"{request}\n  ours:   {ours}\n  theirs: {theirs}")
    real.delete_instances()
    test.true(not differences, "\n".join(differences))


@scenario
def volumes_answer_as_the_real_lxd_does(test):
    answer_alike(test, REQUESTS)


@scenario
def volumes_of_snapshots_are_described_as_by_the_real_lxd(test):
    answer_alike(test, REQUESTS_OF_INSTANCES, lambda daemon: daemon.lxc("init", "busybox", "noted", check=True))


def add(test, name, volume_name, path="/data", check=True, pool="default"):
    return test.daemon.lxc(
        "config", "device", "add", name, volume_name, "disk", f"pool={pool}", f"source={volume_name}", f"path={path}",
        check=check,
    )  # fmt: skip


def folder(test, volume_name, pool="default"):
    return test.daemon.folder / f"storage-pools/{pool}/custom/default_{volume_name}"


@scenario
def a_renamed_or_moved_volume_keeps_its_users(test):
    test.start()
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir"})
    name = test.name("keeper")
    test.daemon.lxc("init", "busybox", name, check=True)
    test.daemon.lxc("storage", "volume", "create", "default", "files", check=True)
    add(test, name, "files")
    (folder(test, "files") / "file").write_text("content")
    test.api.ask("POST", f"{CUSTOM}/files/snapshots", {"name": "s"})
    test.api.ask("POST", f"{CUSTOM}/files", {"name": "renamed"})
    test.equal(test.api.get(f"/1.0/instances/{name}")["devices"]["files"]["source"], "renamed")
    test.api.ask("POST", f"{CUSTOM}/renamed", {"name": "moved", "pool": "second"})
    device = test.api.get(f"/1.0/instances/{name}")["devices"]["files"]
    test.equal((device["pool"], device["source"]), ("second", "moved"))
    moved = test.api.get("/1.0/storage-pools/second/volumes/custom")
    test.equal([url.split("custom/")[1] for url in moved], ["moved", "moved/snapshots/s"])
    test.equal((folder(test, "moved", "second") / "file").read_text(), "content")
    test.equal(test.api.get(CUSTOM), [])
    test.daemon.lxc("start", name, check=True)
    test.equal(test.exec(name, "cat", "/data/file"), "content")
    test.daemon.lxc("delete", "--force", name, check=True)
    test.api.ask("DELETE", "/1.0/storage-pools/second/volumes/custom/moved")
    test.api.ask("DELETE", "/1.0/storage-pools/second")


@scenario
def containers_with_other_ids_share_a_volume_only_if_it_says_so(test):
    test.start()
    first = test.launch("first", "-c", "security.idmap.isolated=true", "-c", "security.idmap.size=1000")
    second = test.launch("second", "-c", "security.idmap.isolated=true", "-c", "security.idmap.size=1000")
    test.daemon.lxc("storage", "volume", "create", "default", "files", check=True)
    add(test, first, "files")
    refused = add(test, second, "files", check=False)
    test.true("Idmaps of container and storage volume are not identical" in refused.stderr.decode(), refused.stderr)
    test.daemon.lxc("config", "device", "remove", first, "files", check=True)
    test.daemon.lxc("storage", "volume", "set", "default", "files", "security.shifted", "true", check=True)
    add(test, first, "files")
    add(test, second, "files")
    test.exec(first, "sh", "-c", "echo shared > /data/file")
    test.equal(test.exec(second, "stat", "-c", "%u", "/data/file"), "0\n")
    test.equal(test.exec(second, "cat", "/data/file"), "shared\n")
    for name in (first, second):
        test.daemon.lxc("delete", "--force", name, check=True)
    test.daemon.lxc("storage", "volume", "delete", "default", "files", check=True)


@scenario
def a_container_cannot_have_a_block_volume_or_a_missing_one(test):
    test.start()
    name = test.launch("refused")
    test.api.ask("POST", CUSTOM, volume("disk", content_type="block", config={"size": "8MiB"}))
    refused = add(test, name, "disk", check=False).stderr.decode()
    test.true("Custom block volumes cannot be used on containers" in refused, refused)
    refused = add(test, name, "none", check=False).stderr.decode()
    test.true("Failed loading custom volume: Storage volume not found" in refused, refused)
    test.daemon.lxc("delete", "--force", name, check=True)
    test.api.ask("DELETE", f"{CUSTOM}/disk")


@scenario(long=True)
def a_scheduled_snapshot_comes_with_its_minute(test):
    test.start()
    test.api.ask("POST", CUSTOM, volume("each", config={"snapshots.schedule": "* * * * *", "snapshots.pattern": "auto%d"}))
    test.until(lambda: test.api.get(f"{CUSTOM}/each/snapshots") == [f"{CUSTOM}/each/snapshots/auto0"], "it is there", timeout=90)
