"""Every announced API extension is shown by the function here that the table in schema/api_extensions.cpp names."""

import json
import re
import socket
import traceback
from datetime import datetime, timedelta
from pathlib import Path

from harness import image, other_hosts
from harness.commands import run
from harness.disk_file import DiskFile
from harness.daemon import BRIDGE, BUILD
from harness.network import GATEWAY
from harness.rest import Refused, WebSocket
from system import guest_api, lvm_volumes, nics, proxy
from system.drivers import KINDS
from system.scenario import scenario

TABLE = Path(__file__).resolve().parents[2] / "schema/api_extensions.cpp"


@scenario
def each_announced_one_works(test):
    """The walk: what the daemon announces is the table, each row's function exists, is used and passes."""
    rows = re.findall(r'ApiExtension\{"(\w+)", "(\w+)"\}', TABLE.read_text(encoding="utf-8"))
    test.start(bridge=True)
    test.equal(test.api.get("/1.0")["api_extensions"], [name for name, _ in rows])
    named = {shown_by for _, shown_by in rows}
    here = {name for name, value in globals().items() if getattr(value, "shows", False)}
    test.equal(sorted(named ^ here), [], "tests without a row, or rows without a test")

    test.container = test.launch("ext")
    problems = []
    for name in sorted(here):
        try:
            globals()[name](test)
        except Exception as error:  # the walk goes on, to name all that fail
            problems.append(f"{name}: {error}")
            traceback.print_exc()
    test.equal(problems, [], "not shown")


def shows(function):
    function.shows = True
    return function


def url(test, rest=""):
    return f"/1.0/instances/{test.container}{rest}"


def files(test, method, path, body=None, **headers):
    headers = {f"X-LXD-{key.replace('_', '-')}": str(value) for key, value in headers.items()}
    return test.api.raw(method, url(test, f"/files?path={path}"), body, headers)


def next_event(events, kind):
    while True:
        message, data = events.receive()
        if message != "text":
            raise AssertionError(f"the event stream ended: {message}")
        event = json.loads(data)
        if event["type"] == kind:
            return event


@shows
def boot_keys_are_kept_and_checked(test):
    wanted = {"boot.host_shutdown_timeout": "5", "boot.stop.priority": "3"}
    test.api.ask("PATCH", url(test), {"config": wanted})
    config = test.api.get(url(test))["config"]
    test.equal({key: config.get(key) for key in wanted}, wanted)
    answer = test.api.raw("PATCH", url(test), {"config": {"boot.stop.priority": "high"}})
    test.equal(answer.status, 500)  # LXD's, for what is wrong with a change


@shows
def a_start_sets_last_used_at(test):
    test.true(test.api.get(url(test))["last_used_at"] > "2020", "last_used_at is a time")


@shows
def a_stale_if_match_changes_nothing(test):
    test.api.ask("POST", "/1.0/profiles", {"name": "etag", "description": "old"})
    tag = test.api.raw("GET", "/1.0/profiles/etag").headers["ETag"]
    test.equal(test.api.raw("PUT", "/1.0/profiles/etag", {"description": "new"}, {"If-Match": tag}).status, 200)
    stale = test.api.raw("PUT", "/1.0/profiles/etag", {"description": "lost"}, {"If-Match": tag})
    test.equal((stale.status, test.api.get("/1.0/profiles/etag")["description"]), (412, "new"))
    test.true(test.api.raw("GET", "/1.0/profiles/etag").headers["ETag"] != tag, "the tag has changed")


@shows
def a_patch_merges(test):
    test.api.ask("POST", "/1.0/profiles", {"name": "patch", "config": {"user.a": "1"}, "description": "kept"})
    test.api.ask("PATCH", "/1.0/profiles/patch", {"config": {"user.b": "2"}})
    profile = test.api.get("/1.0/profiles/patch")
    test.equal((profile["config"], profile["description"]), ({"user.a": "1", "user.b": "2"}, "kept"))


@shows
def directories_are_made_and_listed(test):
    test.equal(files(test, "POST", "/root/made", b"", type="directory", mode="0750").status, 200)
    files(test, "POST", "/root/made/inside", b"x")
    listing = files(test, "GET", "/root/made")
    test.equal((listing.headers["X-LXD-type"], listing.metadata), ("directory", ["inside"]))


@shows
def state_counts_cpu_time(test):
    before = test.state(test.container)["cpu"]["usage"]
    test.exec(test.container, "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    test.true(test.state(test.container)["cpu"]["usage"] > before > 0, "work adds CPU time")


@shows
def used_by_lists_urls(test):
    test.true(url(test) in test.api.get("/1.0/profiles/default")["used_by"], "the profile names its container")
    used = test.api.get("/1.0/storage-pools/default")["used_by"]
    test.true(url(test) in used and "/1.0/profiles/default" in used, f"the pool names its users: {used}")


@shows
def a_signal_reaches_the_command(test):
    body = {"command": ["sleep", "60"], "wait-for-websocket": True, "interactive": False}
    operation = test.api.raw("POST", url(test, "/exec"), body).json
    secrets = operation["metadata"]["metadata"]["fds"]
    sockets = {
        name: test.api.websocket(f"{operation['operation']}/websocket?secret={secret}") for name, secret in secrets.items()
    }
    sockets["control"].send("text", json.dumps({"command": "signal", "signal": 15}).encode())
    test.equal(test.api.wait(operation["operation"])["metadata"]["return"], 143)
    for stream in sockets.values():
        stream.drop()


@shows
def image_properties_become_config(test):
    properties = test.api.get("/1.0/images?recursion=1")[0]["properties"]
    config = test.api.get(url(test))["config"]
    test.true(properties, "the image has properties")
    for key, value in properties.items():
        test.equal(config.get(f"image.{key}"), value, key)


@shows
def a_pool_is_made_and_deleted(test):
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir", "description": "words"})
    pool = test.api.get("/1.0/storage-pools/second")
    test.equal((pool["driver"], pool["status"], pool["used_by"]), ("dir", "Created", []))
    test.true("/1.0/storage-pools/second" in test.api.get("/1.0/storage-pools"), "it is listed")
    test.api.ask("DELETE", "/1.0/storage-pools/second")
    test.equal(test.api.raw("GET", "/1.0/storage-pools/second").status, 404)


@shows
def a_btrfs_pool_is_mounted_with_its_options(test):
    config = {"size": "256MiB", "btrfs.mount_options": "noatime"}
    test.api.ask("POST", "/1.0/storage-pools", {"name": "noatime", "driver": "btrfs", "config": config})
    place = str(test.daemon.folder / "storage-pools/noatime")

    def options():
        mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
        return next(fields[3].split(",") for fields in mounts if fields[1] == place)

    test.true("noatime" in options(), f"as it was made: {options()}")
    test.daemon.lxc("storage", "set", "noatime", "btrfs.mount_options=relatime,compress=zstd", check=True)
    test.true("relatime" in options() and "compress=zstd:3" in options(), f"as it was changed: {options()}")
    test.api.ask("DELETE", "/1.0/storage-pools/noatime")


@shows
def a_pool_tells_where_it_was_made(test):
    disk = DiskFile(test.folder / "outside", "mkfs.btrfs", "-q", size=128 << 20)
    source = str(disk.mount() / "pool")
    try:
        test.api.ask("POST", "/1.0/storage-pools", {"name": "outside", "driver": "btrfs", "config": {"source": source}})
        test.equal(test.api.get("/1.0/storage-pools/outside")["config"]["volatile.initial_source"], source)
        test.api.ask("DELETE", "/1.0/storage-pools/outside")
    finally:
        disk.unmount()


def refusal(test, *request):
    try:
        test.api.ask(*request)
    except Refused as error:
        return error.text
    raise AssertionError(f"{request} was not refused")


def pool_on_lvm(test, name, **config):
    """None where the kernel has no LVM, other than the emulated machine's."""
    if not (KINDS["thin_lvm"].is_here() and KINDS["thick_lvm"].is_here()):
        return None
    if not (test.folder / "lvm").exists():
        lvm_volumes.keep_to(test.folder / "lvm")
        test.daemon.kill()
        test.daemon.start()
    config = {"size": "512MiB", "volume.size": "48MiB", "lvm.vg_name": test.name(name)} | config
    test.api.ask("POST", "/1.0/storage-pools", {"name": name, "driver": "lvm", "config": config})
    return f"/1.0/storage-pools/{name}"


def told_of(volume, field):
    return run("lvs", "--noheadings", "--nosuffix", "--units", "m", "-o", field, volume).stdout.strip()


@shows
def a_group_and_its_thin_pool_can_be_renamed(test):
    pool = pool_on_lvm(test, "named", **{"lvm.thinpool_name": "before", "lvm.thinpool_metadata_size": "8MiB"})
    if not pool:
        return
    old, new = test.name("named"), test.name("renamed")
    test.equal(told_of(f"{old}/before", "lv_metadata_size"), "8.00")
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "one"})
    test.daemon.lxc("storage", "set", "named", "lvm.thinpool_name=after", check=True)
    test.daemon.lxc("storage", "set", "named", f"lvm.vg_name={new}", check=True)
    test.equal(told_of(f"{new}/custom_default_one", "pool_lv"), "after")
    test.api.ask("POST", f"{pool}/volumes/custom/one/snapshots", {"name": "s"})
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "two"})
    for volume in ("one", "two"):
        test.api.ask("DELETE", f"{pool}/volumes/custom/{volume}")
    test.api.ask("DELETE", pool)


