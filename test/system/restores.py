"""Restores where the filesystem tells which files still lie on the same blocks as in the snapshot: whatever is done to
a container's files, its snapshot comes back, and what was not changed stays where it is."""

import contextlib
import ctypes
import fcntl
import mmap
import os
import shutil
import sqlite3
import stat
import struct
from pathlib import Path

from system.crash import small_image
from system.drivers import KINDS, OCTETS, Ground
from system.scenario import scenario
from system.storage_faults import seeded

FICLONE, FICLONERANGE = 0x40049409, 0x4020940D
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_INSERT_RANGE = 1, 2, 8, 16, 32
RENAME_EXCHANGE = 2
LIBC = ctypes.CDLL(None, use_errno=True)
ROUNDS = 120
BLOCK = 4096
MARK = "INSERT INTO {0}_config ({1}_id, key, value) SELECT id, ?, 's' FROM {0} WHERE name = ?"


def seen(root):
    """path -> all that can be seen of it, with the first name of each file."""
    found, first = {}, {}
    for folder, folders, files in sorted(os.walk(root)):
        for name in sorted([".", *folders, *files]):
            path = Path(folder, name)
            at = path.lstat()
            if name == "." or not stat.S_ISDIR(at.st_mode):
                shown = str(path.relative_to(root))
                look = [oct(at.st_mode), at.st_uid, at.st_gid, at.st_mtime_ns, at.st_rdev]
                look += [(key, os.getxattr(path, key, follow_symlinks=False)) for key in sorted(os.listxattr(path, follow_symlinks=False))]
                if stat.S_ISREG(at.st_mode):
                    look += [at.st_nlink, path.read_bytes()]
                if stat.S_ISLNK(at.st_mode):
                    look.append(os.readlink(path))
                if not stat.S_ISDIR(at.st_mode):
                    look.append(first.setdefault(at.st_ino, shown))
                found[shown] = look
    return found


