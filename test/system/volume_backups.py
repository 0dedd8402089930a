"""Backups of custom volumes: exported and imported, here and by a real LXD; hostile ones; kills meanwhile."""

import os
import tarfile

from harness import daemon as daemons
from harness import image
from harness.rest import Refused
from system.backups import OCTETS, archive, refusal
from system.publish import TREE, facts, same_files
from system.scenario import Skip, scenario

VOLUMES = "/1.0/storage-pools/default/volumes/custom"


def made(daemon, name, **fields):
    daemon.api.ask("POST", VOLUMES, {"name": name, "config": {}} | fields)


def backed_up(daemon, name, backup="b", **more):
    daemon.api.ask("POST", f"{VOLUMES}/{name}/backups", {"name": backup, "expires_at": "", **more})
    return daemon.api.raw("GET", f"{VOLUMES}/{name}/backups/{backup}/export").body


def imported(daemon, content, name="", pool="default"):
    return daemon.api.ask("POST", f"/1.0/storage-pools/{pool}/volumes/custom", content, OCTETS | {"X-LXD-name": name})


def folder_of(daemon, name, pool="default"):
    return daemon.folder / f"storage-pools/{pool}/custom/default_{name}"


def snapshot_of(daemon, name, snapshot):
    return daemon.folder / f"storage-pools/default/custom-snapshots/default_{name}/{snapshot}"


def attach(daemon, name, volume):
    daemon.lxc("config", "device", "add", name, volume, "disk", "pool=default", f"source={volume}", "path=/root", check=True)


@scenario
def an_expired_backup_of_a_volume_goes_at_the_next_start(test):
    test.start()
    made(test.daemon, "old")
    base = f"{VOLUMES}/old/backups"
    test.api.ask("POST", base, {"name": "past", "expires_at": "2001-02-03T04:05:06Z"})
    test.api.ask("POST", base, {"name": "future", "expires_at": "2101-02-03T04:05:06Z"})
    test.daemon.terminate()
    test.daemon.start()
    test.until(lambda: test.api.get(base) == [f"{base}/future"], "the one is gone")
    test.until(lambda: len(os.listdir(test.daemon.folder / "backups/custom")) == 1, "its file too")


@scenario
def a_backup_follows_its_volume_and_goes_with_it(test):
    test.start()
    made(test.daemon, "first")
    (folder_of(test.daemon, "first") / "file").write_text("text")
    content = backed_up(test.daemon, "first")
    test.api.ask("POST", f"{VOLUMES}/first", {"name": "second"})
    test.equal(test.api.raw("GET", f"{VOLUMES}/second/backups/b/export").body, content)
    test.api.ask("POST", "/1.0/storage-pools", {"name": "other", "driver": "dir", "config": {}})
    imported(test.daemon, content, pool="other")
    test.equal((folder_of(test.daemon, "first", "other") / "file").read_text(), "text")
    test.equal(len(os.listdir(test.daemon.folder / "backups/custom")), 1)
    test.api.ask("POST", f"{VOLUMES}/second", {"name": "second", "pool": "other"})  # as with LXD, its backups stay behind
    test.equal(os.listdir(test.daemon.folder / "backups/custom"), [])
    test.equal(test.api.get("/1.0/storage-pools/other/volumes/custom/second/backups"), [])


@scenario
def a_volume_goes_into_a_file_with_all_that_its_files_are(test):
    test.start(wrapper=("env", "LXD_IDMAPPED_MOUNTS_DISABLE=1"))
    made(test.daemon, "used", description="words", config={"user.a": "1"})
    name = test.launch("user")
    attach(test.daemon, name, "used")
    test.exec(name, "sh", "-c", TREE)
    os.setxattr(folder_of(test.daemon, "used") / "d/a", "user.mine", b"bytes\0more")
    content = backed_up(test.daemon, "used", compression_algorithm="none")  # while it is in use
    imported(test.daemon, content, "copy")
    before, after = (folder_of(test.daemon, volume) for volume in ("used", "copy"))
    same_files(test, facts(after), facts(before))
    test.equal(after.stat().st_uid, before.stat().st_uid)
    test.true(after.stat().st_uid != 0, "the owners are those on disk")
    shown = [test.api.get(f"{VOLUMES}/{volume}") for volume in ("used", "copy")]
    for key in ("description", "content_type"):
        test.equal(shown[1][key], shown[0][key], key)
    test.equal(shown[1]["config"]["user.a"], "1")
    # Another instance may have other ids: it sees its own owners.
    other = test.launch("other", "-c", "security.idmap.isolated=true")
    attach(test.daemon, other, "copy")
    test.equal(test.exec(other, "stat", "-c", "%u:%g", "/root", "/root/d/a", "/root/p"), "0:0\n0:0\n1000:1001\n")


