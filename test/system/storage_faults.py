"""SIGKILL of the daemon between any two things that it does to disk or database, in every step of storage; a full disk
at any of them; pools that are missing. Afterwards the pools and the database agree, and all is as before the step or as
after it.

A preloaded library (moments.cpp) ends the daemon at the Nth call of those, or fills its disk. FAULTS_SEED=N, printed by each
run, chooses the same moments again; FAULTS_STEPS, shell patterns with commas between, only some steps; FAULTS_TIMES how often in the long runs."""

import contextlib
import fnmatch
import hashlib
import http.client
import mmap
import os
import random
import sqlite3
import stat
import struct
import subprocess
import tarfile
import threading
import time
from pathlib import Path

from harness import leaks
from harness.commands import run
from harness.disk_file import DiskFile
from harness.daemon import BUILD
from harness.rest import Refused
from system import lvm_volumes, zfs_volumes
from system.crash import small_image
from system.drivers import KINDS, PAST
from system.scenario import SLOWNESS, Skip, scenario

LOST = (OSError, ValueError, http.client.HTTPException)
LIBRARY = BUILD / "test/system/libmoments.so"
NEVER = 1 << 40
MARKS = ("incomplete", "frozen_source", "renaming", "restoring", "moving")
FULL = ("No space left on device", "disk is full", "out of space", "insufficient free space", "Insufficient suitable allocatable extents")
EVERYTHING, POOLS_ALONE = 1, 2  # what a full disk is full for
OCTETS = {"Content-Type": "application/octet-stream"}
# Where volumes are not just folders.
VOLUMES_OF = {"thin_lvm": lvm_volumes, "thick_lvm": lvm_volumes, "zfs": zfs_volumes}
BACKUPS = "SELECT name, id FROM instances_backups"
PLACES = ("containers", "containers-snapshots", "custom", "custom-snapshots", "images")


class Moments:
    """The end of the daemon at a chosen call, or a full disk from there on."""

    def __init__(self, folder):
        self.path = folder / "moments"
        self.path.write_bytes(bytes(16))
        with open(self.path, "r+b") as file:
            self.order = mmap.mmap(file.fileno(), 16)
        self.disarm()

    def set(self, left, full_disk=0):
        self.order[0:16] = struct.pack("<qq", left, full_disk)

    def disarm(self):
        self.set(NEVER)

    def made(self):
        """Calls since disarm()."""
        return NEVER - struct.unpack("<q", self.order[0:8])[0]

    def wrapper(self):
        if not LIBRARY.exists():
            raise Skip(f"{LIBRARY} is not built")
        return ("env", f"LD_PRELOAD={LIBRARY}", f"MOMENTS_FILE={self.path}", "ASAN_OPTIONS=verify_asan_link_order=0")


def entries(path):
    """Of a backup as the daemon keeps it."""
    with tarfile.open(path) as tar:
        return len(tar.getnames())


