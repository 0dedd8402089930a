"""Every storage operation on a pool of every kind: the same claims, seen inside of containers. What this host's kernel
lacks is seen in an emulated machine (test/vm)."""

import dataclasses
import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

from harness.disk_file import DiskFile
from harness.rest import Refused
from system import lvm_volumes
from system.publish import TREE, listing
from system.scenario import Skip, scenario

OCTETS = {"Content-Type": "application/octet-stream"}
FS_IOC_FIEMAP = 0xC020660B
EXTENT_SHARED = 0x2000
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Kind:
    driver: str
    options: dict = dataclasses.field(default_factory=dict)
    make: tuple = ()  # what makes a filesystem for it
    mount: str = "loop"  # and how that is mounted
    module: str = ""  # of the kernel
    limits: str = ""  # what a size does: "holds", "grows" the volume's filesystem, or nothing
    refuses: dict = dataclasses.field(default_factory=dict)  # what it cannot -> the words that tell so

    def is_here(self):
        if not self.module or Path("/sys/module", self.module).exists():
            return True
        return bool(shutil.which("modprobe")) and subprocess.run(["modprobe", "-q", self.module], check=False).returncode == 0


LVM = {"size": "2GiB", "volume.size": "48MiB"}
PAST = "go back past a newer snapshot"
KINDS = {
    "dir": Kind("dir"),
    "dir_with_reflinks": Kind("dir", make=("mkfs.xfs", "-q", "-m", "reflink=1")),
    "dir_with_quotas": Kind(
        "dir", make=("mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota"), mount="loop,prjquota", module="quota_v2", limits="holds"
    ),
    "btrfs": Kind("btrfs", {"size": "512MiB"}, limits="holds"),
    "overlay": Kind("overlay"),
    "thin_lvm": Kind("lvm", LVM, module="dm_thin_pool", limits="grows"),
    "thick_lvm": Kind(
        "lvm",
        LVM | {"lvm.use_thinpool": "false"},
        module="dm_snapshot",
        limits="grows",
    ),
    "zfs": Kind(
        "zfs",
        {"size": "512MiB"},
        module="zfs",
        limits="holds",
        refuses={PAST: "cannot be restored due to subsequent snapshot(s)"},
    ),
}


def zvol(path):
    """The name of a volume of ZFS."""
    return subprocess.run(["/lib/udev/zvol_id", path], check=False, capture_output=True, text=True).stdout.strip()


