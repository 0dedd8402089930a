"""A real Debian with systemd."""

import os
from pathlib import Path

from harness import image
from harness.commands import run
from harness.disk_file import DiskFile
from system.exec_streams import Session
from system.overlay import taken
from system.scenario import scenario

# Under a profile a privileged one needs nesting, or systemd may mount nothing to shield services with.
APPARMOR = Path("/sys/kernel/security/apparmor").is_dir()
KINDS = {
    "unprivileged": [],
    "nesting": ["security.nesting=true"],
    "privileged": ["security.privileged=true", *(["security.nesting=true"] if APPARMOR else [])],
}


@scenario
def it_boots_to_multi_user_privileged_and_not(test):
    picture = image.debian()
    test.start(bridge=True)
    test.daemon.lxc("image", "import", picture, "--alias", "debian", check=True)
    for kind, options in KINDS.items():
        name = test.name(f"deb-{kind}")
        chosen = [part for option in options for part in ("-c", option)]
        test.daemon.lxc("launch", "debian", name, *chosen, check=True)

        def state_of_systemd():
            return test.daemon.lxc("exec", name, "--", "systemctl", "is-system-running").stdout.decode().strip()

        test.until(lambda: state_of_systemd() in ("running", "degraded"), f"systemd is up, {kind}", timeout=60)
        test.equal(test.daemon.lxc("exec", name, "--", "systemctl", "is-active", "multi-user.target").stdout, b"active\n")
        failed = test.daemon.lxc("exec", name, "--", "systemctl", "--failed", "--plain", "--no-legend").stdout.decode()
        test.equal(failed, "", f"failed units, {kind}")
        test.until(lambda: test.address(name), "an address by DHCP", timeout=30)
        session = Session(test, name, "bash", interactive=True, width=80, height=24)
        session.type("stty size\n")
        session.read_until("24 80")
        session.control("window-resize", args={"width": "100", "height": "30"})
        session.type("sleep 0.1; stty size\n")
        session.read_until("30 100")
        session.type("exit\n")
        session.read_to_the_end()
        session.drop()
        with test.within(30, "a clean stop"):
            test.daemon.lxc("stop", name, check=True)
        test.daemon.lxc("delete", name, check=True)


# What fifty copies of 136 MB may take on each. On xfs each copy has an inode of 512 bytes for each of 5,800 files.
ROOM = {"overlay": 100 << 20, "btrfs": 100 << 20, "dir": 200 << 20}


def used(pool):
    os.sync()
    at = os.statvfs(pool)
    return (at.f_blocks - at.f_bfree) * at.f_frsize


def fifty_containers(test, driver, *options):
    test.start()
    test.daemon.lxc("image", "import", image.debian(), "--alias", "debian", check=True)
    test.daemon.lxc("storage", "create", "p", driver, *options, check=True)
    test.daemon.lxc("init", "debian", test.name("first"), "--storage", "p", check=True)
    pool = test.daemon.folder / "storage-pools/p"
    measure = taken if driver == "overlay" else used
    before = measure(pool)
    names = [test.name(f"f{number}") for number in range(50)]
    for name in names:
        test.daemon.lxc("init", "debian", name, "--storage", "p", check=True)
    test.daemon.lxc("start", names[0], check=True)
    grown = measure(pool) - before
    print(f"{driver}: {grown / 1e6:.1f} MB", flush=True)
    test.true(grown < ROOM[driver], f"they take {grown >> 20} MB")
    test.daemon.delete_instances()
    test.daemon.delete_storage()


@scenario
def fifty_containers_on_overlay_take_no_space(test):
    fifty_containers(test, "overlay")


@scenario(long=True)
def fifty_containers_on_btrfs_take_little_space(test):
    fifty_containers(test, "btrfs", "size=2GiB")


@scenario(long=True)
def fifty_containers_on_xfs_take_little_space(test):
    disk = DiskFile(test.folder / "xfs", "mkfs.xfs", "-q", "-m", "reflink=1", size=2 << 30)
    pool = disk.mount() / "pool"
    pool.mkdir()
    try:
        fifty_containers(test, "dir", f"source={pool}")
    finally:
        disk.unmount("--lazy")
