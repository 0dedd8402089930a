"""Programs of the host's that tests call for themselves."""

import contextlib
import os
import subprocess
import tempfile


def run(*command, check=True):
    return subprocess.run([str(part) for part in command], check=check, capture_output=True, text=True)


@contextlib.contextmanager
def mounted(folder, *what):
    """Where the files of `what`, in mount's words, are; `folder`, where the daemon has it mounted."""
    if os.path.ismount(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory() as point:
        run("mount", *what, point)
        try:
            yield type(folder)(point)
        finally:
            run("umount", point)
