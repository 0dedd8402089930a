#!/usr/bin/python3
"""Fails on an include that points from one room to another where the design has no arrow.

The table says what each room may include of the project and which third-party headers are for it alone. A room is the
longest prefix in the table; what is not listed may include anything (tests).
"""

import re
import sys
from pathlib import Path

# room -> the rooms below it. Its own files are always allowed.
ARROWS = {
    "schema": [],
    "lxcwrap": ["schema"],
    "daemon/base": ["schema"],
    "client": ["schema", "daemon/base"],
    "daemon/state": ["@base"],
    "daemon/operations": ["@base"],
    "daemon/http": ["@base"],
    "daemon/resources": ["@base"],
    "daemon/intercept": ["@base"],
    "daemon/storage": ["daemon/state", "daemon/operations", "@base"],
    "daemon/network": ["daemon/state", "daemon/operations", "@base"],
    "daemon/images": ["daemon/storage", "@storage"],
    "daemon/devices": ["daemon/storage", "daemon/network", "@storage"],
    "daemon/instance": ["daemon/devices", "daemon/resources", "daemon/images", "daemon/storage", "daemon/network", "@storage"],
    "daemon/migration": ["daemon/instance", "@instance"],
    "daemon/api": ["daemon/migration", "daemon/instance", "daemon/http", "daemon/resources", "@instance"],
    "daemon/runner": ["@base", "lxcwrap"],
    # main and daemon.cpp: build the rooms and take them down
    "daemon": ["daemon/", "schema"],
}
GROUPS = {
    "@base": ["daemon/base", "schema"],
    "@storage": ["daemon/state", "daemon/operations", "@base"],
    "@instance": ["daemon/devices", "daemon/resources", "daemon/images", "daemon/storage", "daemon/network", "@storage"],
}
# Single files that may do what their room may not: the instance room sees liblxc, and the protocols of the runner, from
# its liblxc runtime alone; and its kept runner and its files those of theirs.
FILE_ARROWS = {
    "daemon/instance/liblxc_": ["lxcwrap", "daemon/runner"],
    "daemon/instance/files": ["daemon/runner"],
    "daemon/instance/kept_runner": ["daemon/runner"],
    "daemon/intercept/server": ["daemon/runner"],
}

# Third-party headers -> the only places that may include them.
RESERVED = {
    r"boost/|cpprest/|pplx/": ["daemon/http", "client/connection", "daemon/images/fetch", "daemon/migration"],
    r"lxc/": ["lxcwrap"],
    r"rapidjson/": ["schema/json"],
    r"re2/": ["schema/filter"],
    r"SQLiteCpp/|sqlite3\.h": ["daemon/state"],
    r"archive\.h|archive_entry\.h": ["daemon/storage"],
    r"netlink/": ["daemon/network"],
    r"nftables/": ["daemon/network"],
    r"yaml-cpp/": ["schema", "client/render", "client/yaml", "client/remotes", "daemon/images/metadata"],
    r"CLI/": ["client", "daemon/main"],
    r"systemd/": ["daemon/base"],
    r"libssh/": ["client/sftp_listener"],
    r"openssl/": ["daemon/base", "daemon/http", "client/connection"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.MULTILINE)


def room_of(path):
    """The longest row of the table that holds this path; nothing for tests."""
    rows = [room for room in ARROWS if path == room or path.startswith(room + "/")]
    return max(rows, key=len, default=None)


def expanded(names):
    for name in names:
        if name.startswith("@"):
            yield from expanded(GROUPS[name])
        else:
            yield name


def allowed(path, room, target):
    target_room = room_of(target)
    if target_room == room or target_room is None:
        return True
    rooms = list(expanded(ARROWS[room]))
    for prefix, more in FILE_ARROWS.items():
        if path.startswith(prefix):
            rooms += more
    return target_room in rooms or any(row.endswith("/") and target.startswith(row) for row in rooms)


def complaints(root, path):
    relative = path.relative_to(root).as_posix()
    room = room_of(relative)
    for kind, target in INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
        project = (root / target).exists()
        if kind == '"' and not project:
            yield f'{relative}: "{target}" is not a path from the project root'
        if room is None:
            continue
        if project and not allowed(relative, room, target):
            yield f"{relative}: {room} may not include {target}"
        if not project:
            for pattern, places in RESERVED.items():
                if re.match(pattern, target) and not any(relative.startswith(place) for place in places):
                    yield f"{relative}: <{target}> is only for {', '.join(places)}"


def main():
    root = Path(__file__).resolve().parents[2]
    found = []
    for folder in ("schema", "lxcwrap", "daemon", "client", "test"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                found += complaints(root, path)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