class World:
    """What the database says and what is on the pools, of a daemon that runs."""

    def __init__(self, test, driver):
        self.test = test
        self.folder = test.daemon.folder
        self.driver = driver
        self.volumes = VOLUMES_OF.get(driver)
        self.mounts = leaks.mounts()
        self.unpacked = {}  # what images hold
        self.was_full = False

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/lxd.db?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def wanted(self):
        """kind -> what the database says is there."""
        pool = "JOIN storage_pools AS p ON p.id = %s.storage_pool_id"
        return {
            "containers": {f"{p}/{n}" for p, n in self.rows(f"SELECT p.name, i.name FROM instances AS i {pool % 'i'}")},
            "containers-snapshots": {
                f"{p}/{n}/{s}"
                for p, n, s in self.rows(
                    "SELECT p.name, i.name, s.name FROM instances_snapshots AS s "
                    f"JOIN instances AS i ON i.id = s.instance_id {pool % 'i'}"
                )
            },
            "custom": {
                f"{p}/default_{n}"
                for p, n in self.rows(f"SELECT p.name, v.name FROM storage_volumes AS v {pool % 'v'} WHERE v.type = 'custom'")
            },
            "custom-snapshots": {
                f"{p}/default_{n}/{s}"
                for p, n, s in self.rows(
                    "SELECT p.name, v.name, s.name FROM storage_volumes_snapshots AS s "
                    f"JOIN storage_volumes AS v ON v.id = s.storage_volume_id {pool % 'v'}"
                )
            },
            "images": {
                f"{p}/{f}"
                for p, f in self.rows(
                    f"SELECT p.name, i.fingerprint FROM images_pools AS r JOIN images AS i ON i.id = r.image_id {pool % 'r'}"
                )
            },
        }

    def pools(self):
        return {name for (name,) in self.rows("SELECT name FROM storage_pools")}

    def present(self):
        """kind -> what lies on the pools."""
        found = {kind: set() for kind in PLACES}
        if self.volumes:
            for pool in self.pools():
                for kind, rest in self.volumes.present(pool):
                    found[kind].add(f"{pool}/{rest}")
            return found
        return found | self.folders()

    def folders(self):
        found = {}
        for kind in PLACES:
            depth = 2 if kind.endswith("snapshots") else 1
            paths = [path for pool in self.pools() for path in (self.pool(pool) / kind).glob("/".join("*" * depth))]
            found[kind] = {f"{path.parents[depth].name}/{path.relative_to(path.parents[depth - 1])}" for path in paths}
        return found

    def pool(self, name):
        return self.folder / "storage-pools" / name

    def state(self):
        """What must be as before or as after: all volumes, and what they hold."""
        state = {}
        for kind, names in self.wanted().items():
            for name in names:
                pool, rest = name.split("/", 1)
                state[f"{kind}:{name}"] = content(self.pool(pool) / kind / rest, self.driver) if not self.volumes else None
        if self.volumes:
            state |= self.contents(self.wanted())
        state["aliases"] = sorted(name for (name,) in self.rows("SELECT name FROM images_aliases"))
        state["images"] = len(self.rows("SELECT fingerprint FROM images"))
        state["backups"] = [(name, entries(self.folder / f"backups/instances/{number}")) for name, number in self.rows(BACKUPS)]
        state["pools"] = sorted(self.pools())
        state["daemon's volumes"] = sorted(self.rows("SELECT key, value FROM config"))
        sizes = self.rows(
            "SELECT p.name, v.name, c.value FROM storage_volumes_config AS c JOIN storage_volumes AS v ON v.id = c.storage_volume_id "
            "JOIN storage_pools AS p ON p.id = v.storage_pool_id WHERE c.key = 'size'"
        )
        state["sizes"] = [(pool, name, size, self.limit(pool, name)) for pool, name, size in sorted(sizes)]
        return state

    def limit(self, pool, name):
        """What a volume may hold, as the disk has it where that is quickly seen."""
        if self.driver != "btrfs":
            return None
        told = run("btrfs", "qgroup", "show", "-rF", "--raw", self.pool(pool) / f"custom/default_{name}").stdout.split("\n")
        return told[-2].split()[3]

    def contents(self, wanted):
        """But of images, which nobody writes to."""
        found = {}
        for group in self.pools():
            here = {
                (kind, name.split("/", 1)[1])
                for kind, names in wanted.items()
                for name in names
                if name.startswith(f"{group}/") and kind != "images"
            }
            with self.volumes.active(group, here):
                for kind, rest in here:
                    with self.volumes.opened(group, (kind, rest), self.pool(group) / kind / rest) as folder:
                        found[f"{kind}:{group}/{rest}"] = content(folder, self.driver)
        return found

    def strangers(self):
        """What disagrees, or belongs to nothing."""
        try:
            return self.disagreements()
        except FileNotFoundError as gone:  # while something is being removed
            return [str(gone)]

    def disagreements(self):
        found = []
        wanted, present = self.wanted(), self.present()
        for kind, names in wanted.items():
            found += [f"{kind}: {name} has no volume" for name in names - present[kind]]
            found += [f"{kind}: {name} has no row" for name in present[kind] - names]
        found += [f"mark: {row}" for row in self.marks()]
        found += [f"link: {what}" for what in self.links(wanted)]
        found += [f"file: {path}" for path in self.files(wanted)]
        found += [f"not whole: {what}" for what in self.broken(present)]
        return found

    def broken(self, present):
        """Files that are nobody's volume."""
        for path in self.daemon_files("images"):
            if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
                yield f"image {path.name}"
        if self.volumes:
            return
        for name in present["images"]:
            pool, fingerprint = name.split("/")
            found = content(self.pool(pool) / "images" / fingerprint, self.driver)
            if self.unpacked.setdefault(fingerprint, found) != found:
                yield f"unpacked image {name}"
        for name in present["containers"] if not self.was_full else ():  # where there is no room, the next start writes it
            pool, instance = name.split("/")
            told = self.pool(pool) / "containers" / instance / "backup.yaml"
            if not told.exists() or not told.read_text().rstrip():
                yield f"backup.yaml of {instance}"

    def marks(self):
        like = " OR ".join(f"key LIKE 'volatile.%{mark}'" for mark in MARKS)
        queries = [
            f"SELECT * FROM instances_config WHERE {like}",
            f"SELECT * FROM instances_snapshots_config WHERE {like}",
            f"SELECT * FROM storage_volumes_config WHERE {like}",
            "SELECT name FROM instances_snapshots WHERE incomplete OR new_name != ''",
            "SELECT name FROM storage_volumes WHERE incomplete OR new_name != ''",
            "SELECT name FROM storage_volumes_snapshots WHERE incomplete OR new_name != ''",
            "SELECT name, status FROM storage_pools WHERE status != 'Created'",
        ]
        return [row for query in queries for row in self.rows(query)]

    def links(self, wanted):
        """LXD_DIR/containers and LXD_DIR/snapshots say where everything is."""
        targets = {}
        for name in wanted["containers"]:
            pool, instance = name.split("/")
            targets[f"containers/{instance}"] = str(self.pool(pool) / "containers" / instance)
        for name in wanted["containers-snapshots"]:
            pool, instance, _ = name.split("/")
            targets[f"snapshots/{instance}"] = str(self.pool(pool) / "containers-snapshots" / instance)
        links = [path for kind in ("containers", "snapshots") for path in (self.folder / kind).glob("*") if path.is_symlink()]
        there = {f"{path.parent.name}/{path.name}": os.readlink(path) for path in links}
        differing = [name for name in {*targets, *there} if there.get(name) != targets.get(name)]
        kept = {key: value.replace("/", "/custom/default_") for key, value in self.rows("SELECT key, value FROM config")}
        for name in ("images", "backups"):
            volume = kept.get(f"storage.{name}_volume")
            targets[name], path = str(self.folder / "storage-pools" / volume) if volume else None, self.folder / name
            there[name] = os.readlink(path) if path.is_symlink() else None
            differing += [name] if there[name] != targets[name] else []
        return [f"{name}: {there.get(name)} and not {targets.get(name)}" for name in differing]

    def daemon_files(self, name):
        return [path for path in (self.folder / name).iterdir() if path.name != "lost+found"]

    def files(self, wanted):
        """Half-made things, files and mounts of nobody."""
        places = {str(self.pool(name.split("/", 1)[0]) / kind / name.split("/", 1)[1]) for kind, names in wanted.items() for name in names}
        pools = self.pools()
        instances = {name for (name,) in self.rows("SELECT name FROM instances")}
        images = {name for (name,) in self.rows("SELECT fingerprint FROM images")}
        backups = {str(number) for (number,) in self.rows("SELECT id FROM instances_backups")}
        found = [path for path in (self.folder / "storage-pools").iterdir() if path.name not in pools]
        found += [path for path in (self.folder / "disks").glob("*") if path.stem not in pools]
        found += [path for path in self.daemon_files("images") if path.name.split(".")[0] not in images]
        found += [path for path in self.daemon_files("backups") if path.is_file()]
        found += [path for path in self.folder.iterdir() if path.suffix in (".new", ".partial")]
        found += [path for path in (self.folder / "backups/instances").iterdir() if path.name not in backups]
        for pool in map(self.pool, pools):
            found += [*pool.glob(".partial-*"), *pool.glob("*/.partial-*"), *pool.glob("*/*/.partial-*"), *pool.glob("views/*")]
            found += [path for path in pool.glob("*-snapshots/*") if not any(path.iterdir())]
            found += pool.glob("containers/*/.backup.yaml.*")
            found += [path for path in pool.glob("work/*") if path.name not in instances]
            with contextlib.suppress(FileNotFoundError):  # while it is being removed, which the line above tells
                found += [path for path in pool.glob("layers/*") if path.name != ".veil" and (path / "name").stat().st_nlink < 2]
        if self.volumes:  # folders that volumes are mounted on
            found += [f"{kind} {name}" for kind, names in self.folders().items() for name in names - wanted[kind]]
        for point in leaks.mounts() - self.mounts - places:
            parts = Path(point).parts
            # An overlay is mounted once it was looked into.
            mounted = parts[-1] == "rootfs" and parts[-2] in instances
            if not (mounted or (parts[-2] == "storage-pools" and parts[-1] in pools)):
                found.append(f"mount {point}")
        for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
            with contextlib.suppress(OSError):
                text = backing.read_text().strip()
                if text.startswith(str(self.folder)) and Path(text).stem not in pools:
                    found.append(f"loop device of {text}")
        return found


