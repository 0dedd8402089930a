"""The images that the suites launch, built by contrib/image."""

import os
import subprocess
from pathlib import Path

from harness import private_host
from harness.daemon import BUILD

ROOT = Path(__file__).resolve().parents[2]
DOCKER = "docker.io,iptables,busybox-static"  # packages


def busybox():
    """A unified image file; built once a run, in a second."""
    given = os.environ.get("BUSYBOX_IMAGE")
    if given:
        return Path(given)
    image = private_host.scratch() / "busybox-image.tar.gz"
    if not image.exists():
        subprocess.run([ROOT / "contrib/image/busybox", image], check=True, stdout=subprocess.DEVNULL)
    return image


def build_debian(include=""):
    """Outside of the private host, which has no way to an archive. About a minute, then kept in the build folder while
    its builder stays the same. Problems are told by debian(). `include` names more packages, for an image of its own."""
    builder, kept = ROOT / "contrib/image/debian", _kept_debian(include)
    if not kept.exists() or kept.stat().st_mtime < builder.stat().st_mtime:
        fresh = kept.with_suffix(".new")
        more = ["--include", include] if include else []
        done = subprocess.run([builder, *more, fresh], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            fresh.replace(kept)
        else:
            kept.unlink(missing_ok=True)
            print(f"contrib/image/debian failed: {done.stderr[-2000:]}")


def debian(include=""):
    kept = _kept_debian(include)
    if not kept.exists():
        raise RuntimeError("contrib/image/debian failed, see above")
    return kept


def _kept_debian(include):
    return BUILD / ("debian-image" + "".join(f"-{package}" for package in include.split(",") if package))


def all_busybox():
    """The same in one file, and split into metadata and a squashfs root."""
    unified = busybox()
    metadata = private_host.scratch() / "busybox-split.tar.gz"
    subprocess.run([ROOT / "contrib/image/busybox", "--split", metadata], check=True, stdout=subprocess.DEVNULL)
    return {"unified": unified, "metadata": metadata, "root": Path(f"{metadata}.rootfs")}
