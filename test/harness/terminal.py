"""A program on a terminal of its own, driven by keys: what a user at a keyboard does."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, command, environment, columns=200, rows=50):
        self.keyboard, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(other)
        self.shown = ""

    def press(self, keys):
        os.write(self.keyboard, keys.encode())

    def until(self, wanted, timeout=20):
        """What was shown since the last call up to `wanted` and the rest of what has come with it."""
        deadline = time.monotonic() + timeout
        while wanted not in self.shown:
            if not self._read(deadline):
                raise AssertionError(f"{wanted!r} was not shown, but {self.shown!r}")
        shown, self.shown = self.shown, ""
        return shown

    def end(self, timeout=20):
        """The exit code, when the program ends by itself; what it showed is in `shown`."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        code = self.process.wait(max(0.1, deadline - time.monotonic()))
        os.close(self.keyboard)
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)

    def _read(self, deadline):
        ready, _, _ = select.select([self.keyboard], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.keyboard, 65536)
        except OSError:  # EIO: the last process on the terminal has gone
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