@shows
def a_logical_volume_grows_in_use(test):
    pool = pool_on_lvm(test, "growing")
    if not pool:
        return
    name = test.name("growing")
    root = {"root": {"type": "disk", "path": "/", "pool": "growing"}}
    test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": "busybox"}, "devices": root})
    test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "start"})

    def size():
        blocks, length = test.exec(name, "stat", "-f", "-c", "%b %S", "/").split()
        return int(blocks) * int(length)

    test.true(size() < 48 << 20, f"{size()} bytes at first")
    test.daemon.lxc("config", "device", "set", name, "root", "size=96MiB", check=True)
    test.true(70 << 20 < size() < 96 << 20, f"{size()} bytes then")
    test.daemon.lxc("delete", "--force", name, check=True)
    test.api.ask("DELETE", pool)


@shows
def a_pool_can_do_without_a_thin_pool(test):
    pool = pool_on_lvm(test, "thick", **{"lvm.use_thinpool": "false"})
    if not pool:
        return
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "one"})
    test.api.ask("POST", f"{pool}/volumes/custom/one/snapshots", {"name": "s"})
    group = test.name("thick")
    test.equal(told_of(f"{group}/custom_default_one", "segtype,pool_lv"), "linear")
    test.equal(told_of(f"{group}/custom_default_one-s", "origin"), "custom_default_one")
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "two", "source": {"type": "copy", "pool": "thick", "name": "one"}})
    for volume in ("one", "two"):
        test.api.ask("DELETE", f"{pool}/volumes/custom/{volume}")
    test.api.ask("DELETE", pool)


@shows
def a_volume_has_a_filesystem_and_mount_options_of_its_own(test):
    options = {"volume.size": "128MiB", "volume.block.filesystem": "btrfs", "volume.block.mount_options": "compress=zstd"}
    pool = pool_on_lvm(test, "several", **options)
    if not pool:
        return
    own = {"block.filesystem": "ext4", "block.mount_options": "noatime", "size": "64MiB"}
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "plain"})
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "own", "config": own})
    refused = refusal(test, "PATCH", f"{pool}/volumes/custom/own", {"config": {"block.filesystem": "xfs"}})
    test.true("'block.filesystem' property cannot be changed" in refused, refused)
    test.api.ask("PUT", f"{pool}/volumes/custom/own", {"config": {"size": "72MiB", "block.mount_options": "noatime"}})
    test.equal(test.api.get(f"{pool}/volumes/custom/own")["config"]["block.filesystem"], "ext4")
    name = test.launch("mounted")
    for volume in ("plain", "own"):
        test.daemon.lxc("storage", "volume", "attach", "several", volume, name, f"/{volume}", check=True)
    mounts = {line.split()[1]: line.split() for line in test.exec(name, "cat", "/proc/mounts").splitlines()}
    test.equal(mounts["/plain"][2], "btrfs")
    test.true("compress=zstd" in mounts["/plain"][3], mounts["/plain"])
    test.equal(mounts["/own"][2], "ext4")
    test.true("noatime" in mounts["/own"][3], mounts["/own"])
    test.daemon.lxc("delete", "--force", name, check=True)
    for volume in ("plain", "own"):
        test.api.ask("DELETE", f"{pool}/volumes/custom/{volume}")
    test.api.ask("DELETE", pool)


@shows
def a_logical_volume_has_stripes(test):
    if not pool_on_lvm(test, "unstriped"):
        return
    refused = refusal(test, "POST", "/1.0/storage-pools/unstriped/volumes/custom", {"name": "v", "config": {"lvm.stripes": "2"}})
    test.equal(refused, "lvm.stripes cannot be used with thin pool volumes")
    test.api.ask("DELETE", "/1.0/storage-pools/unstriped")
    group = test.name("striped")
    devices = []
    try:
        for number in range(2):
            file = test.folder / f"disk{number}"
            with open(file, "wb") as disk:
                disk.truncate(96 << 20)
            devices.append(run("losetup", "--find", "--show", file).stdout.strip())
        run("vgcreate", group, *devices)
        pool = "/1.0/storage-pools/striped"
        config = {"source": group, "lvm.use_thinpool": "false", "volume.size": "32MiB", "volume.lvm.stripes": "2"}
        test.api.ask("POST", "/1.0/storage-pools", {"name": "striped", "driver": "lvm", "config": config})
        test.api.ask("POST", f"{pool}/volumes/custom", {"name": "both"})
        own = {"lvm.stripes": "2", "lvm.stripes.size": "16KiB"}
        test.api.ask("POST", f"{pool}/volumes/custom", {"name": "own", "config": own})
        test.api.ask("POST", f"{pool}/volumes/custom", {"name": "one", "config": {"lvm.stripes": "1"}})
        for volume, stripes in (("both", "2"), ("own", "2"), ("one", "1")):
            test.equal(told_of(f"{group}/custom_default_{volume}", "stripes"), stripes, volume)
        shown = run("lvs", "--noheadings", "--nosuffix", "--units", "k", "-o", "stripe_size", f"{group}/custom_default_own")
        test.equal(shown.stdout.strip(), "16.00")
        refused = refusal(test, "PATCH", f"{pool}/volumes/custom/own", {"config": {"lvm.stripes": "1"}})
        test.equal(refused, "lvm.stripes cannot be changed")
        for volume in ("both", "own", "one"):
            test.api.ask("DELETE", f"{pool}/volumes/custom/{volume}")
        test.api.ask("DELETE", pool)
    finally:
        run("vgremove", "-ff", "--yes", group, check=False)
        for device in devices:
            run("losetup", "--detach", device)


def pool_on_zfs(test, name, **config):
    """None where the kernel has no ZFS, other than the emulated machine's."""
    if not KINDS["zfs"].is_here():
        return None
    config = {"size": "128MiB", "zfs.pool_name": test.name(name)} | config
    test.api.ask("POST", "/1.0/storage-pools", {"name": name, "driver": "zfs", "config": config})
    return f"/1.0/storage-pools/{name}"


def properties(dataset, *names):
    shown = run("zfs", "get", "-H", "-p", "-o", "value", ",".join(names), dataset).stdout.split()
    return dict(zip(names, shown, strict=True))


@shows
def a_volume_on_zfs_has_blocks_and_limits_of_its_own(test):
    pool = pool_on_zfs(test, "properties", **{"volume.zfs.blocksize": "64KiB"})
    if not pool:
        return
    dataset = f"{test.name('properties')}/custom/default_v"
    kept = ("quota", "refquota", "reservation", "refreservation")
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "plain"})
    test.equal(properties(dataset[:-1] + "plain", "recordsize"), {"recordsize": "65536"})
    own = {"size": "16MiB", "zfs.blocksize": "8KiB", "zfs.use_refquota": "true", "zfs.reserve_space": "true"}
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "v", "config": own})
    size = str(16 << 20)
    test.equal(properties(dataset, "recordsize"), {"recordsize": "8192"})
    test.equal(properties(dataset, *kept), dict.fromkeys(kept, "0") | {"refquota": size, "refreservation": size})
    change = {"zfs.use_refquota": "false", "size": "8MiB", "zfs.blocksize": "16KiB"}
    test.api.ask("PATCH", f"{pool}/volumes/custom/v", {"config": change})
    size = str(8 << 20)
    test.equal(properties(dataset, "recordsize"), {"recordsize": "16384"})
    test.equal(properties(dataset, *kept), dict.fromkeys(kept, "0") | {"quota": size, "reservation": size})
    test.api.ask("PATCH", f"{pool}/volumes/custom/v", {"config": {"zfs.reserve_space": "false"}})
    test.equal(properties(dataset, *kept), dict.fromkeys(kept, "0") | {"quota": size})
    block = {"name": "b", "content_type": "block", "config": {"size": "5MB", "zfs.blocksize": "32KiB"}}
    test.api.ask("POST", f"{pool}/volumes/custom", block)
    test.equal(properties(dataset[:-1] + "b", "volblocksize"), {"volblocksize": "32768"})
    for volume in ("plain", "v", "b"):
        test.api.ask("DELETE", f"{pool}/volumes/custom/{volume}")
    test.api.ask("DELETE", pool)


