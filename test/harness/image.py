"""The images that the suites launch, built by contrib/image."""

import os
import subprocess
from pathlib import Path

from harness import private_host

ROOT = Path(__file__).resolve().parents[2]


def busybox():
    """A unified image file; built once a run, in a second."""
    given = os.environ.get("BUSYBOX_IMAGE")
    if given:
        return Path(given)
    image = private_host.scratch() / "busybox-image.tar.gz"
    if not image.exists():
        subprocess.run([ROOT / "contrib/image/busybox", image], check=True, stdout=subprocess.DEVNULL)
    return image


def all_busybox():
    """The same in one file, and split into metadata and a squashfs root."""
    unified = busybox()
    metadata = private_host.scratch() / "busybox-split.tar.gz"
    subprocess.run([ROOT / "contrib/image/busybox", "--split", metadata], check=True, stdout=subprocess.DEVNULL)
    return {"unified": unified, "metadata": metadata, "root": Path(f"{metadata}.rootfs")}
