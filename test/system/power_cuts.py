"""A power cut at any moment of every step of storage: what has not reached the disk by then is lost. Afterwards the pools
and the database agree, and all is as before the step or as after it; what was acknowledged is as after it.

All of the daemon's lies on a filesystem in a file. When the daemon is killed the file is cloned as it is, without what the
kernel still keeps in memory, and the clone is what the next start finds. FAULTS_* are those of storage_faults.py."""

import contextlib
import fcntl
from pathlib import Path

from harness import leaks
from harness.commands import run
from harness.disk_file import DiskFile
from system.scenario import scenario
from system.storage_faults import MANY, NEVER, Stage, in_all_steps, moment_of

FICLONE = 0x40049409
MIB = 1 << 20
XFS = ("mkfs.xfs", "-q", "-m", "reflink=1")
# name -> the driver, what makes the filesystem, how it is mounted: journals are written when somebody asks for it.
GROUNDS = {
    "dir": ("dir", ("mkfs.ext4", "-q"), "loop,commit=900"),
    "dir_with_reflinks": ("dir_with_reflinks", XFS, "loop,nouuid"),
    "btrfs": ("btrfs", ("mkfs.ext4", "-q"), "loop,commit=900"),
    "overlay": ("overlay", ("mkfs.ext4", "-q"), "loop,commit=900"),
    "overlay_on_xfs": ("overlay", XFS, "loop,nouuid"),
}


class MortalDisk:
    """A filesystem on `place` that can lose what was not synced."""

    def __init__(self, test, make, options):
        self.test = test
        self.ground = DiskFile(test.folder / "ground", *XFS, size=2048 * MIB)  # which can clone a file at once
        file = self.ground.mount() / "disk"
        self.disk = DiskFile(test.daemon.folder, *make, size=768 * MIB, options=options, file=file)
        self.place = self.disk.mount()

    def points(self):
        """Where filesystems are mounted on it, the innermost first, itself last."""
        below = f"{self.place}/"
        return [*sorted((point for point in leaks.mounts() if point.startswith(below)), reverse=True), str(self.place)]

    def sync(self):
        for point in self.points():
            run("sync", "--file-system", point)

    def cut(self):
        clone = self.disk.file.with_name("clone")
        with open(self.disk.file, "rb") as source, open(clone, "wb") as target:
            fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        self.unmount()
        clone.rename(self.disk.file)
        self.disk.mount()

    def unmount(self):
        """The kernel lets go of filesystems and loop devices after whoever used them has ended, and says it to nobody."""
        for point in self.points():
            self.test.until(lambda point=point: run("umount", point, check=False).returncode == 0, f"{point} is free")
        self.test.until(lambda: not self.in_use(), "its loop devices are free")
        run("btrfs", "device", "scan", "--forget", check=False)

    def in_use(self):
        for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
            with contextlib.suppress(OSError):
                if backing.read_text().startswith((f"{self.place}/", str(self.disk.file))):
                    return True
        return False

    def close(self):
        self.test.daemon.kill()
        self.unmount()
        self.ground.unmount()


def cuts(disk, times):
    """Every second one right after the answer."""

    def fault(step, rng, number):
        step.ready()
        disk.sync()  # what the test itself wrote
        moment = moment_of(step, rng, number // 2, times // 2) if number % 2 else NEVER
        step.stage.moments.set(moment)
        done = step.ask()
        step.test.daemon.kill()
        disk.cut()
        step.stage.moments.disarm()
        step.test.daemon.start(wrapper=step.stage.moments.wrapper())
        step.as_before_or_after(done, f"a power cut at {moment if number % 2 else 'the end'} of {step.calls}")

    return fault


def in_each_step(test, ground, times):
    driver, make, options = GROUNDS[ground]
    disk = MortalDisk(test, make, options)
    try:
        in_all_steps(Stage(test, driver), times, cuts(disk, times))
    finally:
        disk.close()


def register(name, ground, times, long):
    def show(test):
        in_each_step(test, ground, times)

    show.__name__ = f"{name}_in_each_step_on_{ground}"
    show.__module__ = __name__
    scenario(show, long=long)


for GROUND in GROUNDS:
    register("two_power_cuts", GROUND, 2, long=GROUND not in ("dir", "overlay"))
    register("many_power_cuts", GROUND, MANY, long=True)