@shows
def newer_snapshots_may_go_with_a_restore_on_zfs(test):
    pool = pool_on_zfs(test, "forgetful")
    if not pool:
        return
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "v"})
    snapshots = f"{pool}/volumes/custom/v/snapshots"
    for snapshot in ("one", "two"):
        test.api.ask("POST", snapshots, {"name": snapshot})
    refused = refusal(test, "PUT", f"{pool}/volumes/custom/v", {"restore": "one"})
    test.true("Set zfs.remove_snapshots to override" in refused, refused)
    test.equal(len(test.api.get(snapshots)), 2)
    test.api.ask("PATCH", f"{pool}/volumes/custom/v", {"config": {"zfs.remove_snapshots": "true"}})
    test.api.ask("PUT", f"{pool}/volumes/custom/v", {"restore": "one"})
    test.equal(test.api.get(snapshots), [f"{snapshots}/one"])
    test.api.ask("DELETE", f"{pool}/volumes/custom/v")
    root = {"root": {"type": "disk", "path": "/", "pool": "forgetful"}}
    name = test.name("forgets")
    test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": "busybox"}, "devices": root})
    for snapshot in ("one", "two"):
        test.daemon.lxc("snapshot", name, snapshot, check=True)
    test.daemon.lxc("storage", "volume", "set", "forgetful", f"container/{name}", "zfs.blocksize=32KiB", check=True)
    test.equal(properties(f"{test.name('forgetful')}/containers/{name}", "recordsize"), {"recordsize": "32768"})
    test.daemon.lxc("storage", "set", "forgetful", "volume.zfs.remove_snapshots=true", check=True)
    test.daemon.lxc("restore", name, "one", check=True)
    test.equal(test.api.get(f"/1.0/instances/{name}/snapshots"), [f"/1.0/instances/{name}/snapshots/one"])
    test.daemon.lxc("delete", name, check=True)
    test.api.ask("DELETE", pool)


@shows
def a_copy_on_zfs_can_share_with_its_image_alone(test):
    pool = pool_on_zfs(test, "rebasing")
    if not pool:
        return
    root = {"root": {"type": "disk", "path": "/", "pool": "rebasing"}}
    names = [test.name(name) for name in ("original", "copy", "rebased")]
    test.api.ask("POST", "/1.0/instances", {"name": names[0], "source": {"type": "image", "alias": "busybox"}, "devices": root})
    test.daemon.lxc("file", "push", "/etc/hostname", f"{names[0]}/root/mine", check=True)
    for source, target, how in ((names[0], names[1], "true"), (names[1], names[2], "rebase")):
        test.daemon.lxc("storage", "set", "rebasing", f"zfs.clone_copy={how}", check=True)
        test.daemon.lxc("copy", source, target, check=True)
        test.equal(test.daemon.lxc("file", "pull", f"{target}/root/mine", "-", check=True).stdout, Path("/etc/hostname").read_bytes())
    origins = [properties(f"{test.name('rebasing')}/containers/{name}", "origin")["origin"] for name in names]
    test.true(origins[0].endswith("@readonly") and "/images/" in origins[0], origins)
    test.true("/containers/" in origins[1], origins)
    test.equal(origins[2], origins[0])
    for name in reversed(names):
        test.daemon.lxc("delete", name, check=True)
    test.api.ask("DELETE", pool)


@shows
def a_zpool_is_exported_when_the_host_goes_down(test):
    pool = pool_on_zfs(test, "exported")
    if not pool:
        return
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "v"})
    zpool = test.name("exported")
    for export in (False, True):
        test.daemon.lxc("storage", "set", "exported", f"zfs.export={'true' if export else 'false'}", check=True)
        test.daemon.shutdown()
        present = run("zpool", "list", "-H", "-o", "name", check=False).stdout.split()
        test.equal(zpool in present, not export, present)
        test.daemon.start()
        test.api.get(f"{pool}/volumes/custom/v")
        test.until(lambda: test.state(test.container)["status"] == "Running", "it comes back")
    test.api.ask("DELETE", f"{pool}/volumes/custom/v")
    test.api.ask("DELETE", pool)


@shows
def a_copy_on_zfs_can_be_a_full_one(test):
    pool = pool_on_zfs(test, "cloning")
    if not pool:
        return
    test.api.ask("POST", f"{pool}/volumes/custom", {"name": "one"})
    for how in ("true", "false"):
        test.daemon.lxc("storage", "set", "cloning", f"zfs.clone_copy={how}", check=True)
        test.api.ask("POST", f"{pool}/volumes/custom", {"name": "two", "source": {"type": "copy", "pool": "cloning", "name": "one"}})
        dataset = f"{test.name('cloning')}/custom/default_two"
        origin = run("zfs", "get", "-H", "-o", "value", "origin", dataset).stdout.strip()
        test.equal(origin != "-", how == "true", f"made of {origin} with {how}")
        test.api.ask("DELETE", f"{pool}/volumes/custom/two")
    test.api.ask("DELETE", f"{pool}/volumes/custom/one")
    test.api.ask("DELETE", pool)


@shows
def a_file_is_deleted(test):
    files(test, "POST", "/root/gone", b"x")
    test.equal(files(test, "DELETE", "/root/gone").status, 200)
    test.equal(files(test, "GET", "/root/gone").status, 404)


@shows
def a_write_can_append(test):
    files(test, "POST", "/root/log", b"one ")
    files(test, "POST", "/root/log", b"two", write="append")
    test.equal(files(test, "GET", "/root/log").body, b"one two")


@shows
def descriptions_are_kept(test):
    test.api.ask("PATCH", url(test), {"description": "a container"})
    test.api.ask("PATCH", "/1.0/storage-pools/default", {"description": "a pool"})
    test.equal(test.api.get(url(test))["description"], "a container")
    test.equal(test.api.get("/1.0/storage-pools/default")["description"], "a pool")


@shows
def a_symlink_is_made_and_read(test):
    test.equal(files(test, "POST", "/root/link", b"some/where", type="symlink").status, 200)
    test.equal(test.exec(test.container, "readlink", "/root/link"), "some/where\n")
    back = files(test, "GET", "/root/link")
    # A relative target is given from the root, as LXD does.
    test.equal((back.headers["X-LXD-type"], back.body), ("symlink", b"/root/some/where"))


@shows
def operations_say_what_they_do(test):
    answer = test.api.raw("PUT", url(test, "/state"), {"action": "freeze", "timeout": 10}).json
    test.equal(answer["metadata"]["description"], "Freezing instance")
    test.api.wait(answer["operation"])
    test.api.ask("PUT", url(test, "/state"), {"action": "unfreeze", "timeout": 10})


@shows
def metadata_and_templates_can_be_edited(test):
    metadata = url(test, "/metadata")
    test.equal(test.api.raw("POST", f"{metadata}/templates?path=motd.tpl", b"I am {{ container.name }}").status, 200)
    test.equal(test.api.raw("GET", f"{metadata}/templates?path=motd.tpl").body, b"I am {{ container.name }}")
    test.api.ask("PATCH", metadata, {"templates": {"/etc/motd": {"when": ["start"], "template": "motd.tpl"}}})
    test.equal(test.api.get(metadata)["templates"]["/etc/motd"]["template"], "motd.tpl")
    test.daemon.lxc("restart", "--force", test.container, check=True)
    test.equal(test.exec(test.container, "cat", "/etc/motd"), f"I am {test.container}")
    test.equal(test.api.get(f"{metadata}/templates"), ["motd.tpl"])
    test.api.ask("DELETE", f"{metadata}/templates?path=motd.tpl")
    test.equal(test.api.raw("GET", f"{metadata}/templates?path=motd.tpl").status, 404)
    test.api.ask("PUT", metadata, {"architecture": "x86_64"})


@shows
def all_instances_change_state_at_once(test):
    answer = test.api.raw("PUT", "/1.0/instances", {"state": {"action": "freeze", "timeout": 10}}).json
    test.equal(answer["metadata"]["resources"], {"instances": [url(test)]})
    test.api.wait(answer["operation"])
    test.equal(test.state(test.container)["status"], "Frozen")
    test.api.ask("PUT", "/1.0/instances", {"state": {"action": "unfreeze", "timeout": 10}})
    test.equal(test.state(test.container)["status"], "Running")


@shows
def a_change_is_a_lifecycle_event(test):
    events = test.api.websocket("/1.0/events?type=lifecycle")
    test.api.ask("PATCH", url(test), {"config": {"user.event": "1"}})
    metadata = next_event(events, "lifecycle")["metadata"]
    events.drop()
    test.equal((metadata["action"], metadata["source"]), ("instance-updated", url(test)))
    test.equal(metadata["requestor"], {"username": "root", "protocol": "unix", "address": "@"})


