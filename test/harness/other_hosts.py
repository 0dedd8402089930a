"""Hosts of other makes, described in test/data/resources/*.tree: laid out in a folder, and mounted over the kernel's own
files for one command."""

import os
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data/resources"
# What a description may replace of the host that we run on.
PLACES = ["sys/devices", "sys/class", "sys/bus", "sys/firmware", "run/udev", "usr/share/misc", "proc/cpuinfo", "proc/meminfo"]


def unescaped(text):
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def lay_out(name, folder):
    for line in (DATA / f"{name}.tree").read_text(encoding="ascii").splitlines():
        if not line or line.startswith("#"):
            continue
        if " -> " in line:
            path, target = line.split(" -> ")
            place(folder, path).symlink_to(target)
        elif line.endswith("/"):
            place(folder, line).mkdir()
        else:
            # Paths have colons too: the one before the text ends a word.
            path, _, text = (line + " ").partition(": ")
            place(folder, path).write_bytes(unescaped(text[:-1]))


def place(folder, path):
    path = Path(folder) / path.strip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def wrapper(name, folder):
    """In front of a daemon's command: it then runs on that host, in a mount namespace of its own."""
    return ["unshare", "--mount", "--propagation", "private", sys.executable, __file__, name, str(folder)]


def main():
    name, folder, *command = sys.argv[1:]
    lay_out(name, folder)
    for path in PLACES:
        source = Path(folder) / path
        if path.startswith("proc/") and not source.exists():
            continue
        source.mkdir(parents=True, exist_ok=True) if not source.is_file() else None
        if Path(f"/{path}").parent == Path("/run"):
            Path(f"/{path}").mkdir(exist_ok=True)
        if Path(f"/{path}").exists():
            subprocess.run(["mount", "--bind", source, f"/{path}"], check=True)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