class Ground:
    """A daemon with a pool of that kind beside `default`, which is dir."""

    def __init__(self, test, kind):
        self.test, self.kind, self.api, self.lxc = test, kind, test.api, test.daemon.lxc
        self.pool = f"p{test.folder.name}"  # groups of LVM are known to the whole machine
        self.disk = None
        test.start()

    def __enter__(self):
        config = dict(self.kind.options)
        if self.kind.make:
            config["source"] = str(self._source())
        if self.kind.driver == "lvm":
            lvm_volumes.keep_to(self.test.folder / "lvm")
            self.test.daemon.kill()
            self.test.daemon.start()
        try:
            self.ask("POST", "storage-pools", {"name": self.pool, "driver": self.kind.driver, "config": config})
        except Refused as refusal:
            self._unmount()
            raise Skip(f"no pool on {self.kind.driver} here: {refusal.text}") from None
        return self

    def __exit__(self, problem, *_):
        try:
            self.test.daemon.delete_instances()
            self.test.daemon.delete_storage()
        except Refused:
            if not problem:  # which is what is to be told
                raise
        finally:
            self._unmount()

    def _source(self):
        try:
            self.disk = DiskFile(self.test.folder / "source", *self.kind.make, size=512 * MIB, options=self.kind.mount)
            source = self.disk.mount() / "pool"
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skip(f"no such filesystem here: {error}") from error
        source.mkdir()
        return source

    def _unmount(self):
        if self.disk:
            self.disk.unmount("--recursive")

    # --- requests

    def ask(self, method, target, body=None, headers=None):
        return self.api.ask(method, f"/1.0/{target}", body, headers)

    def refusal(self, *request):
        try:
            self.ask(*request)
        except Refused as refused:
            return refused.text
        raise AssertionError(f"{request} was done")

    def can(self, what, *request):
        """Whether it can; where it cannot, the request is refused in words that say so."""
        words = self.kind.refuses.get(what)
        if words:
            text = self.refusal(*request)
            self.test.true(words in text, f"{what}: {text}")
        else:
            self.ask(*request)
        return not words

    def launch(self, short, pool=None, image="busybox"):
        name = self.test.name(short)
        self.lxc("launch", image, name, "--storage", pool or self.pool, check=True)
        return name

    def write(self, name, text):
        self.test.exec(name, "sh", "-c", f"printf {text} > /root/note")

    def note(self, name):
        """Running or not."""
        return self.api.raw("GET", f"/1.0/instances/{name}/files?path=/root/note").body.decode()

    def stop(self, name):
        self.ask("PUT", f"instances/{name}/state", {"action": "stop", "force": True})

    def start(self, name):
        self.ask("PUT", f"instances/{name}/state", {"action": "start"})

    def snapshot(self, name, snapshot):
        self.ask("POST", f"instances/{name}/snapshots", {"name": snapshot})

    def snapshots(self, name):
        return [entry["name"] for entry in self.ask("GET", f"instances/{name}/snapshots?recursion=1")]

    def restore(self, name, snapshot):
        self.ask("PUT", f"instances/{name}", {"restore": snapshot})

    def copy(self, source, name, pool, **more):
        root = {"root": {"type": "disk", "path": "/", "pool": pool}}
        self.ask("POST", "instances", {"name": name, "source": {"type": "copy", "source": source, **more}, "devices": root})

    def move(self, name, pool):
        self.ask("POST", f"instances/{name}", {"name": name, "migration": True, "pool": pool, "live": False})

    def shares(self):
        """Whether files can share what they hold, and lie open."""
        return self.kind.driver == "btrfs" or "reflink=1" in self.kind.make

    def shares_busybox(self, name):
        if "reflink=1" in self.kind.make:
            self.test.true(shared_extents(next(self.disk.place.rglob(f"{name}/rootfs/bin/busybox"))), f"{name} shares extents with the image")

    def volumes(self, pool=None, kind="custom"):
        return f"storage-pools/{pool or self.pool}/volumes/{kind}"

    def attach(self, name, volume, pool=None, path="/data"):
        self.lxc("config", "device", "add", name, "vol", "disk", f"pool={pool or self.pool}", f"source={volume}", f"path={path}", check=True)

    def detach(self, name):
        self.lxc("config", "device", "remove", name, "vol", check=True)

    def seen(self, name, volume, pool=None):
        """A volume's note, as a running container sees it."""
        self.attach(name, volume, pool)
        text = self.test.exec(name, "cat", "/data/note")
        self.detach(name)
        return text

    def device(self, volume):
        """The file or device with a block volume's content."""
        if self.kind.driver == "lvm":
            name = "{}/custom_default_{}.block".format(self.pool, volume.replace("-", "--"))
            subprocess.run(["lvchange", "-ay", "-K", name], check=True, capture_output=True)
            return Path("/dev", name)
        if self.kind.driver == "zfs":
            name = f"{self.pool}/custom/default_{volume}"
            subprocess.run(["zfs", "set", "volmode=dev", name], check=True, capture_output=True)
            return self.test.until(lambda: next((path for path in Path("/dev").glob("zd*") if zvol(path) == name), None), f"a device of {name}")
        return self.test.daemon.folder / f"storage-pools/{self.pool}/custom/default_{volume}/root.img"

    def with_states(self, short):
        """A running instance of three states: snapshots s1 and s2, and its own."""
        name = self.launch(short)
        for text, snapshot in (("first", "s1"), ("second", "s2")):
            self.write(name, text)
            self.snapshot(name, snapshot)
        self.write(name, "third")
        return name

    def has_states(self, name, what, pool=None):
        """Of a stopped one, the newest state first."""
        self.test.equal((self.note(name), self.snapshots(name)), ("third", ["s1", "s2"]), what)
        self.restore(name, "s2")
        self.test.equal(self.note(name), "second", what)
        if pool == "default":
            self.restore(name, "s1")
        elif not self.can(PAST, "PUT", f"instances/{name}", {"restore": "s1"}):
            self.ask("DELETE", f"instances/{name}/snapshots/s2")
            self.restore(name, "s1")
        self.test.equal(self.note(name), "first", what)

    def backed_up(self, volume, pool, target, optimized=False):
        """What is imported on the target pool of a backup; its name."""
        name, backup_name = f"{volume}-from-{pool}-{optimized}", f"{target}-{optimized}"
        wanted = {"name": backup_name, "compression_algorithm": "none", "optimized_storage": optimized}
        self.ask("POST", f"{self.volumes(pool)}/{volume}/backups", wanted)
        backup = self.api.raw("GET", f"/1.0/{self.volumes(pool)}/{volume}/backups/{backup_name}/export").body
        self.ask("POST", self.volumes(target), backup, OCTETS | {"X-LXD-name": name})
        return name

    def images(self):
        return self.ask("GET", self.volumes(kind="image"))