@shows
def a_backup_is_made_and_imported(test):
    name = test.name("backed")
    test.daemon.lxc("init", "busybox", name, check=True)
    base = f"/1.0/instances/{name}/backups"
    test.equal(test.api.get(base), [])
    for algorithm, start in (("xz -0", b"\xfd7zXZ"), ("squashfs", b"hsqs")):
        test.api.ask("POST", base, {"name": "b", "compression_algorithm": algorithm})
        content = test.api.raw("GET", f"{base}/b/export").body
        test.equal(content[: len(start)], start, algorithm)
        test.api.ask("DELETE", f"{base}/b")
    headers = {"Content-Type": "application/octet-stream", "X-LXD-name": f"{name}-2", "X-LXD-pool": "default"}
    test.api.ask("POST", "/1.0/instances", content, headers)
    for one in (name, f"{name}-2"):
        test.api.ask("DELETE", f"/1.0/instances/{one}")


@shows
def archives_have_the_compressor_that_is_configured(test):
    name = test.name("configured")
    test.daemon.lxc("init", "busybox", name, check=True)
    test.daemon.lxc("config", "set", "backups.compression_algorithm", "zstd", check=True)
    test.api.ask("POST", f"/1.0/instances/{name}/backups", {"name": "b"})
    test.equal(test.api.raw("GET", f"/1.0/instances/{name}/backups/b/export").body[:4], b"\x28\xb5\x2f\xfd")
    test.daemon.lxc("config", "unset", "backups.compression_algorithm", check=True)
    test.api.ask("DELETE", f"/1.0/instances/{name}")


@shows
def recursion_2_has_state_and_snapshots(test):
    for family in ("instances", "containers"):
        (full,) = test.api.get(f"/1.0/{family}?recursion=2")
        test.equal((full["name"], full["snapshots"], full["backups"]), (test.container, None, None))
        test.equal(full["state"]["status"], "Running")
    test.api.ask("POST", url(test, "/snapshots"), {"name": "one"})
    (full,) = test.api.get("/1.0/instances?recursion=2")
    test.equal([entry["name"] for entry in full["snapshots"]], ["one"])
    test.api.ask("DELETE", url(test, "/snapshots/one"))


@shows
def the_environment_describes_the_host(test):
    environment = test.api.get("/1.0")["environment"]
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    test.equal(environment["os_name"], release["NAME"].strip('"'))
    test.equal(environment["server_name"], socket.gethostname())
    test.equal((environment["driver"], environment["storage"]), ("lxc", "dir"))
    test.true(environment["firewall"] in ("nftables", "xtables"), environment["firewall"])
    for features in ("kernel_features", "lxc_features"):
        values = set(environment[features].values())
        test.true(values and values <= {"true", "false"}, f"{features} are true or false: {values}")
    usable = {driver["Name"] for driver in environment["storage_supported_drivers"]}
    test.true({"dir", "overlay"} <= usable <= {"btrfs", "dir", "lvm", "overlay", "zfs"}, f"drivers: {usable}")


@shows
def exec_takes_user_group_and_folder(test):
    done = test.daemon.lxc(
        *("exec", "--user", "1000", "--group", "1001", "--cwd", "/tmp", test.container, "--", "sh", "-c", "id -u; id -g; pwd")
    )
    test.equal(done.stdout.decode().split(), ["1000", "1001", "/tmp"])


@shows
def both_families_serve_instances(test):
    for family in ("instances", "containers"):
        test.equal(test.api.get(f"/1.0/{family}"), [f"/1.0/{family}/{test.container}"])
        test.equal(test.api.get(f"/1.0/{family}/{test.container}")["type"], "container")


@shows
def images_have_a_type(test):
    test.equal(test.api.get("/1.0/images?recursion=1")[0]["type"], "container")
    test.equal(test.api.get("/1.0/images/aliases?recursion=1")[0]["type"], "container")


@shows
def an_images_expiry_can_be_edited(test):
    target = f"/1.0/images/{test.api.get('/1.0/images?recursion=1')[0]['fingerprint']}"
    test.api.ask("PATCH", target, {"expires_at": "2031-02-03T04:05:06Z"})
    test.equal(test.api.get(target)["expires_at"], "2031-02-03T04:05:06Z")


@shows
def lists_can_be_filtered(test):
    def found(collection, text):
        return len(test.api.get(f"/1.0/{collection}?filter={text.replace(' ', '%20')}"))

    test.equal(found("instances", f"name eq {test.container}"), 1)
    test.equal(found("instances", "name eq nobody"), 0)
    test.equal(found("images", "architecture eq x86_64") + found("images", "not architecture eq x86_64"), 1)


@shows
def state_counts_errors_and_drops(test):
    counters = test.state(test.container)["network"]["eth0"]["counters"]
    for key in ("errors_received", "errors_sent", "packets_dropped_inbound", "packets_dropped_outbound"):
        test.true(isinstance(counters[key], int), key)


@shows
def all_projects_lists_every_instance(test):
    listed = test.api.get("/1.0/instances?recursion=1&all-projects=true")
    test.equal([(entry["name"], entry["project"]) for entry in listed], [(test.container, "default")])


@shows
def recursion_1_on_one_instance_is_full(test):
    full = test.api.get(url(test, "?recursion=1"))
    test.equal((full["state"]["status"], full["snapshots"], full["backups"]), ("Running", None, None))


@shows
def events_name_their_project(test):
    events = test.api.websocket("/1.0/events?type=operation")
    test.api.ask("PUT", url(test, "/state"), {"action": "freeze", "timeout": 10})
    test.equal(next_event(events, "operation").get("project"), "default")
    events.drop()
    test.api.ask("PUT", url(test, "/state"), {"action": "unfreeze", "timeout": 10})


@shows
def head_tells_about_a_file(test):
    files(test, "POST", "/root/head", b"12345", uid=7, gid=8, mode="0640")
    head = files(test, "HEAD", "/root/head")
    got = (head.status, head.body, *(head.headers[f"X-LXD-{key}"] for key in ("uid", "gid", "mode", "type")))
    test.equal(got, (200, b"", "7", "8", "0640", "file"))


@shows
def an_existing_file_gets_what_is_named(test):
    def now():
        head = files(test, "HEAD", "/root/kept")
        return tuple(head.headers[f"X-LXD-{key}"] for key in ("uid", "gid", "mode"))

    files(test, "POST", "/root/kept", b"one", uid=1, gid=2, mode="0600")
    files(test, "POST", "/root/kept", b"two", uid=3, gid=4, mode="0644")
    test.equal(now(), ("1", "2", "0600"), "nothing is named")
    files(test, "POST", "/root/kept", b"two", uid=3, gid=4, mode="0644", modify_perm="uid,mode")
    test.equal(now(), ("3", "2", "0644"))
    files(test, "POST", "/root/kept", b"two", write="append", gid=4, modify_perm="gid")
    test.equal((now(), files(test, "GET", "/root/kept").body), (("3", "4", "0644"), b"twotwo"))
    refused = files(test, "POST", "/root/kept", b"x", modify_perm="owner")
    test.equal((refused.status, refused.json["error"]), (400, 'Invalid modify-perm field: "owner"'))


@shows
def a_copy_is_made_without_snapshots(test):
    name = test.name("only")
    test.api.ask("POST", url(test, "/snapshots"), {"name": "one"})
    for key in ("instance_only", "container_only"):
        test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "copy", "source": test.container, key: True}})
        test.equal(test.api.get(f"/1.0/instances/{name}/snapshots"), [], key)
        test.api.ask("DELETE", f"/1.0/instances/{name}")
    test.api.ask("DELETE", url(test, "/snapshots/one"))


@shows
def a_copy_is_refreshed(test):
    name = test.name("again")
    source = {"type": "copy", "source": test.container}
    test.api.ask("POST", "/1.0/instances", {"name": name, "source": source})
    test.api.ask("POST", url(test, "/snapshots"), {"name": "later"})
    test.api.ask("POST", "/1.0/instances", {"name": name, "source": source | {"refresh": True}})
    test.equal(test.api.get(f"/1.0/instances/{name}/snapshots"), [f"/1.0/instances/{name}/snapshots/later"])
    test.api.ask("DELETE", f"/1.0/instances/{name}")
    test.api.ask("DELETE", url(test, "/snapshots/later"))


