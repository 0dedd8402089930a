#!/usr/bin/python3
"""Runs clang-tidy over sources of a build folder, and remembers by content which were found clean.

A source is checked again when it, a project header that it includes, or .clang-tidy changed. Without --all only those
that differ from the upstream branch (or the last commit's parent) and their neighbours in the work tree are looked at.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments):
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout.splitlines() if result.returncode == 0 else []


def changed_files():
    base = git("merge-base", "HEAD", "@{upstream}") or git("rev-parse", "HEAD~1") or git("rev-parse", "HEAD")
    if base and base == git("rev-parse", "HEAD"):
        base = git("rev-parse", "HEAD~1") or base
    return {str(ROOT / name) for name in git("diff", "--name-only", *base) + git("ls-files", "-o", "--exclude-standard")}


def project_headers(build):
    """Object -> the project's files it was compiled from, as ninja recorded them."""
    headers, current = {}, None
    lines = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        if line and not line.startswith((" ", "ninja:")):
            current = line.split(":", 1)[0]
            headers[current] = []
        elif line.startswith("    ") and current:
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT):
                headers[current].append(path)
    return headers


def content_key(entry, headers):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    digest.update(entry["command"].encode())
    for path in sorted({Path(entry["file"]), *headers.get(entry["output"], [])}):
        if path.exists():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    build = options.build.resolve()

    entries = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        entry["file"] = str((build / entry["file"]).resolve())
        if Path(entry["file"]).is_relative_to(ROOT) and not Path(entry["file"]).is_relative_to(build):
            entries.append(entry)
    if not options.all:
        changed = changed_files()
        entries = [entry for entry in entries if entry["file"] in changed]

    clean = build / "tidy-clean"
    clean.mkdir(exist_ok=True)
    headers = project_headers(build)

    def check(entry):
        mark = clean / content_key(entry, headers)
        if mark.exists():
            return ""
        result = subprocess.run(
            ["clang-tidy-19", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", str(build), entry["file"]],
            capture_output=True, text=True, check=False
        )
        if result.returncode == 0:
            mark.touch()
            return ""
        return result.stdout + result.stderr

    unique = {entry["file"]: entry for entry in entries}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [text for text in pool.map(check, unique.values()) if text]
    print("\n".join(complaints), end="")
    print(f"{len(unique)} sources, {len(complaints)} with complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