@scenario
def volumes_go_both_ways_between_ours_and_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    for source, target in ((test.daemon, real), (real, test.daemon)):
        volume = f"from-{source.name[0]}"
        made(source, volume, description="words", config={"user.a": "1", "snapshots.expiry": "1d"})
        folder = folder_of(source, volume)
        for snapshot in ("first", "second"):
            (folder / "file").write_text(snapshot)
            os.chown(folder / "file", 1000, 1001)
            expiry = {"expires_at": "2099-01-02T03:04:05Z"} if snapshot == "first" else {}
            source.api.ask("POST", f"{VOLUMES}/{volume}/snapshots", {"name": snapshot} | expiry)
            source.api.ask("PATCH", f"{VOLUMES}/{volume}", {"config": {f"user.{snapshot}": "1"}, "description": "words"})
        (folder / "file").write_text("now")
        os.mkdir(folder / "d", 0o1770)
        os.link(folder / "file", folder / "d/same")
        os.symlink("file", folder / "link")
        os.setxattr(folder / "file", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
        with open(folder / "sparse", "wb") as file:
            file.truncate(8 << 20)
            file.write(b"start")
        imported(target, backed_up(source, volume))
        seconds = round if source is real else int
        same_files(test, facts(folder_of(target, volume), seconds), facts(folder, seconds), f"from {source.name}")
        for snapshot in ("first", "second"):
            file = snapshot_of(target, volume, snapshot) / "file"
            test.equal((file.read_text(), file.stat().st_uid), (snapshot, 1000), f"{snapshot} from {source.name}")
            shown = [daemon.api.get(f"{VOLUMES}/{volume}/snapshots/{snapshot}") for daemon in (source, target)]
            for key in ("description", "config", "content_type", "expires_at"):
                test.equal(shown[1][key], shown[0][key], f"{key} of {snapshot} from {source.name}")
        shown = [daemon.api.get(f"{VOLUMES}/{volume}") for daemon in (source, target)]
        for key in ("description", "config", "content_type"):
            test.equal(shown[1][key], shown[0][key], f"{key} from {source.name}")
        target.api.ask("PUT", f"{VOLUMES}/{volume}", {"restore": "first"})
        test.equal((folder_of(target, volume) / "file").read_text(), "first")
    real.delete_instances()


@scenario
def block_volumes_go_both_ways_between_ours_and_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    for source, target in ((test.daemon, real), (real, test.daemon)):
        volume = f"block-{source.name[0]}"
        made(source, volume, content_type="block", config={"size": "8MiB"})
        for text in (b"then", b"now."):
            with open(folder_of(source, volume) / "root.img", "r+b") as file:
                file.seek(4 << 20)
                file.write(text)
            if text == b"then":
                source.api.ask("POST", f"{VOLUMES}/{volume}/snapshots", {"name": "s"})
        imported(target, backed_up(source, volume))
        wanted = [folder_of(source, volume) / "root.img", snapshot_of(source, volume, "s") / "root.img"]
        found = [folder_of(target, volume) / "root.img", snapshot_of(target, volume, "s") / "root.img"]
        for one, other in zip(found, wanted):
            test.true(one.read_bytes() == other.read_bytes(), f"{one} is as {other}")
        test.equal(target.api.get(f"{VOLUMES}/{volume}")["content_type"], "block")
    real.delete_instances()


@scenario
def a_block_volume_that_is_nearly_empty_comes_back_as_small(test):
    test.start()
    made(test.daemon, "large", content_type="block", config={"size": "4GiB"})
    with open(folder_of(test.daemon, "large") / "root.img", "r+b") as file:
        file.seek(3 << 30)
        file.write(b"text")
    content = backed_up(test.daemon, "large", compression_algorithm="gzip")
    test.true(len(content) < 1 << 20, f"an archive of {len(content)} bytes")
    imported(test.daemon, content, "again")
    file = folder_of(test.daemon, "again") / "root.img"
    test.equal((file.stat().st_size, file.stat().st_blocks * 512 < 1 << 20), (4 << 30, True))
    with open(file, "rb") as opened:
        opened.seek(3 << 30)
        test.equal(opened.read(5), b"text\0")


INDEX = "name: evil\nbackend: dir\npool: default\noptimized: false\ntype: custom\n"
PLAIN = INDEX + "config:\n  volume: {name: evil, config: {}, content_type: filesystem}\n"
BLOCK = INDEX + "config:\n  volume: {name: evil, config: {}, content_type: block}\n"


def hostile(*entries, index=PLAIN):
    return archive(*entries, index=index.replace("{", "{{").replace("}", "}}"), config=False)


@scenario
def hostile_backups_of_volumes_are_refused_and_leave_nothing(test):
    test.start()
    pool = test.daemon.folder / "storage-pools/default"
    place = test.folder / "outside"
    place.write_text("untouched")
    before = sorted(str(path.relative_to(pool)) for path in pool.glob("*/*"))
    root = ("backup/volume", tarfile.DIRTYPE)
    with_snapshot = PLAIN.replace("type: custom", "type: custom\nsnapshots: [s]")
    described = with_snapshot + "  volume_snapshots: [{name: s, config: {}, expires_at: 0001-01-01T00:00:00Z}]\n"
    refused = {
        "no archive": b"nothing of the kind" * 100,
        "of an instance": archive(("backup/container/rootfs", tarfile.DIRTYPE)),
        "no config": hostile(root, index=INDEX),
        "nothing": hostile(),
        "a link": hostile(("backup/volume", tarfile.SYMTYPE, "/")),
        "a file": hostile(("backup/volume", tarfile.REGTYPE, "x")),
        "bad name": hostile(root, index=PLAIN.replace("name: evil", "name: ../../x", 1)),
        "upwards": hostile(root, ("backup/volume/../../../x", tarfile.REGTYPE, "x")),
        "behind a link": hostile(root, ("backup/volume/l", tarfile.SYMTYPE, str(test.folder)), ("backup/volume/l/outside", tarfile.REGTYPE, "x")),
        "hard link out": hostile(root, ("backup/volume/l", tarfile.LNKTYPE, "../../../../outside")),
        "hard link elsewhere": hostile(root, ("backup/volume/l", tarfile.LNKTYPE, "backup/index.yaml")),
        "owners": hostile(root, index=PLAIN.replace("config: {}", "config: {volatile.idmap.last: x}")),
        "a bad option": hostile(root, index=PLAIN.replace("config: {}", "config: {size: much}")),
        "another content": hostile(root, index=PLAIN.replace("filesystem", "what")),
        "another format": hostile(root, index=PLAIN.replace("optimized: false", "optimized: true")),
        "snapshot without a word": hostile(root, index=with_snapshot),
        "snapshot without content": hostile(root, index=described),
        "snapshot of ours": hostile(root, index=described.replace("[s]", "[.s]").replace("name: s", "name: .s")),
        "snapshot upwards": hostile(root, index=described.replace("[s]", "['../s']")),
        "no block": hostile(root, index=BLOCK),
        "block is a link": hostile(("backup/volume.img", tarfile.SYMTYPE, "/dev/null"), index=BLOCK),
        "block is a folder": hostile(("backup/volume.img", tarfile.DIRTYPE), index=BLOCK),
        "cut": hostile(root, ("backup/volume/x", tarfile.REGTYPE, "x" * 100000))[:50000],
    }  # fmt: skip
    for what, content in refused.items():
        try:
            imported(test.daemon, content)
            raise AssertionError(f"{what} was taken")
        except Refused as refused_with:
            test.true(refused_with.text, what)
        test.equal(test.api.get(VOLUMES), [], what)
        test.equal(sorted(str(path.relative_to(pool)) for path in pool.glob("*/*")), before, what)
        test.equal(place.read_text(), "untouched", what)
        test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"], what)
    test.true("already exists" in refusal(lambda: [imported(test.daemon, hostile(root)) for _ in range(2)]), "a name that is taken")


@scenario
def kills_while_volumes_are_exported_and_imported_leave_nothing(test):
    test.start()
    made(test.daemon, "cut")
    folder = folder_of(test.daemon, "cut")
    (folder / "big").write_bytes(os.urandom(12 << 20))
    for number in range(500):
        (folder / str(number)).write_text("x")
    test.api.ask("POST", f"{VOLUMES}/cut/snapshots", {"name": "s"})
    backups = test.daemon.folder / "backups/custom"
    base = f"{VOLUMES}/cut/backups"
    test.api.raw("POST", base, {"name": "b", "compression_algorithm": "xz -0"})
    test.until(lambda: os.listdir(backups), "it began")
    test.daemon.kill()
    test.daemon.start()
    test.equal((os.listdir(backups), test.api.get(base)), ([], []))

    content = backed_up(test.daemon, "cut", compression_algorithm="none")
    pool = test.daemon.folder / "storage-pools/default"

    def entries():
        return sorted(str(path.relative_to(pool)) for path in (*pool.glob("custom/*"), *pool.glob("custom-snapshots/*/*")))

    before = entries()
    test.api.raw("POST", VOLUMES, content, OCTETS | {"X-LXD-name": "copy"})
    test.until(lambda: entries() != before, "it began")
    test.daemon.kill()
    test.daemon.start()
    if f"{VOLUMES}/copy" in test.api.get(VOLUMES):
        test.equal(len(facts(folder_of(test.daemon, "copy"))), len(facts(folder)), "it was completed")
        test.api.ask("DELETE", f"{VOLUMES}/copy")
    test.until(lambda: entries() == before, "nothing is left")
    test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"])
    imported(test.daemon, content, "copy")
    same_files(test, facts(folder_of(test.daemon, "copy")), facts(folder))
