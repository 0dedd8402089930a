#!/usr/bin/python3
"""Fails on an undo that refers to what is gone when it runs: a Rollback runs its steps where it ends, after the end of all
that was declared behind it. Such things must be captured by value.

Goes by the layout that clang-format gives: looks at declarations of the Rollback's own block.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("daemon", "client", "lxcwrap", "schema")
ROLLBACK = re.compile(r"(?P<indent>\s*)base::Rollback (?P<name>\w+);")


def undo_at(lines, start):
    """The text of a call that begins in that line."""
    text = ""
    for line in lines[start:]:
        text += line
        if text.count("(") <= text.count(")"):
            break
    return text


def captured_by_reference(undo, name):
    captures, body = re.search(r"add\(\[([^\]]*)\](.*)", undo, re.DOTALL).groups()
    parts = [part.strip() for part in captures.split(",")]
    by_value = name in parts or any(part.startswith(f"{name} =") for part in parts)
    by_reference = "&" in parts or f"&{name}" in parts
    return by_reference and not by_value and re.search(rf"\b{name}\b", body)


def problems(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    for begin, line in enumerate(lines):
        found = ROLLBACK.match(line)
        if not found:
            continue
        indent, rollback = found["indent"], found["name"]
        declaration = re.compile(rf"{indent}(?:const )?(?:auto|[\w:]+(?:<.*>)?) ?[&*]?(?P<name>\w+)(?: =|\(|\{{|;)")
        declared = set()
        for number in range(begin + 1, len(lines)):
            if lines[number].startswith(f"{indent[:-4]}}}"):
                break
            if declares := declaration.match(lines[number]):
                declared.add(declares["name"])
            if f"{rollback}.add([" not in lines[number]:
                continue
            undo = undo_at(lines, number)
            for name in declared:
                if captured_by_reference(undo, name):
                    yield f"{path.relative_to(ROOT)}:{number + 1}: an undo of {rollback} refers to {name}, which ends before it"


def main():
    found = [problem for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.cpp")) for problem in problems(path)]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