def content(folder, driver):
    """Of a volume: a note that tests leave in it, and a number for all that there is beside it."""
    root = folder / "rootfs" if (folder / "rootfs").exists() else folder
    layer = folder / ".layer"
    if driver == "overlay" and layer.exists():  # what was changed, mounted or not
        root = folder.parents[2 if "snapshots" in folder.parts[-3] else 1] / "layers" / layer.read_text() / "tree/rootfs"
    note = root / "note"
    seen = hashlib.sha256()
    for top, folders, files in os.walk(root):
        folders.sort()
        for path in sorted(Path(top, name) for name in (*folders, *files)):
            mode = path.lstat().st_mode
            seen.update(f"{path.relative_to(root)} {mode:o}\n".encode())
            if stat.S_ISREG(mode):
                seen.update(hashlib.sha256(path.read_bytes()).digest())
            elif stat.S_ISLNK(mode):
                seen.update(os.fsencode(os.readlink(path)))
    return (note.read_text() if note.exists() else "", seen.hexdigest()[:12])


SIZES = {
    "btrfs": {"size": "192MiB"},
    "thin_lvm": {"size": "512MiB", "volume.size": "16MiB"},
    "thick_lvm": {"size": "1GiB", "volume.size": "16MiB", "lvm.use_thinpool": "false"},
    "zfs": {"size": "256MiB"},
}
# To be filled.
SMALL = {"thin_lvm": {"size": "128MiB"}, "zfs": {"size": "96MiB"}}


class Stage:
    """Pools p and q, an image, an instance `src` and a volume `vol` on p, each with snapshots s1 and s2."""

    def __init__(self, test, driver):
        self.test, self.driver, self.api = test, driver, test.api
        self.moments = Moments(test.folder)
        if driver in VOLUMES_OF:
            VOLUMES_OF[driver].keep_to(test.folder / "lvm")
        test.daemon.start(wrapper=self.moments.wrapper())
        self.world = World(test, driver)
        self.image, self.fingerprint = small_image("image")
        self.other_image, self.other_fingerprint = small_image("other")
        self.sources = {}  # pool -> its configuration
        self.restored = "s2" if PAST in KINDS[driver].refuses else "s1"

    def ask(self, method, target, body=None, headers=None):
        return self.api.ask(method, f"/1.0/{target}".rstrip("/"), body, headers)

    def ask_later(self, *request):
        """Gives what waits for its end, and tells why it was refused."""
        refusals = []

        def ask():
            try:
                self.ask(*request)
                refusals.append("")
            except Refused as refusal:
                refusals.append(refusal.text)

        thread = threading.Thread(target=ask)
        thread.start()

        def end():
            thread.join()
            return refusals[0]

        return end

    def pool_order(self, name):
        config = self.sources.get(name) or SIZES.get(self.driver, {})
        return {"name": name, "driver": KINDS[self.driver].driver, "config": dict(config)}

    def add_pool(self, name):
        self.ask("POST", "storage-pools", self.pool_order(name))

    def set_up(self):
        for pool in "pq":
            try:
                self.add_pool(pool)
            except Refused as refusal:
                raise Skip(f"no pool on {self.driver} here: {refusal.text}") from None
        self.ask("POST", "images", self.image, OCTETS)
        self.ask("POST", "images/aliases", {"name": "img", "target": self.fingerprint})
        self.make("src", "first")
        self.ask("POST", "instances/src/snapshots", {"name": "s1"})
        self.note("containers", "src", "second")
        self.ask("POST", "instances/src/snapshots", {"name": "s2"})
        self.note("containers", "src", "third")
        self.make_volume("vol", "first")
        self.ask("POST", f"{VOLUMES}/vol/snapshots", {"name": "s1"})
        self.note("custom", "default_vol", "second")
        self.ask("POST", f"{VOLUMES}/vol/snapshots", {"name": "s2"})
        self.note("custom", "default_vol", "third")
        self.ask("POST", "instances/src/backups", {"name": "kept", "compression_algorithm": "none"})
        self.backup = self.api.raw("GET", "/1.0/instances/src/backups/kept/export").body
        self.streams = self.as_streams("instances/src")
        self.volume_streams = self.as_streams(f"{VOLUMES}/vol")

    def as_streams(self, target):
        """In the format of the driver, where it has one."""
        self.ask("POST", f"{target}/backups", {"name": "own", "compression_algorithm": "none", "optimized_storage": True})
        content = self.api.raw("GET", f"/1.0/{target}/backups/own/export").body
        self.ask("DELETE", f"{target}/backups/own")
        return content

    def put_on(self, disk, pools):
        """Lays pools on a filesystem of their own."""
        place = disk.mount()
        self.world.mounts = leaks.mounts()
        for pool in pools:
            (place / pool).mkdir()
            self.sources[pool] = {"source": str(place / pool)}
        return disk

    def begin_anew(self):
        """So that the steps after a failed one can be seen, too."""
        self.test.daemon.kill()
        for point in sorted(leaks.mounts() - self.world.mounts, reverse=True):
            subprocess.run(["umount", "--lazy", point], check=False)
        if self.driver in VOLUMES_OF:
            VOLUMES_OF[self.driver].discard("pqr")
        sources = [Path(config["source"]) for config in self.sources.values() if "source" in config]
        for path in [path for folder in (self.test.daemon.folder, *sources) for path in folder.iterdir()]:
            subprocess.run(["rm", "-rf", path], check=True)
        self.moments.disarm()
        self.test.daemon.start(wrapper=self.moments.wrapper())
        self.set_up()

    def take_down(self):
        self.moments.disarm()
        self.ask(*NOT_IN_VOLUMES)
        self.test.daemon.delete_instances()
        self.test.daemon.delete_storage()
        for image in self.api.get("/1.0/images"):
            self.api.ask("DELETE", image)

    def make(self, name, text):
        self.ask("POST", "instances", order(name, {"type": "image", "alias": "img"}))
        self.note("containers", name, text)

    def make_volume(self, name, text):
        self.ask("POST", VOLUMES, {"name": name})
        self.note("custom", f"default_{name}", text)

    def note(self, kind, name, text):
        def write(folder):
            ((folder / "rootfs" if kind == "containers" else folder) / "note").write_text(text)

        folder = self.world.pool("p") / kind / name
        if not self.world.volumes:
            return write(folder)
        volumes = self.world.volumes
        with volumes.active("p", [(kind, name)]), volumes.opened("p", (kind, name), folder, writable=True) as opened:
            write(opened)

    def upset(self, name):
        """Changes a container in more places than one, where its files lie open; a second time changes nothing."""
        root = self.world.pool("p") / "containers" / name / "rootfs"
        if self.world.volumes or self.driver == "overlay":
            return
        for place in ("bin", "etc", "var"):
            (root / place).mkdir(exist_ok=True)
            (root / place / "new").write_text("new")
        (root / "etc/file-1").unlink(missing_ok=True)
        if (root / "etc/file-2").exists():
            (root / "etc/file-2").rename(root / "var/moved")

    def has(self, what):
        return what in self.world.state()

    def ensure(self, what, make):
        if not self.has(what):
            make()