def shared_extents(path):
    """Whether every extent of the file is shared with another file."""
    header = struct.pack("=QQLLLL", 0, 1 << 62, 1, 0, 64, 0)  # whole file, synced, up to 64 extents
    answer = bytearray(header + bytes(64 * 56))
    with open(path, "rb") as file:
        fcntl.ioctl(file, FS_IOC_FIEMAP, answer)
    mapped = struct.unpack_from("=L", answer, 20)[0]
    flags = [struct.unpack_from("=L", answer, 32 + 56 * number + 40)[0] for number in range(mapped)]
    return bool(flags) and all(flag & EXTENT_SHARED for flag in flags)


# --- what is claimed ----------------------------------------------------------------------------------------------


def containers_live(ground, test):
    space = ground.ask("GET", f"storage-pools/{ground.pool}/resources")["space"]
    test.true(0 <= space["used"] < space["total"], f"the pool's space: {space}")
    name = ground.launch("live")
    test.exec(name, "sh", "-c", TREE)
    before = listing(test, name)
    test.equal(test.exec(name, "stat", "-c", "%u:%g", "/", "/bin", "/root/p"), "0:0\n0:0\n1000:1001\n")
    ground.stop(name)
    ground.start(name)
    test.equal(listing(test, name), before, "after a restart")
    test.daemon.kill()
    test.daemon.start()
    test.equal(listing(test, name), before, "after the daemon's end")
    ground.lxc("restart", "--force", name, check=True)
    test.equal(listing(test, name), before, "after a restart by another daemon")
    pushed = ground.lxc("file", "push", "-", f"{name}/root/pushed", stdin=b"text", check=True)
    test.equal((pushed.returncode, test.exec(name, "stat", "-c", "%u %s", "/root/pushed")), (0, "0 4\n"))
    ground.shares_busybox(name)
    test.true(test.state(name)["status"] == "Running", "it runs")
    other = ground.launch("other")
    test.equal(len(ground.images()), 1, "unpacked copies of the image")
    ground.lxc("image", "delete", "busybox", check=True)
    unpacked = test.daemon.folder / "storage-pools" / ground.pool / "images"
    test.until(lambda: not list(unpacked.iterdir()), "the unpacked copy goes")
    test.equal(ground.images(), [], "after its deletion")
    test.equal(test.exec(other, "sh", "-c", "echo $((6 * 7))"), "42\n")
    used_by = ground.ask("GET", f"storage-pools/{ground.pool}")["used_by"]
    test.equal(sorted(url for url in used_by if "instances" in url), sorted(f"/1.0/instances/{one}" for one in (name, other)))
    test.true("in use" in ground.refusal("DELETE", f"storage-pools/{ground.pool}"), "it cannot go")


