#!/usr/bin/python3
"""Fails where clang-format would change a file; --fix changes it. The version is pinned: others format differently."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("schema", "lxcwrap", "daemon", "client", "test")


def sources():
    for folder in FOLDERS:
        yield from (str(path) for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".h", ".cpp"))


def main():
    mode = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "--Werror"]
    files = list(sources())
    return subprocess.run(["clang-format-19", *mode, *files], cwd=ROOT, check=False).returncode if files else 0


if __name__ == "__main__":
    sys.exit(main())