VOLUMES = "storage-pools/p/volumes/custom"


def root_on(pool):
    return {"root": {"type": "disk", "path": "/", "pool": pool}}


def order(name, source, pool="p", **more):
    return {"name": name, "source": source, "profiles": [], "devices": root_on(pool), **more}


def copy_of(name, source="src", pool="p", **more):
    return order(name, {"type": "copy", "source": source, **more}, pool)


def volume_copy(name, source="vol", **more):
    return {"name": name, "source": {"type": "copy", "pool": "p", "name": source, **more}}


def nothing(_stage):
    pass


def drop(*targets):
    """Undoes a step: what it made goes."""

    def undo(stage):
        for target in targets:
            stage.ask("DELETE", target)

    return undo


def image_gone_from(pool):
    def prepare(stage):
        if stage.has(f"images:{pool}/{stage.fingerprint}"):
            stage.ask("DELETE", f"storage-pools/{pool}/volumes/image/{stage.fingerprint}")

    return prepare


def any_copy(stage):
    stage.ensure("containers:p/cpy", lambda: stage.ask("POST", "instances", copy_of("cpy")))


def any_volume_copy(stage):
    stage.ensure("custom:p/default_vcpy", lambda: stage.ask("POST", VOLUMES, volume_copy("vcpy")))


def is_changed(stage, snapshots, copy):
    """A refresh that was cut off leaves it so."""
    return stage.has(f"{snapshots}/own") or (stage.has(copy) and not stage.has(f"{snapshots}/s2"))


def with_copy(stage):
    if is_changed(stage, "containers-snapshots:p/cpy", "containers:p/cpy"):
        stage.ask("DELETE", "instances/cpy")
    any_copy(stage)


def with_volume_copy(stage):
    if is_changed(stage, "custom-snapshots:p/default_vcpy", "custom:p/default_vcpy"):
        stage.ask("DELETE", f"{VOLUMES}/vcpy")
    any_volume_copy(stage)


def changed_copy(stage):
    any_copy(stage)
    stage.note("containers", "cpy", "changed")
    stage.ensure("containers-snapshots:p/cpy/own", lambda: stage.ask("POST", "instances/cpy/snapshots", {"name": "own"}))
    if stage.has("containers-snapshots:p/cpy/s2"):
        stage.ask("DELETE", "instances/cpy/snapshots/s2")


def changed_volume_copy(stage):
    any_volume_copy(stage)
    stage.note("custom", "default_vcpy", "changed")
    stage.ensure("custom-snapshots:p/default_vcpy/own", lambda: stage.ask("POST", f"{VOLUMES}/vcpy/snapshots", {"name": "own"}))
    if stage.has("custom-snapshots:p/default_vcpy/s2"):
        stage.ask("DELETE", f"{VOLUMES}/vcpy/snapshots/s2")


def with_other_image(stage):
    if not stage.world.rows(f"SELECT 1 FROM images WHERE fingerprint = '{stage.other_fingerprint}'"):
        stage.ask("POST", "images", stage.other_image, OCTETS)
    if not stage.has(f"images:p/{stage.other_fingerprint}"):
        stage.ask("POST", "instances", order("tmp", {"type": "image", "fingerprint": stage.other_fingerprint}))
        stage.ask("DELETE", "instances/tmp")


def without_other_images(stage):
    for (fingerprint,) in stage.world.rows(f"SELECT fingerprint FROM images WHERE fingerprint != '{stage.fingerprint}'"):
        stage.ask("DELETE", f"images/{fingerprint}")


def with_pool(stage):
    if "r" not in stage.world.pools():
        stage.add_pool("r")


def with_own_volumes(*names):
    """For the daemon itself, which does not use them yet."""

    def prepare(stage):
        for name in names:
            stage.ensure(f"custom:p/default_{name}", lambda name=name: stage.ask("POST", VOLUMES, {"name": name}))
        stage.ask(*NOT_IN_VOLUMES)

    return prepare


NOT_IN_VOLUMES = "PATCH", "", {"config": {"storage.images_volume": "", "storage.backups_volume": ""}}


def images_in(volume):
    return "PATCH", "", {"config": {"storage.images_volume": volume}}


def with_images_in(name):
    def prepare(stage):
        with_own_volumes("own", "own2")(stage)
        stage.ask(*images_in(f"p/{name}"))

    return prepare


