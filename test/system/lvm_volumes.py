"""LVM as tests use it: by itself, and into logical volumes that nobody has mounted."""

import contextlib
import os

from harness.commands import mounted, run

KINDS = {"containers": "containers", "images": "images", "custom": "custom"}


def keep_to(folder):
    """From the next start of the daemon on no program of LVM's stays to watch pools, what it notes it notes there, and a
    thin pool that is full says so at once."""
    folder.mkdir()
    (folder / "lvm.conf").write_text("activation {\nmonitoring = 0\nerror_when_full = 1\n}\n")
    os.environ["LVM_SYSTEM_DIR"] = str(folder)
    if not os.path.exists("/run/udev/control"):
        os.environ["DM_DISABLE_UDEV"] = "1"  # LVM makes the nodes of devices itself then


def discard(groups):
    run("vgremove", "-ff", "--yes", *groups, check=False)


def _names(group):
    """All but the thin pool."""
    shown = run("lvs", "--noheadings", "-o", "lv_name", group, check=False).stdout.split()
    return [name for name in shown if name != "LXDThinPool"]


def _logical_volume(kind, rest):
    """"containers_a--b-s1" of ("containers-snapshots", "a-b/s1")."""
    return kind.removesuffix("-snapshots") + "_" + "-".join(part.replace("-", "--") for part in rest.split("/"))


def _place(name):
    """The reverse; a name of no volume's is a container's."""
    kind, _, rest = name.partition("_")
    if kind not in KINDS:
        return "containers", name
    parts = [part.replace("\0", "-") for part in rest.replace("--", "\0").split("-")]
    return kind + ("-snapshots" if len(parts) > 1 else ""), "/".join(parts)


def present(group):
    """(kind, name) of what is there."""
    return map(_place, _names(group))


@contextlib.contextmanager
def active(group, volumes):
    """Those of (kind, name) that are mounted stay active afterwards."""
    devices = [f"{group}/{_logical_volume(*volume)}" for volume in volumes]
    if devices:
        run("lvchange", "--yes", "--activate", "y", "--ignoreactivationskip", *devices, check=False)
    try:
        yield
    finally:
        if devices:
            run("lvchange", "--yes", "--activate", "n", *devices, check=False)


def opened(group, volume, folder, writable=False):
    """Where an active volume's files are; `folder`, where the daemon has it mounted."""
    return mounted(folder, "-o", "rw" if writable else "ro,noload", f"/dev/{group}/{_logical_volume(*volume)}")


@contextlib.contextmanager
def full(group):
    """The group, or its thin pool, has no room meanwhile."""
    filler = f"{group}/filler"
    if "LXDThinPool" in run("lvs", "--noheadings", "-o", "lv_name", group).stdout:
        run("lvcreate", "--yes", "--thin", "--virtualsize", "1G", "--name", "filler", f"{group}/LXDThinPool")
        run("dd", "if=/dev/zero", f"of=/dev/{filler}", "bs=1M", "oflag=direct", check=False)
        run("dd", "if=/dev/zero", f"of=/dev/{filler}", "bs=64k", "oflag=direct", check=False)
    else:
        run("lvcreate", "--yes", "--extents", "100%FREE", "--name", "filler", group)
    try:
        yield
    finally:
        run("lvremove", "-f", filler)
