"""A filesystem in a file, for what pools lie on."""

import os
from pathlib import Path

from harness.commands import run


class DiskFile:
    """The file beside the folder that it is mounted on. Errors are those of `run`: OSError, CalledProcessError."""

    def __init__(self, place, *make, size, options="loop", file=None):
        """`make` is what makes a filesystem in a file, size in bytes, options those of mount; the file can lie elsewhere."""
        self.place, self.options = Path(place), options
        self.file = file or self.place.with_name(f"{self.place.name}.img")
        self.place.mkdir(exist_ok=True)
        with self.file.open("wb") as file:
            file.truncate(size)
        run(*make, self.file)

    def mount(self):
        run("mount", "-o", self.options, self.file, self.place)
        return self.place

    def unmount(self, *options):
        """Nothing where it is not mounted."""
        if os.path.ismount(self.place):
            run("umount", *options, self.place)