# step: (what it needs, the request, what undoes it where it happened)
STEPS = {
    "create with the image's unpacking": (
        image_gone_from("q"),
        lambda stage: ("POST", "instances", order("new", {"type": "image", "alias": "img"}, "q")),
        drop("instances/new"),
    ),
    "create": (
        nothing,
        lambda stage: ("POST", "instances", order("new", {"type": "image", "alias": "img"})),
        drop("instances/new"),
    ),
    "create empty": (nothing, lambda stage: ("POST", "instances", order("new", {"type": "none"})), drop("instances/new")),
    "copy": (nothing, lambda stage: ("POST", "instances", copy_of("new")), drop("instances/new")),
    "copy of a snapshot": (nothing, lambda stage: ("POST", "instances", copy_of("new", "src/s1")), drop("instances/new")),
    "copy to another pool": (nothing, lambda stage: ("POST", "instances", copy_of("new", pool="q")), drop("instances/new")),
    "refresh": (
        changed_copy,
        lambda stage: ("POST", "instances", copy_of("cpy", refresh=True)),
        nothing,
    ),
    "snapshot": (
        nothing,
        lambda stage: ("POST", "instances/src/snapshots", {"name": "new"}),
        drop("instances/src/snapshots/new"),
    ),
    "first snapshot": (
        lambda stage: stage.ensure("containers:p/bare", lambda: stage.make("bare", "bare")),
        lambda stage: ("POST", "instances/bare/snapshots", {"name": "new"}),
        drop("instances/bare/snapshots/new"),
    ),
    "rename of a snapshot": (
        with_copy,
        lambda stage: ("POST", "instances/cpy/snapshots/s1", {"name": "new"}),
        lambda stage: stage.ask("POST", "instances/cpy/snapshots/new", {"name": "s1"}),
    ),
    "deletion of a snapshot": (
        lambda stage: (
            with_copy(stage),
            stage.ensure("containers-snapshots:p/cpy/gone", lambda: stage.ask("POST", "instances/cpy/snapshots", {"name": "gone"})),
        ),
        lambda stage: ("DELETE", "instances/cpy/snapshots/gone", None),
        nothing,
    ),
    "restore": (
        lambda stage: (with_copy(stage), stage.note("containers", "cpy", "changed"), stage.upset("cpy")),
        lambda stage: ("PUT", "instances/cpy", {"restore": stage.restored}),
        nothing,
    ),
    "rename": (
        with_copy,
        lambda stage: ("POST", "instances/cpy", {"name": "renamed"}),
        lambda stage: stage.ask("POST", "instances/renamed", {"name": "cpy"}),
    ),
    "move": (
        with_copy,
        lambda stage: ("POST", "instances/cpy", {"name": "cpy", "migration": True, "pool": "q", "live": False}),
        lambda stage: stage.ask("POST", "instances/cpy", {"name": "cpy", "migration": True, "pool": "p", "live": False}),
    ),
    "deletion": (with_copy, lambda stage: ("DELETE", "instances/cpy", None), nothing),
    "publish": (
        without_other_images,
        lambda stage: ("POST", "images", {"source": {"type": "instance", "name": "src"}, "compression_algorithm": "none"}),
        without_other_images,
    ),
    "publish of a snapshot": (
        without_other_images,
        lambda stage: ("POST", "images", {"source": {"type": "snapshot", "name": "src/s1"}, "aliases": [{"name": "published"}]}),
        without_other_images,
    ),
    "import of an image": (
        without_other_images,
        lambda stage: ("POST", "images", stage.other_image, OCTETS),
        without_other_images,
    ),
    "deletion of an image": (with_other_image, lambda stage: ("DELETE", f"images/{stage.other_fingerprint}", None), nothing),
    "backup": (
        nothing,
        lambda stage: ("POST", "instances/src/backups", {"name": "new", "compression_algorithm": "none"}),
        drop("instances/src/backups/new"),
    ),
    "import of a backup": (
        nothing,
        lambda stage: ("POST", "instances", stage.backup, OCTETS | {"X-LXD-name": "new", "X-LXD-pool": "p"}),
        drop("instances/new"),
    ),
    "backup as streams": (
        nothing,
        lambda stage: (
            "POST",
            "instances/src/backups",
            {"name": "new", "compression_algorithm": "none", "optimized_storage": True},
        ),
        drop("instances/src/backups/new"),
    ),
    "import of a backup as streams": (
        nothing,
        lambda stage: ("POST", "instances", stage.streams, OCTETS | {"X-LXD-name": "new", "X-LXD-pool": "p"}),
        drop("instances/new"),
    ),
    "import of a volume as streams": (
        nothing,
        lambda stage: ("POST", VOLUMES, stage.volume_streams, OCTETS | {"X-LXD-name": "new"}),
        drop(f"{VOLUMES}/new"),
    ),
    "volume": (nothing, lambda stage: ("POST", VOLUMES, {"name": "new"}), drop(f"{VOLUMES}/new")),
    "copy of a volume": (nothing, lambda stage: ("POST", VOLUMES, volume_copy("new")), drop(f"{VOLUMES}/new")),
    "copy of a volume to another pool": (
        nothing,
        lambda stage: ("POST", VOLUMES.replace("/p/", "/q/"), volume_copy("new")),
        drop(f"{VOLUMES.replace('/p/', '/q/')}/new"),
    ),
    "refresh of a volume": (
        changed_volume_copy,
        lambda stage: ("POST", VOLUMES, volume_copy("vcpy", refresh=True)),
        nothing,
    ),
    "snapshot of a volume": (
        nothing,
        lambda stage: ("POST", f"{VOLUMES}/vol/snapshots", {"name": "new"}),
        drop(f"{VOLUMES}/vol/snapshots/new"),
    ),
    "rename of a volume's snapshot": (
        with_volume_copy,
        lambda stage: ("POST", f"{VOLUMES}/vcpy/snapshots/s1", {"name": "new"}),
        lambda stage: stage.ask("POST", f"{VOLUMES}/vcpy/snapshots/new", {"name": "s1"}),
    ),
    "deletion of a volume's snapshot": (
        lambda stage: (
            with_volume_copy(stage),
            stage.ensure("custom-snapshots:p/default_vcpy/gone", lambda: stage.ask("POST", f"{VOLUMES}/vcpy/snapshots", {"name": "gone"})),
        ),
        lambda stage: ("DELETE", f"{VOLUMES}/vcpy/snapshots/gone", None),
        nothing,
    ),
    "restore of a volume": (
        lambda stage: (with_volume_copy(stage), stage.note("custom", "default_vcpy", "changed")),
        lambda stage: ("PUT", f"{VOLUMES}/vcpy", {"restore": stage.restored}),
        nothing,
    ),
    "update of a volume": (
        with_volume_copy,
        lambda stage: ("PATCH", f"{VOLUMES}/vcpy", {"config": {"size": "40MiB"}}),
        lambda stage: stage.ask("PATCH", f"{VOLUMES}/vcpy", {"config": {"size": ""}}),
    ),
    "rename of a volume": (
        with_volume_copy,
        lambda stage: ("POST", f"{VOLUMES}/vcpy", {"name": "renamed"}),
        lambda stage: stage.ask("POST", f"{VOLUMES}/renamed", {"name": "vcpy"}),
    ),
    "move of a volume": (
        with_volume_copy,
        lambda stage: ("POST", f"{VOLUMES}/vcpy", {"name": "vcpy", "pool": "q"}),
        lambda stage: stage.ask("POST", f"{VOLUMES.replace('/p/', '/q/')}/vcpy", {"name": "vcpy", "pool": "p"}),
    ),
    "deletion of a volume": (with_volume_copy, lambda stage: ("DELETE", f"{VOLUMES}/vcpy", None), nothing),
    "images to a volume": (
        with_own_volumes("own"),
        lambda stage: images_in("p/own"),
        lambda stage: stage.ask(*NOT_IN_VOLUMES),
    ),
    "images to another volume": (with_images_in("own"), lambda stage: images_in("p/own2"), nothing),
    "images back from a volume": (with_images_in("own"), lambda stage: images_in(""), nothing),
    "backups to a volume": (
        with_own_volumes("own"),
        lambda stage: ("PATCH", "", {"config": {"storage.backups_volume": "p/own"}}),
        lambda stage: stage.ask(*NOT_IN_VOLUMES),
    ),
    "images and backups to volumes": (
        with_own_volumes("own", "own2"),
        lambda stage: ("PATCH", "", {"config": {"storage.images_volume": "p/own", "storage.backups_volume": "p/own2"}}),
        lambda stage: stage.ask(*NOT_IN_VOLUMES),
    ),
    "pool": (
        nothing,
        lambda stage: ("POST", "storage-pools", stage.pool_order("r")),
        drop("storage-pools/r"),
    ),
    "deletion of a pool": (with_pool, lambda stage: ("DELETE", "storage-pools/r", None), nothing),
}  # fmt: skip


