"""ZFS as tests use it: into datasets that nobody has mounted. As lvm_volumes."""

import contextlib
import tempfile

from harness.commands import mounted, run

KINDS = ("containers", "custom", "images")


def keep_to(_folder):
    pass


def discard(pools):
    for pool in pools:
        run("zpool", "destroy", "-f", pool, check=False)


def present(pool):
    """(kind, name) of what is there; a container, what is of no volume and of no copy."""
    shown = run("zfs", "list", "-H", "-o", "name,clones", "-r", "-t", "filesystem,volume,snapshot", pool, check=False).stdout
    datasets = [(name, clones.strip("-")) for name, clones in (line.split("\t") for line in shown.splitlines())]
    kept = {name.partition("@")[0] for name, clones in datasets if clones}
    for name, clones in datasets:
        whole, _, snapshot = name.removeprefix(f"{pool}/").partition("@")
        kind, _, rest = whole.partition("/")
        if not rest or (kind == "deleted" and "/" not in rest) or snapshot == "readonly":
            continue
        if kind == "deleted":
            if not snapshot and f"{pool}/{whole}" not in kept:
                yield "containers", whole
        elif not snapshot:
            yield kind, rest
        elif snapshot.startswith("snapshot-"):
            yield f"{kind}-snapshots", f"{rest}/{snapshot.removeprefix('snapshot-')}"
        elif not clones:
            yield "containers", f"{whole}@{snapshot}"


def _dataset(pool, kind, rest):
    name, _, snapshot = rest.partition("/")
    whole = f"{pool}/{kind.removesuffix('-snapshots')}/{name}"
    return f"{whole}@snapshot-{snapshot}" if snapshot else whole


def active(_pool, _volumes):
    return contextlib.nullcontext()


def opened(pool, volume, folder, writable=False):
    """Where a volume's files are; `folder`, where the daemon has it mounted."""
    return mounted(folder, "-t", "zfs", "-o", "rw" if writable else "ro", _dataset(pool, *volume))


@contextlib.contextmanager
def full(pool):
    """It has no room meanwhile."""
    filler = f"{pool}/filler"
    run("zfs", "create", "-o", "mountpoint=legacy", "-o", "compression=off", filler)
    with tempfile.TemporaryDirectory() as point:
        run("mount", "-t", "zfs", filler, point)
        for size in ("1M", "4k"):
            run("dd", "if=/dev/zero", f"of={point}/{size}", f"bs={size}", "conv=fsync", check=False)
        run("umount", point)
    try:
        yield
    finally:
        run("zfs", "destroy", filler)