def snapshots_come_back(ground, test):
    name = ground.with_states("snap")
    test.equal(ground.snapshots(name), ["s1", "s2"])
    test.true("already" in ground.refusal("POST", f"instances/{name}/snapshots", {"name": "s1"}), "a name that is taken")
    ground.restore(name, "s2")
    test.equal(test.exec(name, "cat", "/root/note"), "second", "of a running one")
    ground.ask("POST", f"instances/{name}/snapshots/s1", {"name": "one"})
    test.equal(ground.snapshots(name), ["one", "s2"])
    if ground.can(PAST, "PUT", f"instances/{name}", {"restore": "one"}):
        test.equal(test.exec(name, "cat", "/root/note"), "first", "under its new name")
        ground.restore(name, "s2")
    test.equal(test.exec(name, "cat", "/root/note"), "second", "the later one again")
    ground.ask("DELETE", f"instances/{name}/snapshots/one")
    test.equal(ground.snapshots(name), ["s2"])
    ground.write(name, "later")
    ground.copy(f"{name}/s2", f"{name}-2", ground.pool)
    ground.start(f"{name}-2")
    test.equal(test.exec(f"{name}-2", "cat", "/root/note"), "second", "an instance made of it")
    ground.ask("DELETE", f"instances/{name}/snapshots/s2")
    test.equal((test.exec(name, "cat", "/root/note"), test.exec(f"{name}-2", "cat", "/root/note")), ("later", "second"))


def copies_bring_snapshots(ground, test):
    name = ground.with_states("copy")
    here, there, back = (f"{name}-{number}" for number in (1, 2, 3))
    ground.copy(name, here, ground.pool)  # of a running one
    ground.copy(name, there, "default")
    ground.copy(there, back, ground.pool)
    test.equal(test.exec(name, "echo", "runs"), "runs\n")
    taken = ground.ask("GET", f"instances/{name}/snapshots/s1")["created_at"]
    for copy in (here, there, back):
        snapshot = ground.ask("GET", f"instances/{copy}/snapshots/s1")
        test.equal(snapshot["created_at"], taken, copy)
        test.equal([key for key in snapshot["config"] if key.endswith(("uuid", "hwaddr"))], [], "nothing of the source's own")
    ground.start(back)
    test.equal(test.exec(back, "cat", "/root/note"), "third")
    ground.stop(back)
    if ground.shares():
        kept = test.daemon.folder / "storage-pools" / ground.pool
        for place in (f"containers-snapshots/{back}/s2", f"containers/{back}"):
            test.true(shared_extents(kept / place / "rootfs/bin/busybox"), f"{place} shares extents with the snapshot before")
    for copy, pool in ((here, ground.pool), (there, "default"), (back, ground.pool)):
        ground.has_states(copy, f"a copy on {pool}", pool)
    ground.snapshot(name, "s3")
    ground.ask("DELETE", f"instances/{name}/snapshots/s1")
    ground.write(name, "fourth")
    for copy, pool in ((here, ground.pool), (there, "default")):
        ground.copy(name, copy, pool, refresh=True)
        test.equal((ground.note(copy), ground.snapshots(copy)), ("fourth", ["s2", "s3"]), f"a refresh on {pool}")
        ground.restore(copy, "s3")
        test.equal(ground.note(copy), "third", f"a refresh on {pool}")


def instances_move(ground, test):
    name = ground.with_states("move")
    renamed = f"{name}-2"
    ground.stop(name)
    ground.ask("POST", f"instances/{name}", {"name": renamed})
    ground.start(renamed)
    test.equal(test.exec(renamed, "cat", "/root/note"), "third", "renamed")
    ground.stop(renamed)
    for pool in ("default", ground.pool):
        ground.move(renamed, pool)
        test.equal(ground.ask("GET", f"instances/{renamed}")["expanded_devices"]["root"]["pool"], pool)
        ground.start(renamed)
        test.equal(test.exec(renamed, "cat", "/root/note"), "third", f"moved to {pool}")
        ground.stop(renamed)
    ground.has_states(renamed, "moved to and fro")
    listed = ground.ask("GET", "storage-pools/default/volumes/container")
    test.equal(listed, [], "what is left on the other pool")


# With the same sizes and times, under other names, gone, new, of another kind.
CHANGES = (
    "cd /root && touch -r f old && printf TEXT | dd of=f conv=notrunc && touch -r old f && rm old && "
    "mv d e && ln e/a again && rm l && mkdir l && chmod 700 p && echo more >> s && mkfifo new && rm -r gone && touch e/stays"
)