class Step:
    def __init__(self, stage, name):
        self.stage, self.test, self.name = stage, stage.test, name
        self.prepare, self.request, self.undo = STEPS[name]
        self.before = self.after = None
        self.calls = 0

    def clean_state(self):
        """Unpacked images come and go by themselves."""
        return {key: value for key, value in self.stage.world.state().items() if not key.startswith("images:")}

    def learn(self):
        """From the second of two runs that nothing disturbs: it begins like all later ones."""
        for _ in range(2):
            self.prepare(self.stage)
            self.before = self.clean_state()
            self.stage.moments.disarm()
            self.stage.ask(*self.request(self.stage))
            self.calls = self.stage.moments.made()
            self.after = self.clean_state()
            self.agree("undisturbed")
            self.undo(self.stage)

    def agree(self, what, timeout=2):
        try:
            self.test.until(lambda: not self.stage.world.strangers(), "agreement", timeout=timeout)
        except AssertionError:
            # What was busy when the daemon started is removed when it looks again.
            if all("'Pending'" in one for one in self.stage.world.strangers()):
                return self.test.until(lambda: not self.stage.world.strangers(), "agreement", timeout=15)
            raise AssertionError(f"{self.name}: {what}: {self.stage.world.strangers()[:8]}") from None

    def ready(self):
        self.prepare(self.stage)
        now = self.clean_state()
        self.test.equal(now, self.before, f"{self.name}: prepared again")

    def ask(self):
        """Whether it was acknowledged; none where that was lost. An error is told."""
        self.refusal = ""
        try:
            self.stage.ask(*self.request(self.stage))
            return True
        except Refused as refusal:
            self.refusal = refusal.text
            return False
        except LOST:
            return None

    def as_before_or_after(self, done, what, timeout=2):
        self.agree(what, timeout)
        now = self.clean_state()
        if now == self.after:
            self.undo(self.stage)
            return
        if now == self.before and not done:
            return
        keys = {*now, *self.before, *self.after}
        each = {key: (self.before.get(key), now.get(key), self.after.get(key)) for key in keys}
        # A refresh that is cut off is asked for again: each part of it is all or nothing.
        if self.name.startswith("refresh") and not done and all(one in (left, right) for left, one, right in each.values()):
            return
        told = {key: values for key, values in each.items() if values.count(values[0]) < 3}
        raise AssertionError(f"{self.name}: {what}: (before, now, after): {told}, acknowledged: {done}")

    def kill(self, moment, moment_of_repair):
        self.ready()
        self.stage.moments.set(moment)
        done = self.ask()
        self.test.daemon.kill()
        what = f"killed at {moment} of {self.calls}"
        if moment_of_repair:
            what += f", its repair at {moment_of_repair}"
            self.stage.moments.set(moment_of_repair)
            self.test.daemon.start(wait=False, wrapper=self.stage.moments.wrapper())
            with contextlib.suppress(*LOST, TimeoutError, RuntimeError):
                self.await_start()
            self.test.daemon.kill()
        self.stage.moments.disarm()
        self.test.daemon.start(wrapper=self.stage.moments.wrapper())
        self.test.equal(self.refusal, "", f"{self.name}: {what}")
        self.as_before_or_after(done, what)

    def fill_disk(self, moment, which):
        """No space from that call on until the request is answered: for pools and database alike, or for pools alone."""
        self.ready()
        self.stage.world.was_full = True
        self.stage.moments.set(moment, full_disk=which)
        done = self.ask()
        self.stage.moments.disarm()
        what = f"a full disk from {moment} of {self.calls} on: {self.refusal or 'done'}"
        told = any(words in self.refusal for words in FULL)
        self.test.true(done or (done is False and told), f"{self.name}: {what}")
        if which == EVERYTHING:  # what could not be undone either, for want of space, is undone by the next start
            self.test.daemon.kill()
            self.test.daemon.start(wrapper=self.stage.moments.wrapper())
        # What could not be removed from pools alone is removed when the daemon looks again.
        self.as_before_or_after(done, what, timeout=15)

    def await_start(self):
        def over():
            if self.test.daemon.process.poll() is not None:
                return True
            with contextlib.suppress(*LOST):
                return self.stage.api.raw("GET", "/1.0").status == 200
            return False

        self.test.until(over, "the start is over or killed")


def chosen_steps(driver):
    """Others than btrfs and zfs write and read no streams."""
    patterns = os.environ.get("FAULTS_STEPS", "*").split(",")
    chosen = [name for name in STEPS if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    return [name for name in chosen if (driver in ("btrfs", "zfs") or not name.endswith("as streams"))]


def seeded():
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"FAULTS_SEED={seed}", flush=True)
    return random.Random(seed)