@shows
def an_instance_moves_between_pools(test):
    name = test.name("moves")
    test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "none"}})
    test.api.ask("POST", "/1.0/storage-pools", {"name": "moved-to", "driver": "dir"})
    test.api.ask("POST", f"/1.0/instances/{name}", {"name": f"{name}-2", "migration": True, "pool": "moved-to"})
    test.equal(test.api.get(f"/1.0/instances/{name}-2")["devices"]["root"]["pool"], "moved-to")
    test.api.ask("DELETE", f"/1.0/instances/{name}-2")
    test.api.ask("DELETE", "/1.0/storage-pools/moved-to")


@shows
def snapshots_are_made_by_schedule(test):
    """At a start, which needs no waiting for the minute: that is tested with a clock of its own."""
    name = test.name("plan")
    config = {"snapshots.schedule": "@startup, @daily, 0 6 * * *", "snapshots.pattern": "start%d"}
    test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "alias": "busybox"}, "config": config})
    test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
    test.equal(test.api.get(f"/1.0/instances/{name}/snapshots"), [f"/1.0/instances/{name}/snapshots/start0"])
    test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
    test.api.ask("DELETE", f"/1.0/instances/{name}")


@shows
def an_instance_can_do_without_its_profiles_schedule(test):
    test.api.ask("POST", "/1.0/profiles", {"name": "scheduled", "config": {"snapshots.schedule": "@startup"}})
    for name, config, wanted in (("scheduled", {}, 1), ("never", {"snapshots.schedule": "@never"}, 0)):
        source = {"type": "image", "alias": "busybox"}
        instance = f"/1.0/instances/{name}"
        order = {"name": name, "source": source, "config": config, "profiles": ["default", "scheduled"]}
        test.api.ask("POST", "/1.0/instances", order)
        test.api.ask("PUT", f"{instance}/state", {"action": "start"})
        test.equal(len(test.api.get(f"{instance}/snapshots")), wanted, name)
        test.api.ask("PUT", f"{instance}/state", {"action": "stop", "force": True})
        test.api.ask("DELETE", instance)
    test.api.ask("DELETE", "/1.0/profiles/scheduled")


@shows
def a_snapshot_tells_what_it_takes(test):
    """On dir there is no saying, as with LXD; on btrfs that counts, for the sake of a limit, it is what it alone holds."""
    test.api.ask("POST", "/1.0/storage-pools", {"name": "counting", "driver": "btrfs", "config": {"size": "192MiB"}})
    name = test.name("counted")
    test.daemon.lxc("init", "busybox", name, "--storage", "counting", "--device", "root,size=100MiB", check=True)
    root = test.daemon.folder / "storage-pools/counting/containers" / name / "rootfs"
    (root / "large").write_bytes(bytes(range(256)) * (16 << 10))
    test.api.ask("POST", f"/1.0/instances/{name}/snapshots", {"name": "s"})
    (root / "large").unlink()
    run("sync", "--file-system", root)
    test.until(lambda: test.api.get(f"/1.0/instances/{name}/snapshots/s")["size"] >= 4 << 20, "its size")
    test.api.ask("DELETE", f"/1.0/instances/{name}")
    test.api.ask("DELETE", "/1.0/storage-pools/counting")


@shows
def snapshots_expire(test):
    test.api.ask("POST", url(test, "/snapshots"), {"name": "old", "expires_at": "2020-01-01T00:00:00Z"})
    test.api.ask("POST", url(test, "/snapshots"), {"name": "new", "expires_at": "2200-01-01T00:00:00Z"})
    test.daemon.kill()
    test.daemon.start()
    test.until(lambda: test.api.get(url(test, "/snapshots")) == [url(test, "/snapshots/new")], "the old one is gone")
    test.api.ask("DELETE", url(test, "/snapshots/new"))


@shows
def the_hosts_hardware_is_described(test):
    """A server of which every part is known."""
    other = test.other_daemon(test.binary, "server")
    other.start(wrapper=other_hosts.wrapper("server", test.folder / "server-host"))
    told = other.api.get("/1.0/resources")

    first, second = told["cpu"]["sockets"]
    test.equal((first["socket"], first["vendor"], second["frequency_turbo"]), (0, "GenuineIntel", 3100))
    (core,) = first["cores"]
    test.equal((core["core"], core["die"], core["frequency"]), (0, 0, 2500))
    test.equal([(thread["id"], thread["numa_node"], thread["isolated"]) for thread in core["threads"]], [(0, 0, False), (2, 0, True)])
    test.equal([node["numa_node"] for node in told["memory"]["nodes"]], [0, 1])
    test.equal(told["memory"]["hugepages_used"], 48 * 2048 * 1024)

    nvidia, intel = told["gpu"]["cards"]
    test.equal((nvidia["drm"]["render_name"], nvidia["product"]), ("renderD128", "GV100GL [Tesla V100 PCIe 16GB]"))
    test.equal((list(intel["mdev"]), intel["sriov"]["vfs"][0]["pci_address"]), (["i915-GVTg_V5_8"], "0000:00:03.1"))
    (card,) = told["network"]["cards"]
    (port,) = card["sriov"]["vfs"][0]["ports"]
    test.equal((port["protocol"], port["infiniband"]["mad_device"]), ("infiniband", "231:0"))

    disks = {disk["id"]: disk for disk in told["storage"]["disks"]}
    test.equal((disks["sda"]["type"], disks["sda"]["rpm"], disks["sda"]["serial"]), ("sata", 5400, "WD-WCC7K0000001"))
    test.equal((disks["sda"]["device"], disks["sdb"]["usb_address"]), ("8:0", "1:5"))
    test.equal(len(disks["nvme0n1"]["partitions"]), 2)
    keyboard = told["usb"]["devices"][1]
    test.equal((keyboard["product"], keyboard["interfaces"][0]["class"]), ("Keyboard K120", "Human Interface Device"))
    devices = {device["pci_address"]: device for device in told["pci"]["devices"]}
    test.equal(devices["0000:00:02.0"]["iommu_group"], 7)
    test.equal(devices["0000:00:04.0"]["vpd"]["entries"]["PN"], "K82245")
    test.equal((told["system"]["product"], told["system"]["chassis"]["type"]), ("PowerEdge R740", "Rack Mount Chassis"))


@shows
def the_console_is_attached_and_logged(test):
    body = {"width": 80, "height": 24, "type": "console"}
    operation = test.api.raw("POST", url(test, "/console"), body).json
    secrets = operation["metadata"]["metadata"]["fds"]
    sockets = {
        name: test.api.websocket(f"{operation['operation']}/websocket?secret={secret}") for name, secret in secrets.items()
    }
    test.exec(test.container, "sh", "-c", "echo on the console >/dev/console")
    shown = b""
    while b"on the console" not in shown:
        kind, data = sockets["0"].receive()
        test.equal(kind, "binary")
        shown += data
    sockets["control"].close()
    test.api.wait(operation["operation"])
    sockets["0"].drop()
    test.true(b"on the console" in test.api.raw("GET", url(test, "/console")).body, "the log has it")
    answer = test.api.raw("POST", url(test, "/console"), {"type": "vga"})
    test.equal((answer.status, answer.error), (400, "VGA console is only supported by virtual machines"))


@shows
def what_a_command_prints_is_recorded(test):
    body = {"command": ["sh", "-c", "echo out; echo err >&2; exit 3"], "wait-for-websocket": False, "interactive": False}
    done = test.api.wait(test.api.raw("POST", url(test, "/exec"), body | {"record-output": True}).json["operation"])
    test.equal(done["metadata"]["return"], 3)
    for stream, text in (("1", b"out\n"), ("2", b"err\n")):
        log = done["metadata"]["output"][stream]
        test.true(log in test.api.get(url(test, "/logs")), "it is listed")
        test.equal(test.api.raw("GET", log).body, text)
        test.api.ask("DELETE", log)
        test.equal(test.api.raw("GET", log).status, 404)
    refused = test.api.raw("POST", url(test, "/exec"), body | {"record-output": True, "interactive": True})
    test.equal(refused.status, 400)


@shows
def an_image_brings_its_profiles(test):
    (image,) = test.api.get("/1.0/images?recursion=1")
    target = f"/1.0/images/{image['fingerprint']}"
    test.api.ask("POST", "/1.0/profiles", {"name": "image", "config": {"user.from": "image"}})
    test.api.ask("PUT", target, image | {"profiles": ["default", "image"]})
    name = test.name("profiled")
    test.daemon.lxc("init", "busybox", name, check=True)
    test.equal(test.api.get(f"/1.0/instances/{name}")["profiles"], ["default", "image"])
    test.api.ask("DELETE", f"/1.0/instances/{name}")
    test.api.ask("PUT", target, image)