def fill(root, rng):
    """Files of one to five blocks, some with holes, some with more names than one."""
    for number in range(120):
        folder = root / f"d{number % 6}/e{number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_bytes(rng.randbytes(rng.randrange(1, 5 * BLOCK)))
    with open(root / "d0/e0/sparse", "wb") as file:
        file.truncate(64 * BLOCK)
        os.pwrite(file.fileno(), b"x" * BLOCK, 10 * BLOCK)
    (root / "d1/empty").touch()
    os.link(root / "d0/e0/f0", root / "d1/link")
    os.link(root / "d1/e1/f1", root / "d2/e2/link")
    (root / "d3/symbolic").symlink_to("/etc")
    os.mkfifo(root / "d3/fifo")
    os.mknod(root / "d3/device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.setxattr(root / "d4", "user.x", b"folder")


class Changes:
    """What programs do to files, much of it made not to be noticed."""

    def __init__(self, root, rng):
        self.root, self.rng, self.made = root, rng, 0
        self.ways = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("way_")]

    def make(self, count):
        for _ in range(count):
            self.rng.choice(self.ways)()

    def paths(self, wanted):
        return sorted(Path(folder, name) for folder, folders, files in os.walk(self.root) for name in (*folders, *files) if wanted(Path(folder, name)))

    def file(self):
        return self.rng.choice(self.paths(lambda path: path.is_file() and not path.is_symlink()))

    def folder(self):
        return self.rng.choice([self.root, *self.paths(lambda path: path.is_dir() and not path.is_symlink())])

    def new(self):
        self.made += 1
        return self.folder() / f"new-{self.made}"

    def opened(self, change):
        """With the times of before."""
        path = self.file()
        before = path.stat()
        with open(path, "r+b") as file:
            change(file, before.st_size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def way_write(self):
        self.opened(lambda file, size: file.write(b"!" * min(size, 10)))

    def way_write_in_memory(self):
        def change(file, size):
            if size:
                with mmap.mmap(file.fileno(), 0) as memory:
                    memory[size // 2] ^= 0xFF

        self.opened(change)

    def way_write_past_the_cache(self):
        def change(file, size):
            if size < BLOCK:
                return
            direct = os.open(f"/proc/self/fd/{file.fileno()}", os.O_WRONLY | os.O_DIRECT)
            with mmap.mmap(-1, BLOCK) as page:
                page[:] = self.rng.randbytes(BLOCK)
                os.pwritev(direct, [page], 0)
            os.close(direct)

        self.opened(change)

    def way_fallocate(self):
        modes = (
            FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            FALLOC_FL_ZERO_RANGE,
            FALLOC_FL_COLLAPSE_RANGE,
            FALLOC_FL_INSERT_RANGE,
            FALLOC_FL_KEEP_SIZE,
        )
        mode = self.rng.choice(modes)

        def change(file, size):
            if size > 2 * BLOCK:
                LIBC.fallocate(file.fileno(), mode, ctypes.c_long(BLOCK), ctypes.c_long(BLOCK))
                os.ftruncate(file.fileno(), size)

        self.opened(change)

    def way_clone(self):
        """The blocks of another file, cut to the old size."""
        other = self.file()

        def change(file, size):
            with open(other, "rb") as source, contextlib.suppress(OSError):  # of itself
                fcntl.ioctl(file.fileno(), FICLONE, source.fileno())
            os.ftruncate(file.fileno(), size)

        self.opened(change)

    def way_shift_blocks(self):
        """Within a file: the same blocks at another place."""

        def change(file, size):
            if size > 3 * BLOCK:
                order = struct.pack("qQQQ", file.fileno(), 0, BLOCK, BLOCK)
                fcntl.ioctl(file.fileno(), FICLONERANGE, order)

        self.opened(change)

    def way_replace(self):
        path = self.file()
        before = path.stat()
        text = self.rng.randbytes(before.st_size)
        path.unlink()
        path.write_bytes(text)
        path.chmod(stat.S_IMODE(before.st_mode))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def way_exchange(self):
        pair = [self.file(), self.file()] if self.rng.random() < 0.5 else [self.folder(), self.folder()]
        LIBC.renameat2(-100, os.fsencode(pair[0]), -100, os.fsencode(pair[1]), RENAME_EXCHANGE)

    def way_make(self):
        self.rng.choice((lambda: self.new().write_bytes(b"new"), lambda: self.new().mkdir(), lambda: self.new().symlink_to("x"), lambda: os.mkfifo(self.new())))()

    def way_link(self):
        os.link(self.file(), self.new())

    def way_remove(self):
        self.file().unlink()

    def way_remove_folder(self):
        folder = self.folder()
        if folder != self.root and self.rng.random() < 0.2:
            shutil.rmtree(folder)

    def way_move(self):
        path, to = (self.file() if self.rng.random() < 0.6 else self.folder()), self.new()
        if path != self.root and path not in to.parents:
            path.rename(to)

    def way_attributes(self):
        path = self.rng.choice((self.file, self.folder))()
        before = path.stat()
        self.rng.choice(
            (
                lambda: path.chmod(self.rng.choice((0o755, 0o4755, 0o600))),
                lambda: os.chown(path, 5, 6),
                lambda: os.setxattr(path, "user.x", b"y"),
                lambda: [os.removexattr(path, key) for key in os.listxattr(path)],
                lambda: os.utime(path, (1, 1)),
            )
        )()
        if self.rng.random() < 0.5:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def way_other_type(self):
        path = self.file()
        path.unlink()
        self.rng.choice((path.mkdir, lambda: path.symlink_to("elsewhere")))()


@scenario
def a_snapshot_comes_back_whatever_was_done_to_the_files(test):
    rng = seeded()
    image, fingerprint = small_image("restores")
    with Ground(test, KINDS["dir_with_reflinks"]) as ground:
        ground.ask("POST", "images", image, OCTETS)
        root_disk = {"root": {"type": "disk", "path": "/", "pool": ground.pool}}
        ground.ask("POST", "instances", {"name": "c", "source": {"type": "image", "fingerprint": fingerprint}, "devices": root_disk})
        pool = test.daemon.folder / "storage-pools" / ground.pool
        root, kept = pool / "containers/c/rootfs", pool / "containers-snapshots/c/s/rootfs"
        fill(root, rng)
        ground.snapshot("c", "s")
        wanted = seen(root)
        test.equal(seen(kept), wanted, "the snapshot")
        in_place = 0
        for number in range(ROUNDS):
            place, what = root.stat().st_ino, f"round {number}"
            Changes(root, rng).make(1 + number % 12)
            ground.restore("c", "s")
            test.equal(differing(wanted, seen(root)), {}, what)
            test.equal(differing(wanted, seen(kept)), {}, f"{what}: the snapshot")
            in_place += root.stat().st_ino == place
        print(f"{in_place} of {ROUNDS} in place", flush=True)
        test.true(in_place > ROUNDS * 0.8, "most are restored in place")
        stays(test, ground, root)
        ground.ask("DELETE", "instances/c")
        ground.ask("DELETE", f"images/{fingerprint}")


def differing(wanted, found):
    return {key: (str(wanted.get(key))[:300], str(found.get(key))[:300]) for key in {*wanted, *found} if wanted.get(key) != found.get(key)}


def stays(test, ground, root):
    """What was not changed is not copied either."""
    inodes = {path: path.lstat().st_ino for path in root.rglob("*")}
    changed = root / "d2/e2/f2"
    changed.write_bytes(b"!")
    (root / "d2/e2/more").mkdir()
    ground.restore("c", "s")
    others = [path for path, inode in inodes.items() if path.lstat().st_ino != inode]
    test.equal(others, [changed])


@scenario
def what_a_restore_that_was_cut_off_needs_stays_until_it_is_done(test):
    """A crash while names are exchanged, and a start that finds no snapshot: another disk, for a while."""
    with Ground(test, KINDS["dir_with_reflinks"]) as ground:
        name = ground.launch("cut")
        ground.stop(name)
        volumes = f"storage-pools/{ground.pool}/volumes/custom"
        ground.ask("POST", volumes, {"name": "v"})
        ground.snapshot(name, "s")
        ground.ask("POST", f"{volumes}/v/snapshots", {"name": "s"})
        pool = test.daemon.folder / "storage-pools" / ground.pool
        kept = [pool / f"containers-snapshots/{name}/s", pool / "custom-snapshots/default_v/s"]
        test.daemon.kill()
        with contextlib.closing(sqlite3.connect(test.daemon.folder / "lxd.db")) as database, database:
            database.execute(MARK.format("instances", "instance"), ("volatile.last_state.restoring", name))
            database.execute(MARK.format("storage_volumes", "storage_volume"), ("volatile.restoring", "v"))
        (pool / f"containers/{name}").rename(pool / f"containers/.restoring-{name}")
        (pool / "custom/default_v").rename(pool / "custom/.restoring-default_v")
        for path in kept:
            path.rename(f"{path}-elsewhere")
        test.daemon.start()
        unfinished = "is needed: its restore is not complete"
        for snapshots in (f"instances/{name}/snapshots", f"{volumes}/v/snapshots"):
            test.true(unfinished in ground.refusal("DELETE", f"{snapshots}/s"), f"removal: {snapshots}")
            test.true(unfinished in ground.refusal("POST", f"{snapshots}/s", {"name": "t"}), f"renaming: {snapshots}")
        text = ground.refusal("PUT", f"instances/{name}/state", {"action": "start"})
        test.equal(text, f'The restore of snapshot "{name}/s" is not complete: restore it, or another one')
        for path in kept:
            Path(f"{path}-elsewhere").rename(path)
        ground.restore(name, "s")
        ground.ask("PUT", f"{volumes}/v", {"restore": "s"})
        ground.start(name)
        ground.stop(name)
        for snapshots in (f"instances/{name}/snapshots", f"{volumes}/v/snapshots"):
            ground.ask("DELETE", f"{snapshots}/s")
        test.equal([path.name for path in pool.rglob(".restoring-*")], [])