def restores_bring_back_all_files(ground, test):
    name = ground.launch("back")
    test.exec(name, "sh", "-c", TREE + " && echo text > f && mkdir -p gone/deep && echo text > gone/deep/file")
    before = listing(test, name)
    ground.snapshot(name, "s1")
    for state in ("running", "stopped", "unchanged"):
        if state != "unchanged":
            test.exec(name, "sh", "-c", CHANGES)
            test.equal(test.exec(name, "cat", "/root/f"), "TEXT\n", "it was changed")
        if state == "stopped":
            ground.stop(name)
        ground.restore(name, "s1")
        if state == "stopped":
            ground.start(name)
        test.equal(listing(test, name), before, state)
        test.equal(test.exec(name, "cat", "/root/f"), "text\n", state)


def images_and_backups_hold_all_files(ground, test):
    name = ground.launch("pack")
    ground.write(name, "first")
    ground.snapshot(name, "s1")
    test.exec(name, "sh", "-c", TREE + "; mv /root/note /note")
    # As many bytes as in the image.
    test.exec(name, "sh", "-c", "cp -p /etc/group /root/group; tr a-z b-za < /root/group > /etc/group; touch -r /root/group /etc/group")
    before = listing(test, name), test.exec(name, "cat", "/etc/group")
    ground.stop(name)
    ground.ask("POST", "images", {"source": {"type": "instance", "name": name}, "compression_algorithm": "none", "aliases": [{"name": "made"}]})
    ground.ask("POST", f"instances/{name}/backups", {"name": "b", "compression_algorithm": "none"})
    backup = ground.api.raw("GET", f"/1.0/instances/{name}/backups/b/export").body
    ground.ask("DELETE", f"instances/{name}")
    made = ground.launch("made", image="made")
    test.equal((listing(test, made), test.exec(made, "cat", "/etc/group")), before, "of the image")
    ground.ask("POST", "instances", backup, OCTETS | {"X-LXD-name": name, "X-LXD-pool": ground.pool})
    ground.start(name)
    test.equal((listing(test, name), test.exec(name, "cat", "/etc/group")), before, "of the backup")
    ground.shares_busybox(name)
    ground.restore(name, "s1")
    test.equal(test.exec(name, "cat", "/root/note"), "first", "its snapshot")
    ground.ask("DELETE", f"images/{ground.ask('GET', 'images/aliases/made')['target']}")


def volumes_are_used(ground, test):
    name = ground.launch("user")
    volumes = ground.volumes()
    ground.ask("POST", volumes, {"name": "vol", "config": {}})
    ground.attach(name, "vol")
    test.exec(name, "sh", "-c", "printf first > /data/note; chown 33:44 /data/note; chmod 4750 /data/note")
    test.equal(ground.ask("GET", f"{volumes}/vol")["used_by"], [f"/1.0/instances/{name}"])
    for daemon in ("this", "the next"):
        test.equal(ground.refusal("DELETE", f"{volumes}/vol"), "The storage volume is still in use", daemon)
        test.equal(ground.refusal("POST", f"{volumes}/vol", {"name": "vol2"}), "Volume is still in use by running instances", daemon)
        test.daemon.kill()
        test.daemon.start()
    ground.lxc("restart", "--force", name, check=True)
    test.equal(test.exec(name, "stat", "-c", "%u:%g %a", "/data/note"), "33:44 4750\n", "after a restart")
    ground.ask("POST", f"{volumes}/vol/snapshots", {"name": "s1"})  # while it is written
    test.exec(name, "sh", "-c", "printf second > /data/note")
    ground.detach(name)
    test.true("/data" not in test.exec(name, "cat", "/proc/mounts"), "it is taken away")
    ground.ask("POST", f"{volumes}/vol", {"name": "vol2"})
    test.equal(ground.seen(name, "vol2"), "second")
    ground.ask("POST", f"{volumes}/vol2/snapshots/s1", {"name": "one"})
    ground.ask("PUT", f"{volumes}/vol2", {"restore": "one"})
    ground.attach(name, "vol2")
    shown = test.exec(name, "sh", "-c", "cat /data/note; stat -c ' %u:%g %a' /data/note")
    test.equal(shown, "first 33:44 4750\n", "what was then")
    ground.detach(name)
    ground.ask("DELETE", f"{volumes}/vol2/snapshots/one")
    ground.ask("DELETE", f"{volumes}/vol2")
    test.equal(ground.ask("GET", volumes), [])