# On pure v2 it is there; else from a mount of the container's own.
HUGE_PAGES = """
cat /sys/fs/cgroup/hugetlb.2MB.max 2>/dev/null && exit
mkdir -p /tmp/huge
mount -t cgroup -o hugetlb none /tmp/huge 2>/dev/null || mount -t cgroup2 none /tmp/huge 2>/dev/null
cat /tmp/huge/hugetlb.2MB.limit_in_bytes 2>/dev/null || cat /tmp/huge/hugetlb.2MB.max 2>/dev/null
umount /tmp/huge 2>/dev/null
exit 0
"""


@shows
def huge_pages_are_limited(test):
    def limit():
        return test.exec(test.container, "sh", "-c", HUGE_PAGES)

    before = limit()
    if not before:  # a hybrid host, where nothing hands the controller on; test/vm has it
        refused = test.daemon.lxc("config", "set", test.container, "limits.hugepages.2MB=8MiB")
        test.true(refused.returncode != 0 and b"hugetlb" in refused.stderr, f"taken without a controller: {refused.stderr!r}")
        test.equal(test.daemon.lxc("config", "get", test.container, "limits.hugepages.2MB").stdout.strip(), b"")
        return
    for value, wanted in (("8MiB", "8388608\n"), ("16MiB", "16777216\n")):
        test.daemon.lxc("config", "set", test.container, f"limits.hugepages.2MB={value}", check=True)
        test.equal(limit(), wanted, value)
    test.daemon.lxc("config", "unset", test.container, "limits.hugepages.2MB", check=True)
    test.equal(limit(), before, "unset")


@shows
def keys_refuse_system_calls(test):
    test.api.ask("PATCH", url(test), {"config": {"security.syscalls.deny": "chroot errno 95"}})
    answer = test.api.raw("PATCH", url(test), {"config": {"security.syscalls.blacklist": "read"}})
    test.equal(answer.status, 500)  # beside its newer name
    test.daemon.lxc("restart", "--force", test.container, check=True)
    done = test.daemon.lxc("exec", test.container, "--", "chroot", "/", "true")
    test.true(b"not supported" in done.stderr, f"{done.stderr!r}")
    test.api.ask("PATCH", url(test), {"config": {"security.syscalls.deny": ""}})
    test.daemon.lxc("restart", "--force", test.container, check=True)


@shows
def limits_and_parameters_of_the_kernel_are_given_at_the_start(test):
    keys = ("limits.kernel.nofile=300:400", "linux.sysctl.net.ipv4.ip_forward=1")
    name = test.launch("kernel", *(word for key in keys for word in ("-c", key)))
    test.equal(test.exec(name, "sh", "-c", "ulimit -Sn; ulimit -Hn; cat /proc/sys/net/ipv4/ip_forward").split(), ["300", "400", "1"])
    test.daemon.lxc("delete", "--force", name, check=True)


@shows
def a_protected_instance_is_not_deleted(test):
    test.api.ask("POST", "/1.0/instances", {"name": test.name("kept"), "source": {"type": "none"}})
    kept = f"/1.0/instances/{test.name('kept')}"
    test.api.ask("PATCH", kept, {"config": {"security.protection.delete": "true"}})
    try:
        test.api.ask("DELETE", kept)
        raise AssertionError("it was deleted")
    except Refused as refusal:
        test.true("protected" in refusal.text, refusal.text)
    test.api.ask("PATCH", kept, {"config": {"security.protection.delete": "false"}})
    test.api.ask("DELETE", kept)


@shows
def an_instance_stays_on_its_nodes(test):
    first = next(iter(sorted(Path("/sys/devices/system/node").glob("node[0-9]*"))), None)
    wanted = (first / "cpulist").read_text(encoding="ascii").strip() if first else ""
    test.api.ask("PATCH", url(test), {"config": {"limits.cpu.nodes": first.name.removeprefix("node") if first else "0"}})
    allowed = test.exec(test.container, "grep", "Cpus_allowed_list", "/proc/self/status").split()[-1]
    test.true(allowed == (wanted or allowed), f"on {allowed}, not {wanted}")
    test.api.ask("PATCH", url(test), {"config": {"limits.cpu.nodes": ""}})


@shows
def an_instance_has_ids_of_its_own(test):
    def mapped():
        test.daemon.lxc("restart", "--force", test.container, check=True)
        return test.exec(test.container, "cat", "/proc/self/uid_map").split()

    own = {"security.idmap.isolated": "true", "security.idmap.size": "70000"}
    test.api.ask("PATCH", url(test), {"config": own})
    config = test.api.get(url(test))["config"]
    base = config["volatile.idmap.base"]
    test.true(json.loads(config["volatile.idmap.current"]) != json.loads(config["volatile.idmap.next"]), "it runs as before")
    test.equal(mapped(), ["0", base, "70000"])
    test.api.ask("PATCH", url(test), {"config": {"security.idmap.base": str(int(base) + 100000)}})
    test.equal(mapped(), ["0", str(int(base) + 100000), "70000"])
    test.equal(json.loads(test.api.get(url(test))["config"]["volatile.idmap.current"])[0]["Hostid"], int(base) + 100000)
    test.api.ask("PATCH", url(test), {"config": dict.fromkeys([*own, "security.idmap.base"], "")})
    test.true(mapped()[2] != "70000", "and back")


@shows
def a_change_of_owners_can_be_refused(test):
    other = test.other_daemon(test.binary, "unmapped")
    other.start(wrapper=("env", "LXD_IDMAPPED_MOUNTS_DISABLE=1"))
    other.set_up(image.busybox(), bridge=False)
    name = test.name("kept")
    other.lxc("init", "busybox", name, "-c", "security.protection.shift=true", check=True)
    refused = other.lxc("start", name)
    test.true(b"Container is protected against filesystem shifting" in refused.stderr, refused.stderr.decode())
    other.lxc("config", "unset", name, "security.protection.shift", check=True)
    other.lxc("start", name, check=True)
    other.delete_instances()


def intercepting(test, *keys):
    """The container with these keys below security.syscalls.intercept., and the program that makes calls."""
    config = {f"security.syscalls.intercept.{key}": value for key, value in keys}
    test.api.ask("PATCH", url(test), {"config": config})
    test.daemon.lxc("restart", "--force", test.container, check=True)
    test.daemon.lxc("file", "push", BUILD / "test/system/calls", f"{test.container}/bin/calls", "--mode=755", check=True)
    return config


def no_longer(test, config):
    test.api.ask("PATCH", url(test), {"config": dict.fromkeys(config, "")})
    test.daemon.lxc("restart", "--force", test.container, check=True)


@shows
def calls_are_done_for_the_instance(test):
    """interception.py has more of each."""
    test.equal(test.exec(test.container, "sh", "-c", "mknod /root/refused c 1 3 || echo no"), "no\n")
    config = intercepting(test, ("mknod", "true"), ("setxattr", "true"), ("sysinfo", "true"))
    test.exec(test.container, "mknod", "/root/null", "c", "1", "3")
    test.equal(test.exec(test.container, "calls", "setxattr", "/root", "trusted.overlay.opaque", "y"), "0\n")
    test.true(" procs=" in test.exec(test.container, "calls", "sysinfo"), "sysinfo is answered")
    no_longer(test, config)


@shows
def allowed_filesystems_are_mounted(test):
    """With a program of the container's own, and not where nothing is allowed."""
    config = intercepting(test, ("mount", "true"), ("mount.fuse", "ext4=fuse2fs"))
    program = b'#!/bin/sh\necho "$1" > /root/asked\n'
    test.daemon.lxc("file", "push", "-", f"{test.container}/bin/mount.fuse", "--mode=755", stdin=program, check=True)
    test.equal(test.exec(test.container, "calls", "mount", "/x", "/mnt", "ext4", "0", ""), "0\n")
    test.equal(test.exec(test.container, "cat", "/root/asked"), "fuse2fs#/x\n")
    # AppArmor looks for the source, and so misses it, before the kernel asks who may mount at all.
    refused = "2\n" if Path("/sys/kernel/security/apparmor").exists() else "1\n"
    test.equal(test.exec(test.container, "calls", "mount", "/x", "/mnt", "xfs", "0", ""), refused)
    no_longer(test, config)


@shows
def huge_pages_are_mounted_as_the_instances(test):
    config = intercepting(test, ("mount", "true"), ("mount.allowed", "hugetlbfs"))
    known = "hugetlbfs" in Path("/proc/filesystems").read_text(encoding="ascii")
    test.equal(test.exec(test.container, "calls", "mount", "none", "/mnt", "hugetlbfs", "0", ""), "0\n" if known else "19\n")
    if known:
        test.equal(test.exec(test.container, "stat", "-c", "%u:%g", "/mnt"), "0:0\n")
    no_longer(test, config)


