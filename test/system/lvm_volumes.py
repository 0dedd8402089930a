"""LVM as tests use it: by itself, and into logical volumes that nobody has mounted."""

import contextlib
import os
import subprocess
import tempfile

KINDS = {"containers": "containers", "images": "images", "custom": "custom"}


def run(*command, check=True):
    return subprocess.run([str(part) for part in command], check=check, capture_output=True, text=True)


def keep_to(folder):
    """From the next start of the daemon on no program of LVM's stays to watch pools, and what it notes it notes there."""
    folder.mkdir()
    (folder / "lvm.conf").write_text("activation { monitoring = 0 }\n")
    os.environ["LVM_SYSTEM_DIR"] = str(folder)


def names(group):
    """All but the thin pool."""
    shown = run("lvs", "--noheadings", "-o", "lv_name", group, check=False).stdout.split()
    return [name for name in shown if name != "LXDThinPool"]


def logical_volume(kind, rest):
    """"containers_a--b-s1" of ("containers-snapshots", "a-b/s1")."""
    return kind.removesuffix("-snapshots") + "_" + "-".join(part.replace("-", "--") for part in rest.split("/"))


def place(name):
    """The reverse; a name of no volume's is a container's."""
    kind, _, rest = name.partition("_")
    if kind not in KINDS:
        return "containers", name
    parts = [part.replace("\0", "-") for part in rest.replace("--", "\0").split("-")]
    return kind + ("-snapshots" if len(parts) > 1 else ""), "/".join(parts)


@contextlib.contextmanager
def active(group, volumes):
    """Those that are mounted stay active afterwards."""
    devices = [f"{group}/{name}" for name in volumes]
    if devices:
        run("lvchange", "--activate", "y", "--ignoreactivationskip", *devices, check=False)
    try:
        yield
    finally:
        if devices:
            run("lvchange", "--activate", "n", *devices, check=False)


@contextlib.contextmanager
def opened(group, name, folder, options="ro,noload"):
    """Where an active volume's files are; `folder`, where the daemon has it mounted."""
    if os.path.ismount(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory() as point:
        run("mount", "-o", options, f"/dev/{group}/{name}", point)
        try:
            yield type(folder)(point)
        finally:
            run("umount", point)