def volumes_are_copied(ground, test):
    """With the owners and modes that their top folders have."""
    name = ground.launch("user", pool="default")
    volumes = ground.volumes()
    tops = {"first": "33:44 2750", "second": "44:33 700", "third": "0:0 1777"}
    ground.ask("POST", volumes, {"name": "vol", "config": {}})

    def written(text):
        owner, mode = tops[text].split()
        ground.attach(name, "vol")
        test.exec(name, "sh", "-c", f"printf {text} > /data/note; chown {owner} /data; chmod {mode} /data")
        ground.detach(name)

    def holds(volume, pool, text, what):
        ground.attach(name, volume, pool)
        shown = test.exec(name, "sh", "-c", "cat /data/note; stat -c ' %u:%g %a' /data")
        ground.detach(name)
        test.equal(shown, f"{text} {tops[text]}\n", what)

    def copied(volume, source, pool, target, **more):
        ground.ask("POST", ground.volumes(target), {"name": volume, "source": {"type": "copy", "pool": pool, "name": source, **more}})

    written("first")
    ground.ask("POST", f"{volumes}/vol/snapshots", {"name": "s1"})
    written("second")
    copied("here", "vol", ground.pool, ground.pool)
    copied("there", "vol", ground.pool, "default")
    copied("back", "there", "default", ground.pool)
    copied("old", "vol/s1", ground.pool, ground.pool)
    holds("old", ground.pool, "first", "a copy of a snapshot")
    written("third")
    copied("here", "vol", ground.pool, ground.pool, refresh=True)
    holds("here", ground.pool, "third", "refreshed")
    for volume, pool, text in (("here", ground.pool, "third"), ("there", "default", "second"), ("back", ground.pool, "second")):
        where = ground.volumes(pool)
        holds(volume, pool, text, volume)
        ground.ask("PUT", f"{where}/{volume}", {"restore": "s1"})
        holds(volume, pool, "first", f"the snapshot of {volume}")
    ground.ask("POST", f"{volumes}/vol", {"name": "vol", "pool": "default"})
    ground.ask("POST", f"{ground.volumes('default')}/vol", {"name": "moved", "pool": ground.pool})
    holds("moved", ground.pool, "third", "moved to and fro")
    here, there = ground.pool, "default"
    for source, pool, target, optimized in (("moved", here, here, False), ("moved", here, here, True), ("moved", here, there, False), ("there", there, here, False)):
        again = ground.backed_up(source, pool, target, optimized)
        holds(again, target, "third" if source == "moved" else "first", f"of {again}")
        ground.ask("PUT", f"{ground.volumes(target)}/{again}", {"restore": "s1"})
        holds(again, target, "first", f"of the snapshot of {again}")


def block_volumes_keep_their_bytes(ground, test):
    volumes = ground.volumes()
    ground.ask("POST", volumes, {"name": "blk", "content_type": "block", "config": {"size": "8MiB"}})

    def written(text):
        with open(ground.device("blk"), "r+b") as file:
            file.seek(4 * MIB)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def held(volume):
        with open(ground.device(volume), "rb") as file:
            file.seek(4 * MIB)
            return file.read(5)

    def size():
        with open(ground.device("blk"), "rb") as file:
            return file.seek(0, os.SEEK_END)

    written(b"first")
    ground.ask("POST", f"{volumes}/blk/snapshots", {"name": "s1"})
    written(b"later")
    ground.ask("PUT", f"{volumes}/blk", {"config": {"size": "16MiB"}})
    test.equal((held("blk"), size()), (b"later", 16 * MIB), "grown")
    text = ground.refusal("PUT", f"{volumes}/blk", {"config": {"size": "8MiB"}})
    test.true("shrunk" in text or "smaller" in text, text)
    copy = {"name": "cpy", "source": {"type": "copy", "pool": ground.pool, "name": "blk"}}
    if ground.can("copy a block volume", "POST", volumes, copy):
        test.equal(held("cpy"), b"later", "a copy")
    if ground.can("export a block volume", "POST", f"{volumes}/blk/backups", {"name": "b", "compression_algorithm": "none"}):
        there = ground.backed_up("blk", ground.pool, "default")
        test.equal(held(ground.backed_up(there, "default", ground.pool)), b"later", "of a backup of a backup")
    ground.ask("PUT", f"{volumes}/blk", {"restore": "s1"})
    test.equal(held("blk"), b"first", "of its snapshot")