@shows
def device_programs_are_loaded(test):
    config = intercepting(test, ("bpf", "true"), ("bpf.devices", "true"))
    find = "grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts && ln -s /sys/fs/cgroup /tmp/cgroup"
    mount = "mkdir -p /tmp/cgroup && mount -t cgroup2 none /tmp/cgroup"
    test.exec(test.container, "sh", "-c", f"({find} || ({mount})) && mkdir /tmp/cgroup/own")
    test.equal(test.exec(test.container, "calls", "bpf", "plain", "/tmp/cgroup/own"), "0 0 0\n")
    no_longer(test, config)


@shows
def a_process_leaves_the_idle_policy(test):
    config = intercepting(test, ("sched_setscheduler", "true"))
    pid = test.exec(test.container, "sh", "-c", "sleep 100 >/dev/null 2>&1 & echo $!").strip()
    for policy in ("5", "0"):
        test.equal(test.exec(test.container, "calls", "sched", pid, policy, "0"), f"0 {policy}\n")
    no_longer(test, config)


@shows
def the_guest_api_can_be_switched_off(test):
    guest = guest_api.Guest(test.daemon, test.container)
    test.equal(guest.text("/"), '["/1.0"]\n')
    test.daemon.lxc("config", "set", test.container, "security.devlxd=false", check=True)
    test.true(not guest_api.has_socket(test, test.container), "it is there")
    test.daemon.lxc("config", "unset", test.container, "security.devlxd", check=True)
    test.equal(guest.text("/"), '["/1.0"]\n')


@shows
def guests_are_told_of_changes(test):
    with guest_api.Guest(test.daemon, test.container).connected() as sock:
        events = WebSocket(sock, "/1.0/events?type=config")
        test.daemon.lxc("config", "set", test.container, "user.told=1", check=True)
        test.equal(next_event(events, "config")["metadata"], {"key": "user.told", "old_value": "", "value": "1"})


@shows
def guests_fetch_public_images(test):
    (image,) = test.api.get("/1.0/images?recursion=1")
    target = f"/1.0/images/{image['fingerprint']}"
    guest = guest_api.Guest(test.daemon, test.container)
    test.api.ask("PATCH", target, {"public": True})
    test.equal(guest.ask("GET", f"{target}/export").status, 403)
    test.daemon.lxc("config", "set", test.container, "security.devlxd.images=true", check=True)
    test.equal(len(guest.ask("GET", f"{target}/export").body), image["size"])
    test.api.ask("PATCH", target, {"public": False})
    test.equal(guest.ask("GET", f"{target}/export").status, 404)


@shows
def cloud_init_keys_reach_guests(test):
    text = "#cloud-config\nruncmd: [true]\n"
    before = test.api.get(url(test))["config"]["volatile.cloud-init.instance-id"]
    for key, value in (("user-data", text), ("vendor-data", text), ("network-config", "version: 2\n")):
        test.api.ask("PATCH", url(test), {"config": {f"cloud-init.{key}": value}})
        test.equal(guest_api.Guest(test.daemon, test.container).text(f"/1.0/config/cloud-init.{key}"), value)
    refused = test.api.raw("PATCH", url(test), {"config": {"cloud-init.user-data": "#cloud-config\n{"}})
    test.true(refused.status >= 400, "broken YAML was taken")
    test.true(test.api.get(url(test))["config"]["volatile.cloud-init.instance-id"] != before, "the instance's id stays")


@shows
def a_guest_says_that_it_is_ready(test):
    guest = guest_api.Guest(test.daemon, test.container)
    for state, shown in (("Ready", "Ready"), ("Started", "Running")):
        test.equal(guest.ask("PATCH", "/1.0", json.dumps({"state": state})).status, 200)
        test.equal(guest.ask("GET", "/1.0").json["state"], state)
        test.equal(test.api.get(url(test))["status"], shown)


def device(test, name, *options):
    test.daemon.lxc("config", "device", "add", test.container, name, *options, check=True)


def without(test, name):
    test.daemon.lxc("config", "device", "remove", test.container, name, check=True)


@shows
def a_unix_device_has_another_name_inside(test):
    device(test, "zero", "unix-char", "source=/dev/zero", "path=/dev/zero-of-host")
    test.equal(test.exec(test.container, "head", "-c", "1", "/dev/zero-of-host"), "\0")
    without(test, "zero")


@shows
def a_device_of_the_host_may_come_later(test):
    """host_devices.py has them come and go."""
    for name, *options in (
        ("later", "unix-char", "source=/dev/not-there-yet", "required=false"),
        ("any", "usb"),
        ("vendor", "usb", "vendorid=ffff", "productid=ffff"),
        ("port", "unix-hotplug", "vendorid=10c4"),
    ):
        device(test, name, *options)
        refused = test.daemon.lxc("config", "device", "set", test.container, name, "required=true")
        test.true(name == "any" or refused.returncode != 0, f"{name}: nothing was missed")
        without(test, name)


@shows
def a_disk_has_options_of_mounts(test):
    device(test, "etc", "disk", "source=/etc", "path=/host-etc", "raw.mount.options=nosuid,noexec", "propagation=private")
    line = next(line for line in test.exec(test.container, "cat", "/proc/self/mountinfo").splitlines() if "/host-etc" in line)
    test.true("nosuid,noexec" in line and "shared:" not in line and "master:" not in line, line)
    without(test, "etc")


@shows
def proxies_carry_every_kind_of_socket(test):
    proxy.carry_every_kind(test, test.container)


@shows
def a_proxys_target_is_told_who_connects(test):
    proxy.tell_who_connects(test, test.container)


@shows
def a_proxy_is_done_by_rules(test):
    name = test.launch("rules")
    test.daemon.lxc("config", "device", "add", name, "eth0", "none", check=True)  # one interface in the network will do
    proxy.forward_by_rules(test, name)
    test.daemon.lxc("delete", "--force", name, check=True)


@shows
def a_routed_nic_is_reached(test):
    nics.route_to(test, test.container)


@shows
def a_nic_has_routes_and_isolation(test):
    device = {"type": "nic", "nictype": "p2p", "name": "routed", "ipv4.routes": "203.0.113.0/24"}
    port = {"type": "nic", "nictype": "bridged", "parent": BRIDGE, "name": "apart", "security.port_isolation": "true"}
    test.api.ask("PATCH", url(test), {"devices": {"routed": device, "apart": port}})
    test.true("dev veth" in nics.ip("route", "show", "203.0.113.0/24"), "no route")
    host_name = nics.volatile(test, test.container, "apart", "host_name")
    test.equal(Path(f"/sys/class/net/{host_name}/brport/isolated").read_text(encoding="ascii"), "1\n")


@shows
def packets_of_a_nic_get_a_priority(test):
    device = {"type": "nic", "nictype": "bridged", "parent": BRIDGE, "name": "ranked", "limits.priority": "7"}
    test.api.ask("PATCH", url(test), {"devices": {"ranked": device}})
    test.exec(test.container, "ip", "address", "add", "10.77.201.9/16", "dev", "ranked")
    test.exec(test.container, "ip", "link", "set", "ranked", "up")
    test.equal(nics.packets_with_priority(test, test.container, "0:7", "-I", "ranked"), 3, "packets")


@shows
def a_bridged_nic_is_held_to_its_address(test):
    filtered = {"name": "held", "security.ipv4_filtering": "true", "ipv4.address": "10.77.201.7"}
    device = {"type": "nic", "nictype": "bridged", "parent": BRIDGE} | filtered
    test.api.ask("PATCH", url(test), {"devices": {"held": device}})
    test.exec(test.container, "ip", "link", "set", "held", "up")
    for address, reaches in (("10.77.201.7", True), ("10.77.201.8", False)):
        test.exec(test.container, "ip", "address", "add", f"{address}/32", "dev", "held")
        ping = ("ping", "-c", "1", "-W", "1", "-I", address, GATEWAY)
        test.exec(test.container, "ip", "route", "replace", GATEWAY, "dev", "held", "src", address)
        test.equal(test.daemon.lxc("exec", test.container, "--", *ping).returncode == 0, reaches, address)
    test.exec(test.container, "ip", "route", "del", GATEWAY, "dev", "held")


@shows
def published_images_have_the_compressor_that_is_asked_for(test):
    name = test.name("packed")
    test.daemon.lxc("init", "busybox", name, check=True)
    for algorithm, start in (("xz -1", b"\xfd7zXZ"), ("zstd", b"\x28\xb5\x2f\xfd"), ("squashfs", b"hsqs")):
        body = {"source": {"type": "instance", "name": name}, "compression_algorithm": algorithm}
        fingerprint = test.api.ask("POST", "/1.0/images", body)["metadata"]["fingerprint"]
        with open(test.daemon.folder / "images" / fingerprint, "rb") as file:
            test.equal(file.read(len(start)), start, algorithm)
        test.api.ask("DELETE", f"/1.0/images/{fingerprint}")
    test.api.ask("DELETE", f"/1.0/instances/{name}")