def in_all_steps(stage, times, fault):
    """Does `fault(step, random numbers, which time)` so often with each step."""
    rng = seeded()
    stage.set_up()
    driver, problems = stage.driver, []
    for name in chosen_steps(driver):
        step = Step(stage, name)
        step.learn()
        number = 0
        try:
            while number < times:
                fault(step, rng, number)
                number += 1
        except (AssertionError, RuntimeError, Refused) as error:
            problems.append(f"{driver}: {error}")
            print(problems[-1], flush=True)
            stage.begin_anew()
        if times > 2 or SLOWNESS > 1:
            print(f"{driver}: {name}: {number} times in {step.calls} calls", flush=True)
    stage.take_down()
    stage.test.true(not problems, "\n".join(problems))


def moment_of(step, rng, number, times):
    """Every one at least once, where there are times enough."""
    return number + 1 if number < step.calls < times else rng.randint(1, step.calls + 2)


def kills(times):
    def fault(step, rng, number):
        repeated = rng.random() < 0.3 or step.calls < number
        step.kill(moment_of(step, rng, number, times), rng.randint(1, 60) if repeated else 0)

    return fault


def full_disks(times):
    return lambda step, rng, number: step.fill_disk(moment_of(step, rng, number, times), rng.choice((EVERYTHING, POOLS_ALONE)))


MANY = int(os.environ.get("FAULTS_TIMES", "100"))

DRIVERS = ("dir", "dir_with_reflinks", "btrfs", "overlay", *(name for name in VOLUMES_OF if KINDS[name].is_here()))

for DRIVER in DRIVERS:
    for FAULT, TIMES, NAME in ((kills, 1, "a_kill"), (kills, MANY, "many_kills"), (full_disks, MANY, "many_full_disks")):

        def show(test, driver=DRIVER, fault=FAULT, times=TIMES):
            stage = Stage(test, driver)
            mkfs = KINDS[driver].make
            disk = stage.put_on(DiskFile(test.folder / "ground", *mkfs, size=512 << 20), "pqr") if mkfs else None
            try:
                in_all_steps(stage, times, fault(times))
            finally:
                if disk:
                    disk.unmount("--lazy")

        show.__name__ = f"{NAME}_in_each_step_on_{DRIVER}"
        scenario(show, long=NAME.startswith("many"))


# --- a pool that is full ------------------------------------------------------------------------------------------


def fill(folder):
    """Until nothing more goes in."""
    with open(folder / "filler", "wb", buffering=0) as file:
        taken = 0
        for size in (16 << 20, 1 << 20, 1 << 16, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), taken, size)
                    taken += size


@contextlib.contextmanager
def full(stage):
    """Pool p has no room meanwhile."""
    if stage.world.volumes:
        with stage.world.volumes.full("p"):
            yield
        return
    filler = stage.world.pool("p") / "filler"
    fill(stage.world.pool("p"))
    yield
    filler.unlink()


