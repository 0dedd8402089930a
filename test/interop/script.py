"""Runs one file of client commands against one daemon and gives the masked result of each line.

A line is `lxc ...` quoted as for a shell, without expansion but for $IMAGE, $TMP and $LXD_DIR; `<<< TEXT` at its end is
standard input (\\n is a new line). What a client cannot do itself is a directive:

    !wait-address NAME      until the instance has an IPv4 address on eth0
    !wait-stopped NAME      until it is stopped
    !wait-no-operations     until finished operations are forgotten
    !background TAG lxc ... starts a command that goes on; !end TAG interrupts it and shows what it printed
    !write FILE TEXT        !cat FILE        !ls FOLDER
"""

import hashlib
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

from harness.daemon import BRIDGE, REAL_DAEMON
from interop.masks import masked

LIMIT = 20


class ShellScript:
    """commands.txt: each line is run by bash in one folder, with the client as `lxc` in its PATH."""

    def __init__(self, daemon, client, images, folder):
        self.daemon = daemon
        self.folder = Path(folder)
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        (programs / "lxc").symlink_to(client)
        self.work = self.folder / "work"
        self.work.mkdir()
        self.environment = daemon.environment | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "IMAGE": str(images["unified"]),
            "META": str(images["metadata"]),
            "ROOT": str(images["root"]),
            "UNIFIED": hashlib.sha256(images["unified"].read_bytes()).hexdigest(),
            "BRIDGE": BRIDGE,
        }
        self.places = {self.work: "$TMP", daemon.folder: "$LXD_DIR", str(client): "lxc"}

    def run(self, path):
        """[(line, masked result)] of the file."""
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
        return [(line, self.line(line)) for line in lines]

    def line(self, line):
        try:
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=self.work,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"exit: none within {LIMIT} s\n"
        shown = [f"exit: {done.returncode}"]
        for stream, data in (("out", done.stdout), ("err", done.stderr)):
            shown += [f"{stream}: {part}" for part in masked(data.decode(errors="replace"), self.places)]
        return "\n".join(shown) + "\n"


class Script:
    def __init__(self, daemon, client, image, folder):
        self.daemon = daemon
        self.client = client
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.image = image
        self.places = {self.folder: "$TMP", daemon.folder: "$LXD_DIR", image: "$IMAGE", str(client): "lxc"}
        self.background = {}

    def run(self, path):
        """[(line, masked result)] of a file."""
        results = []
        for line in path.read_text(encoding="utf-8").splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                results.append((line, self.line(line)))
        return results

    def line(self, line):
        words = [self._expanded(word) for word in shlex.split(line)]
        if words[0].startswith("!"):
            return getattr(self, "do_" + words[0][1:].replace("-", "_"))(*words[1:])
        stdin = b""
        if len(words) > 2 and words[-2] == "<<<":
            stdin = words[-1].replace("\\n", "\n").encode()
            words = words[:-2]
        if words[0] != "lxc":
            raise ValueError(f"not a client command: {line}")
        for _ in range(3 if self.daemon.binary == REAL_DAEMON else 1):  # the real one never answers now and then
            try:
                done = self.daemon.lxc(*words[1:], client=self.client, stdin=stdin, timeout=LIMIT)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            return f"exit: none within {LIMIT} s\n"
        return f"exit: {done.returncode}\n{self._shown('out', done.stdout)}{self._shown('err', done.stderr)}"

    def _expanded(self, word):
        for name, value in (("$IMAGE", self.image), ("$TMP", self.folder), ("$LXD_DIR", self.daemon.folder)):
            word = word.replace(name, str(value))
        return word

    def do_wait_address(self, name):
        def has_address():
            state = self.daemon.api.get(f"/1.0/instances/{name}/state")
            addresses = ((state["network"] or {}).get("eth0") or {}).get("addresses") or []
            return any(entry["family"] == "inet" for entry in addresses)

        return self._until(has_address)

    def do_wait_no_operations(self):
        """Finished ones stay readable for five seconds."""
        return self._until(lambda: not self.daemon.api.get("/1.0/operations"))

    def do_wait_stopped(self, name):
        return self._until(lambda: self.daemon.api.get(f"/1.0/instances/{name}/state")["status"] == "Stopped")

    def _until(self, condition):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if condition():
                    return ""
            except Exception as error:  # shown as this line's result, to be compared like any other
                return f"{type(error).__name__}\n"
            time.sleep(0.05)
        return "did not happen\n"

    def do_background(self, tag, _lxc, *arguments):
        self.background[tag] = subprocess.Popen(
            [str(self.client), *arguments],
            env=self.daemon.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        time.sleep(0.3)  # a client says nowhere that it listens
        return ""

    def do_end(self, tag):
        process = self.background.pop(tag)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        return self._shown("out", output)

    def do_write(self, path, text):
        Path(path).write_text(text.replace("\\n", "\n"), encoding="utf-8")
        return ""

    def do_cat(self, path):
        try:
            return self._shown("out", Path(path).read_bytes())
        except OSError as error:
            return f"{os.strerror(error.errno)}\n"

    def do_ls(self, folder):
        found = sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*"))
        return "".join(name + "\n" for name in found)

    def _shown(self, stream, data):
        return "".join(f"{stream}: {line}\n" for line in masked(data.decode(errors="replace"), self.places))