VOLUMES = "/1.0/storage-pools/default/volumes"


def made_volume(test, name, **fields):
    test.api.ask("POST", f"{VOLUMES}/custom", {"name": name, "config": {}} | fields)
    return f"{VOLUMES}/custom/{name}"


def volume_folder(test, name):
    return test.daemon.folder / f"storage-pools/default/custom/default_{name}"


@shows
def an_images_volume_is_removed_from_a_pool(test):
    [volume] = test.api.get(f"{VOLUMES}/image")
    test.api.ask("DELETE", volume)
    test.equal(test.api.get(f"{VOLUMES}/image"), [])
    test.equal(len(test.api.get("/1.0/images")), 1, "the image itself")
    test.daemon.lxc("init", "busybox", test.name("again"), check=True)
    test.equal(test.api.get(f"{VOLUMES}/image"), [volume])
    test.daemon.lxc("delete", test.name("again"), check=True)


@shows
def images_and_backups_are_kept_in_volumes(test):
    """More of it is in daemon_volumes.py."""
    volumes = {what: made_volume(test, what) for what in ("images", "backups")}
    test.api.ask("PATCH", "/1.0", {"config": {f"storage.{what}_volume": f"default/{what}" for what in volumes}})
    for what, volume in volumes.items():
        test.equal((test.daemon.folder / what).resolve(), volume_folder(test, what))
        test.equal(test.api.get(volume)["used_by"], ["/1.0"])
    [image] = test.api.get("/1.0/images")
    test.true((volume_folder(test, "images") / image.split("/")[-1]).exists(), "the image is in its volume")
    test.api.ask("PATCH", "/1.0", {"config": {f"storage.{what}_volume": "" for what in volumes}})
    for what, volume in volumes.items():
        test.true(not (test.daemon.folder / what).is_symlink(), what)
        test.api.ask("DELETE", volume)


@shows
def a_volume_is_renamed_copied_and_moved(test):
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir"})
    volume = made_volume(test, "one")
    (volume_folder(test, "one") / "file").write_text("content")
    test.api.ask("POST", volume, {"name": "two"})
    source = {"type": "copy", "pool": "default", "name": "two"}
    test.api.ask("POST", f"{VOLUMES}/custom", {"name": "three", "source": source})
    test.api.ask("POST", f"{VOLUMES}/custom/three", {"name": "four", "pool": "second"})
    test.equal(test.api.get(f"{VOLUMES}/custom"), [f"{VOLUMES}/custom/two"])
    moved = test.daemon.folder / "storage-pools/second/custom/default_four/file"
    test.equal(moved.read_text(), "content")
    test.api.ask("DELETE", f"{VOLUMES}/custom/two")
    test.api.ask("DELETE", "/1.0/storage-pools/second/volumes/custom/four")
    test.api.ask("DELETE", "/1.0/storage-pools/second")


@shows
def a_volume_has_snapshots(test):
    volume = made_volume(test, "kept")
    file = volume_folder(test, "kept") / "file"
    file.write_text("before")
    test.api.ask("POST", f"{volume}/snapshots", {"name": "s"})
    file.write_text("after")
    test.api.ask("PUT", volume, {"restore": "s"})
    test.equal(file.read_text(), "before")
    test.api.ask("POST", f"{volume}/snapshots/s", {"name": "t"})
    test.equal(test.api.get(f"{volume}/snapshots"), [f"{volume}/snapshots/t"])
    test.api.ask("DELETE", f"{volume}/snapshots/t")
    test.equal(test.api.get(f"{volume}/snapshots"), [])
    test.api.ask("DELETE", volume)


@shows
def a_volumes_snapshots_expire(test):
    volume = made_volume(test, "short", config={"snapshots.expiry": "2d"})
    test.api.ask("POST", f"{volume}/snapshots", {"name": "later"})
    shown = test.api.get(f"{volume}/snapshots/later")
    lives = datetime.fromisoformat(shown["expires_at"][:19]) - datetime.fromisoformat(shown["created_at"][:19])
    test.true(abs(lives - timedelta(days=2)) < timedelta(hours=2), f"it expires in two days, not {lives}")
    test.api.ask("POST", f"{volume}/snapshots", {"name": "never", "expires_at": "0001-01-01T00:00:00Z"})
    test.api.ask("POST", f"{volume}/snapshots", {"name": "old", "expires_at": "2020-01-01T00:00:00Z"})
    test.daemon.kill()
    test.daemon.start()
    left = [f"{volume}/snapshots/{name}" for name in ("later", "never")]
    test.until(lambda: test.api.get(f"{volume}/snapshots") == left, "the old one is gone")
    test.api.ask("DELETE", volume)


@shows
def a_volumes_snapshots_are_made_by_schedule(test):
    """What is configured: that the minute brings one is a scenario of its own, which waits for it."""
    volume = made_volume(test, "plan", config={"snapshots.schedule": "@daily, 0 6 * * *", "snapshots.pattern": "auto%d"})
    test.equal(test.api.get(volume)["config"]["snapshots.schedule"], "@daily, 0 6 * * *")
    try:
        test.api.ask("PATCH", volume, {"config": {"snapshots.schedule": "60 * * * *"}})
        raise AssertionError("a minute that there is not was taken")
    except Refused:
        pass
    test.api.ask("DELETE", volume)


@shows
def a_volumes_backup_is_made_and_imported(test):
    volume = made_volume(test, "backed")
    (volume_folder(test, "backed") / "file").write_text("kept")
    test.equal(test.api.get(f"{volume}/backups"), [])
    test.api.ask("POST", f"{volume}/backups", {"name": "b", "compression_algorithm": "xz -0"})
    content = test.api.raw("GET", f"{volume}/backups/b/export").body
    test.equal(content[:6], b"\xfd7zXZ\0")
    test.api.ask("DELETE", f"{volume}/backups/b")
    headers = {"Content-Type": "application/octet-stream", "X-LXD-name": "brought"}
    test.api.ask("POST", f"{VOLUMES}/custom", content, headers)
    test.equal((volume_folder(test, "brought") / "file").read_text(), "kept")
    for name in ("backed", "brought"):
        test.api.ask("DELETE", f"{VOLUMES}/custom/{name}")


@shows
def a_volume_can_be_unmapped_or_shared(test):
    for key, owner in (("security.unmapped", "65534"), ("security.shifted", "0")):
        volume = made_volume(test, "owned", config={key: "true"})
        device = {"type": "disk", "pool": "default", "source": "owned", "path": "/owned"}
        test.api.ask("PATCH", url(test), {"devices": {"owned": device}})
        test.equal(test.exec(test.container, "stat", "-c", "%u", "/owned"), f"{owner}\n", key)
        test.daemon.lxc("config", "device", "remove", test.container, "owned", check=True)
        test.api.ask("DELETE", volume)


@shows
def a_volume_can_be_a_block_device(test):
    volume = made_volume(test, "disk", content_type="block", config={"size": "8MiB"})
    test.equal(test.api.get(volume)["content_type"], "block")
    test.equal((volume_folder(test, "disk") / "root.img").stat().st_size, 8 << 20)
    test.api.ask("PATCH", volume, {"config": {"size": "16MiB"}})
    test.equal((volume_folder(test, "disk") / "root.img").stat().st_size, 16 << 20)
    test.api.ask("DELETE", volume)


@shows
def a_volumes_state_tells_its_size(test):
    volume = made_volume(test, "sized", config={"size": "64MiB"})
    test.equal(test.api.get(f"{volume}/state")["usage"]["total"], 64 << 20)
    test.api.ask("DELETE", volume)


@shows
def a_copied_volume_is_refreshed(test):
    volume = made_volume(test, "source")
    file = volume_folder(test, "source") / "file"
    file.write_text("first")
    order = {"name": "target", "source": {"type": "copy", "pool": "default", "name": "source"}}
    test.api.ask("POST", f"{VOLUMES}/custom", order)
    file.write_text("second")
    order["source"]["refresh"] = True
    test.api.ask("POST", f"{VOLUMES}/custom", order)
    test.equal((volume_folder(test, "target") / "file").read_text(), "second")
    for name in ("source", "target"):
        test.api.ask("DELETE", f"{VOLUMES}/custom/{name}")


@shows
def volumes_are_filtered(test):
    volume = made_volume(test, "found", config={"user.colour": "red"})
    for value, wanted in (("red", [volume]), ("blue", [])):
        test.equal(test.api.get(f"{VOLUMES}/custom?filter=config.user.colour%20eq%20{value}"), wanted)
    test.api.ask("DELETE", volume)
