#!/usr/bin/python3
"""Fails where the documented configuration keys are not those of LXD that test/data/keys/expected.tsv lists: one that is
missing, or one that LXD does not have. --fix takes the "not yet" off those that have come."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {"Instances and profiles": "instance", "The server": "server"}
LIST = "test/data/keys/expected.tsv"


def documented():
    """(scope, key) of doc/config-keys.md, which a unit test holds to be what the tables say."""
    scope = ""
    for line in (ROOT / "doc/config-keys.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            scope = SECTIONS.get(line[3:], "")
        elif scope and (cell := re.match(r"\| `([^`]+)` \|", line)):
            yield scope, cell[1]


def expected():
    """(scope, key) -> whether it is there."""
    rows = {}
    for line in (ROOT / LIST).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            scope, key, *mark = line.split("\t")
            rows[scope, key] = mark != ["not yet"]
    return rows


def unmark(keys):
    lines = (ROOT / LIST).read_text(encoding="utf-8").splitlines()
    marked = {f"{scope}\t{key}\tnot yet" for scope, key in keys}
    lines = [line.removesuffix("\tnot yet") if line in marked else line for line in lines]
    (ROOT / LIST).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    present, wanted = set(documented()), expected()
    spaces = [(scope, key[:-1]) for scope, key in present if key.endswith(".*")]
    problems = []
    for (scope, key), there in wanted.items():
        found = (scope, key) in present or any(scope == other and key.startswith(space) for other, space in spaces)
        if there and not found:
            problems.append(f"the {scope} key {key} is not in doc/config-keys.md")
    problems += [f"the {scope} key {key} is not in {LIST}" for scope, key in sorted(present - set(wanted))]
    if "--fix" in sys.argv[1:]:
        unmark(present)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
