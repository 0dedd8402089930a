"""Pools on filesystems of their own."""

import fcntl
import struct
import subprocess

from harness import image
from system.scenario import Skip, scenario

FS_IOC_FIEMAP = 0xC020660B
EXTENT_SHARED = 0x2000


def shared_extents(path):
    """Whether every extent of the file is shared with another file."""
    header = struct.pack("=QQLLLL", 0, 1 << 62, 1, 0, 64, 0)  # whole file, synced, up to 64 extents
    answer = bytearray(header + bytes(64 * 56))
    with open(path, "rb") as file:
        fcntl.ioctl(file, FS_IOC_FIEMAP, answer)
    mapped = struct.unpack_from("=L", answer, 20)[0]
    flags = [struct.unpack_from("=L", answer, 32 + 56 * number + 40)[0] for number in range(mapped)]
    return bool(flags) and all(flag & EXTENT_SHARED for flag in flags)


def mounted(test, make):
    disk = test.folder / "disk"
    place = test.folder / "mounted"
    place.mkdir()
    with disk.open("wb") as file:
        file.truncate(512 << 20)
    try:
        subprocess.run([*make, str(disk)], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", str(disk), str(place)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skip(f"no {make[0]} filesystem here: {error}") from error
    return place


@scenario
def a_container_on_xfs_shares_the_images_extents(test):
    test.start()
    place = mounted(test, ["mkfs.xfs", "-q", "-m", "reflink=1"])
    try:
        source = place / "pool"
        source.mkdir()
        test.daemon.lxc("storage", "create", "xfs", "dir", f"source={source}", check=True)
        name = test.launch("reflink", "--storage", "xfs")
        test.equal(test.exec(name, "echo", "runs"), "runs\n")
        programs = [path for path in source.rglob("rootfs/bin/busybox") if name in str(path)]
        test.true(programs, "the container's root is in the pool's source")
        test.true(shared_extents(programs[0]), "its extents are shared")
        test.daemon.lxc("delete", "--force", name, check=True)
        test.daemon.lxc("storage", "delete", "xfs", check=True)
    finally:
        subprocess.run(["umount", "--recursive", str(place)], check=False)


@scenario
def deleting_an_image_leaves_its_containers_and_no_unpacked_tree(test):
    test.start()
    name = test.launch("orphan")
    test.daemon.lxc("image", "delete", "busybox", check=True)
    test.equal(test.exec(name, "echo", "lives"), "lives\n")
    test.daemon.lxc("delete", "--force", name, check=True)
    test.daemon.terminate()  # the files go in the background, at the latest now
    test.daemon.start()
    left = [str(path) for path in (test.daemon.folder / "storage-pools/default").rglob("busybox")]
    test.equal(left, [], "files of the image or the container")
    test.daemon.lxc("image", "import", image.busybox(), "--alias", "busybox", check=True)