def on_a_full_pool(test, driver):
    stage = Stage(test, driver)
    small = None
    if driver != "btrfs" and not stage.world.volumes:
        small = stage.put_on(DiskFile(test.folder / "small", "mkfs.ext4", "-q", "-m", "0", size=24 << 20), "p")
    elif stage.world.volumes:
        stage.sources["p"] = SIZES[driver] | SMALL.get(driver, {})
    stage.set_up()
    stage.world.was_full = True
    steps = [Step(stage, name) for name in chosen_steps(driver) if "pool" not in name and name not in ("refresh", "refresh of a volume")]
    refused = 0
    for step in steps:
        step.learn()
        step.prepare(stage)
        with full(stage):
            done = step.ask()
        told = any(words in step.refusal for words in FULL)
        test.true(done or (done is False and told), f"{step.name}: {step.refusal}")
        step.as_before_or_after(done, f"a full pool: {step.refusal}")
        if SLOWNESS > 1:
            print(f"{driver}: {step.name}: {step.refusal or 'done'}", flush=True)
        refused += not done
    print(f"{driver}: {refused} of {len(steps)} refused")
    test.true(refused > (min(3, len(steps) // 3) if driver != "btrfs" else -1), "a full pool refuses")
    stage.take_down()
    if small:
        small.unmount("--lazy")


@scenario
def a_full_dir_pool_refuses_and_stays_whole(test):
    on_a_full_pool(test, "dir")


@scenario
def a_full_btrfs_pool_refuses_and_stays_whole(test):
    on_a_full_pool(test, "btrfs")


@scenario
def a_full_overlay_pool_refuses_and_stays_whole(test):
    on_a_full_pool(test, "overlay")


def register_full_pool(driver):
    def show(test):
        on_a_full_pool(test, driver)

    show.__name__ = f"a_full_{driver}_pool_refuses_and_stays_whole"
    show.__module__ = __name__
    scenario(show, long=True)


for DRIVER in VOLUMES_OF:
    if KINDS[DRIVER].is_here():
        register_full_pool(DRIVER)


# --- pools that are missing ---------------------------------------------------------------------------------------


class Elsewhere:
    """Pools `loop` (btrfs in a file), `dir` and `overlay` (on filesystems of their own) that can be taken away from a daemon
    that is down, and put back."""

    NAMES = ("loop", "dir", "overlay")

    def __init__(self, test):
        self.test, self.api = test, test.api
        self.file = test.daemon.folder / "disks/loop.img"
        self.sources = {name: test.folder / f"source-{name}" for name in ("dir", "overlay")}
        self.disks = [DiskFile(source, "mkfs.ext4", "-q", size=128 << 20) for source in self.sources.values()]

    def attach(self):
        for disk in self.disks:
            with contextlib.suppress(OSError):
                (disk.mount() / "lost+found").rmdir()

    def make(self):
        self.attach()
        orders = {"loop": ("btrfs", {"size": "192MiB"})} | {
            name: (name, {"source": str(source)}) for name, source in self.sources.items()
        }
        for name, (driver, config) in orders.items():
            answer = self.api.raw("POST", "/1.0/storage-pools", {"name": name, "driver": driver, "config": config})
            if answer.status >= 400:
                raise Skip(f"no pool on {driver} here: {answer.error}")

    def detach(self):
        for name in self.NAMES:
            pool = self.test.daemon.folder / "storage-pools" / name
            for point in sorted((point for point in leaks.mounts() if point.startswith(f"{pool}/")), reverse=True):
                run("umount", "--lazy", point)
            run("umount", "--lazy", pool)
        self.file.rename(self.file.with_suffix(".away"))
        for disk in self.disks:
            disk.unmount()

    def put_back(self):
        self.file.with_suffix(".away").rename(self.file)
        self.attach()

    def away(self):
        for disk in self.disks:
            disk.unmount("--lazy")


@scenario
def a_pool_that_is_missing_comes_back_with_all_that_is_on_it(test):
    moments = Moments(test.folder)
    test.start(wrapper=moments.wrapper())
    elsewhere = Elsewhere(test)
    elsewhere.make()
    names = {pool: test.name(f"on-{pool}") for pool in elsewhere.NAMES}
    for pool, name in names.items():
        test.daemon.lxc("init", "busybox", name, "--storage", pool, "-c", "boot.autostart=true", check=True)
        test.api.ask("POST", f"/1.0/instances/{name}/snapshots", {"name": "s"})
        test.api.ask("POST", f"/1.0/storage-pools/{pool}/volumes/custom", {"name": "files"})
        test.api.ask("POST", f"/1.0/storage-pools/{pool}/volumes/custom/files/snapshots", {"name": "s"})
    # A rename between its two halves, to be repaired when its pool is there.
    cut_off = names["loop"]
    moments.set(8)
    with contextlib.suppress(*LOST):
        test.api.ask("POST", f"/1.0/instances/{cut_off}", {"name": "never"})
    test.daemon.kill()
    moments.disarm()
    elsewhere.detach()
    test.daemon.start()
    status = {pool["name"]: pool["status"] for pool in test.api.get("/1.0/storage-pools?recursion=1")}
    test.equal(status, {"default": "Created"} | dict.fromkeys(elsewhere.NAMES, "Unavailable"))
    for pool, name in names.items():
        test.equal(test.api.get(f"/1.0/instances/{name}")["status"], "Stopped")
        answer = test.api.raw("POST", f"/1.0/storage-pools/{pool}/volumes/custom", {"name": "more"})
        test.equal((answer.status, answer.error), (503, "Storage pool is unavailable on this server"))
        refused = test.daemon.lxc("delete", name).stderr.decode()
        test.true("Storage pool is unavailable on this server" in refused, refused)
    test.launch("other")
    elsewhere.put_back()

    def all_run():
        return all(test.api.get(f"/1.0/instances/{name}")["status"] == "Running" for name in names.values())

    test.until(all_run, "the pools are back, and what is on them runs", timeout=30)
    for pool, name in names.items():
        test.equal(test.api.get(f"/1.0/storage-pools/{pool}")["status"], "Created")
        test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
        test.api.ask("PUT", f"/1.0/instances/{name}", {"restore": "s"})
        test.api.ask("PUT", f"/1.0/storage-pools/{pool}/volumes/custom/files", {"restore": "s"})
        test.daemon.lxc("delete", "--force", name, check=True)
        test.api.ask("DELETE", f"/1.0/storage-pools/{pool}/volumes/custom/files")
        test.api.ask("DELETE", f"/1.0/storage-pools/{pool}")
    elsewhere.away()


@scenario
def a_pool_that_is_missing_can_be_deleted_and_loses_nothing(test):
    test.start()
    elsewhere = Elsewhere(test)
    elsewhere.make()
    name = test.name("kept")
    for pool in elsewhere.NAMES:
        test.daemon.lxc("init", "busybox", name, "--storage", pool, check=True)
        test.daemon.lxc("delete", name, check=True)
    test.daemon.lxc("init", "busybox", name, "--storage", "dir", check=True)
    test.daemon.kill()
    elsewhere.detach()
    elsewhere.file.write_bytes(b"no filesystem")
    test.daemon.start()
    deletion = {pool: lambda pool=pool: test.api.raw("DELETE", f"/1.0/storage-pools/{pool}") for pool in elsewhere.NAMES}
    answer = deletion["dir"]()
    test.equal((answer.status, answer.error), (400, "The storage pool is currently in use"))
    answer = deletion["loop"]()
    test.true(answer.status == 500 and f"{elsewhere.file}: move that away" in answer.error, answer.error)
    elsewhere.file.unlink()
    for pool in ("loop", "overlay"):
        test.equal(deletion[pool]().status, 200)
        test.equal(test.api.raw("GET", f"/1.0/storage-pools/{pool}").status, 404)
        test.true(not (test.daemon.folder / "storage-pools" / pool).exists(), pool)
    test.daemon.kill()
    elsewhere.put_back()
    test.daemon.start()
    test.true(list((elsewhere.sources["overlay"] / "images").iterdir()), "the images are where they were")
    test.daemon.lxc("delete", name, check=True)
    test.equal(deletion["dir"]().status, 200)
    test.equal(list(elsewhere.sources["dir"].iterdir()), [])
    elsewhere.away()


# --- an image that goes while it is launched ----------------------------------------------------------------------


@scenario
def an_image_deleted_while_it_is_launched_makes_a_container_or_none(test):
    rng = seeded()
    for driver in ("dir", "btrfs", "overlay"):
        stage = Stage(test, driver)
        try:
            stage.set_up()
        except Skip:
            stage.take_down()
            test.daemon.terminate()
            continue
        source = {"type": "image", "fingerprint": stage.other_fingerprint}
        with_other_image(stage)
        stage.ask("POST", "instances", order("whole", source))
        whole = content(stage.world.pool("p") / "containers/whole", driver)
        stage.ask("DELETE", "instances/whole")
        stage.ask("DELETE", f"images/{stage.other_fingerprint}")
        for number in range(12):
            stage.ask("POST", "images", stage.other_image, OCTETS)
            creations = [
                stage.ask_later("POST", "instances", order(f"new{which}", source))
                for which in range(2)
            ]
            time.sleep(rng.uniform(0, 0.06))  # the moment is what the test is about
            stage.ask("DELETE", f"images/{stage.other_fingerprint}")
            for which, creation in enumerate(creations):
                refusal = creation()
                test.true(refusal == "" or "not found" in refusal.lower(), f"{driver}, time {number}: {refusal}")
                test.equal(stage.has(f"containers:p/new{which}"), refusal == "", f"{driver}, time {number}: {refusal}")
                if refusal == "":
                    test.equal(content(stage.world.pool("p") / f"containers/new{which}", driver), whole)
                    stage.ask("DELETE", f"instances/new{which}")
            test.until(lambda stage=stage: not stage.world.strangers(), "agreement", timeout=2)
        stage.take_down()
        test.daemon.terminate()
    test.daemon.start()
