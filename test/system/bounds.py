"""What "bounded memory" means here: while much data passes through the daemon, its peak stays under 64 MiB resident, and
nobody writes a file of more than 1 MiB under LXD_DIR or the temporary folder."""

import os
import threading
from pathlib import Path

from harness import leaks

MEMORY = 64  # MiB
FILE = 1 << 20


class Bounds:
    """Watches from entry to exit; `allowed` are parts of paths that may grow: the container's own file."""

    def __init__(self, test, allowed=()):
        self.daemon = test.daemon
        self.allowed = tuple(allowed)
        self.large = set()
        self.helpers = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self.before = set(self._large_files())
        self.daemon.clear_peak()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.sample()
        self.peak = self.daemon.resident("VmHWM")

    def _watch(self):
        while not self.done.wait(0.1):
            self.sample()

    def sample(self):
        self.large |= set(self._large_files())
        for pid, line in leaks.processes().items():
            if "lxd" in line.split()[0] and pid != self.daemon.pid and "lxd-benchmark" not in line:
                try:
                    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                    peak = next(int(row.split()[1]) / 1024 for row in status.splitlines() if row.startswith("VmHWM"))
                    self.helpers[f"{pid} {line[:80]}"] = peak
                except (OSError, StopIteration):
                    continue

    def _large_files(self):
        for top in (self.daemon.folder, Path("/tmp"), Path("/var/tmp")):
            yield from self._large_below(top)
        try:
            for entry in Path(f"/proc/{self.daemon.pid}/fd").iterdir():
                target = os.readlink(entry)
                if " (deleted)" in target and os.stat(entry).st_size > FILE:
                    yield target
        except OSError:
            pass

    def _large_below(self, top):
        skipped = () if top == self.daemon.folder else ("build", "lv-")
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(skipped)] if skipped else folders
            for name in files:
                path = os.path.join(folder, name)
                try:
                    info = os.lstat(path)
                except OSError:
                    continue
                if info.st_size > FILE and info.st_blocks * 512 > FILE and not any(part in path for part in self.allowed):
                    yield path

    def check(self):
        problems = [f"wrote {path}" for path in sorted(self.large - self.before) if path.startswith(str(self.daemon.folder)) or "deleted" in path]
        if self.peak >= MEMORY:
            problems.append(f"the daemon's peak was {self.peak:.0f} MiB")
        problems += [f"a helper's peak was {peak:.0f} MiB: {line}" for line, peak in self.helpers.items() if peak >= MEMORY]
        if problems:
            raise AssertionError("; ".join(problems))
