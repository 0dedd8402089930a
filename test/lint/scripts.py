#!/usr/bin/python3
"""Fails on a shell script that shellcheck complains about and on a Python script that does not compile."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("contrib", "test", ".ci")


def scripts(interpreter):
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    first = file.readline(80)
                if first.startswith(b"#!") and interpreter in first.rsplit(b"/", 1)[-1]:
                    yield path


def main():
    failed = 0
    shell = [str(path) for path in scripts(b"sh")]
    if shell:
        failed |= subprocess.run(["shellcheck", "--external-sources", *shell], cwd=ROOT, check=False).returncode
    for path in sorted({*scripts(b"python3"), *(ROOT / "test").rglob("*.py")}):
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            print(f"{path.relative_to(ROOT)}:{error.lineno}: {error.msg}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