def sizes_hold(ground, test):
    name = ground.launch("size")

    def fits(mib, place):
        # Of bytes that no filesystem packs.
        done = ground.lxc("exec", name, "--", "dd", "if=/dev/urandom", f"of={place}/big", "bs=1M", f"count={mib}", "conv=fsync")
        said = (done.stdout + done.stderr).decode()
        test.true(done.returncode == 0 or "quota" in said.lower() or "no space" in said.lower(), said)
        test.exec(name, "rm", "-f", f"{place}/big")
        return done.returncode == 0

    def limited(size):
        return ground.lxc("config", "device", "set", name, "root", f"size={size}")

    test.equal(limited("60MiB").returncode, 0)
    if not ground.kind.limits:
        test.true(fits(70, "/root"), "no limit")
        test.true("doesn't support quotas, skipping set quota" in Path(test.daemon.log).read_text(), "which the log tells")
        return
    test.equal((fits(30, "/root"), fits(70, "/root")), (True, False), "of 60 MiB")
    test.true(limited("90MiB").returncode == 0, "more, live")
    test.equal((fits(70, "/root"), fits(100, "/root")), (True, False), "of 90 MiB")
    less = limited("60MiB")
    if ground.kind.limits == "grows":
        test.true(less.returncode != 0 and "In use" in less.stderr.decode(), f"less, live: {less.stderr}")
        ground.stop(name)
        test.equal(limited("60MiB").returncode, 0, "less, stopped")
        ground.start(name)
    test.equal((fits(30, "/root"), fits(70, "/root")), (True, False), "of 60 MiB again")
    ground.snapshot(name, "s1")
    ground.restore(name, "s1")
    test.equal((fits(30, "/root"), fits(70, "/root")), (True, False), "after a restore")
    ground.lxc("restart", "--force", name, check=True)
    test.equal((fits(30, "/root"), fits(70, "/root")), (True, False), "after a restart")
    ground.ask("POST", ground.volumes(), {"name": "vol", "config": {"size": "60MiB"}})
    ground.attach(name, "vol")
    test.equal((fits(30, "/data"), fits(70, "/data")), (True, False), "a volume of 60 MiB")
    ground.ask("PUT", f"{ground.volumes()}/vol", {"config": {"size": "90MiB"}})
    test.equal(fits(70, "/data"), True, "a volume of 90 MiB")
    test.exec(name, "sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=30; sync")
    # ZFS counts what it wrote seconds later.
    test.until(lambda: 30 * MIB <= test.state(name)["disk"]["root"]["usage"] < 60 * MIB, "what is used is told")
    if ground.kind.driver == "btrfs":  # others take any limit, or refuse it themselves
        small = ground.lxc("init", "busybox", f"{name}-2", "--storage", ground.pool, "--device", "root,size=64KiB")
        for request in (limited("20MiB"), small):
            test.true(request.returncode != 0 and "Disk quota exceeded" in request.stderr.decode(), f"less than it holds: {request}")
        test.true(f"/1.0/instances/{name}-2" not in ground.ask("GET", "instances"), "nothing of it stays")
        test.equal((fits(30, "/root"), fits(70, "/root")), (True, False), "still of 60 MiB")
    if ground.kind.limits == "holds":
        ground.lxc("config", "device", "unset", name, "root", "size", check=True)
        test.equal(fits(100, "/root"), True, "without a limit")


CLAIMS = (
    containers_live,
    snapshots_come_back,
    restores_bring_back_all_files,
    copies_bring_snapshots,
    instances_move,
    images_and_backups_hold_all_files,
    volumes_are_used,
    volumes_are_copied,
    block_volumes_keep_their_bytes,
    sizes_hold,
)


def register(claim, name, kind):
    def show(test):
        with Ground(test, kind) as ground:
            claim(ground, test)

    show.__name__ = f"{claim.__name__}_on_{name}"
    show.__module__ = __name__
    scenario(show)


for NAME, KIND in KINDS.items():
    if KIND.is_here():
        for CLAIM in CLAIMS:
            register(CLAIM, NAME, KIND)
