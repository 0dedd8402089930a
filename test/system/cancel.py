"""Cancelling an import: within a second, leaving nothing."""

import io
import subprocess
import tarfile
import time

from harness import private_host
from harness.rest import unix_socket
from system.scenario import scenario


def files(test):
    """All under LXD_DIR but the database and logs."""
    return {path for path in test.daemon.folder.rglob("*") if path.is_file() and "/database/" not in str(path) and "/logs/" not in str(path)}


@scenario
def an_upload_that_breaks_off_leaves_nothing(test):
    test.start()
    before = files(test)
    sock = unix_socket(test.daemon.socket)
    sock.sendall(b"POST /1.0/images HTTP/1.1\r\nHost: lxd\r\nContent-Type: application/octet-stream\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(64):
        sock.sendall(b"x" * 1048576)
    sock.close()
    test.until(lambda: files(test) == before, "its files are gone", timeout=1)
    test.equal(len(test.api.get("/1.0/images")), 1)


def slow_image():
    """Small to send, long to unpack: as many zeros as an archive may hold however small it is, the metadata after them.
    Made once a run."""
    kept = private_host.scratch() / "slow-image.tar.xz"
    if not kept.exists():
        metadata = b"architecture: x86_64\ncreation_date: 1700000000\n"
        with kept.open("wb") as out, subprocess.Popen(["xz", "-0", "-T0"], stdin=subprocess.PIPE, stdout=out) as xz:
            with tarfile.open(fileobj=xz.stdin, mode="w|") as tar:
                zeros = tarfile.TarInfo("rootfs/zeros")
                zeros.size = 1000 << 20
                with open("/dev/zero", "rb") as source:
                    tar.addfile(zeros, source)
                last = tarfile.TarInfo("metadata.yaml")
                last.size = len(metadata)
                tar.addfile(last, io.BytesIO(metadata))
    return kept.read_bytes()


@scenario
def a_cancelled_import_ends_within_a_second(test):
    test.start()
    before = files(test)
    image = slow_image()
    answer = test.api.raw("POST", "/1.0/images", image, {"Content-Type": "application/octet-stream"})
    operation = answer.json["operation"]
    start = time.monotonic()
    cancelled = test.api.raw("DELETE", operation)
    test.equal(cancelled.status, 200, f"cancel: {cancelled.error}")
    done = test.api.raw("GET", f"{operation}/wait").metadata
    test.true(time.monotonic() - start < 1, "it took more than a second")
    test.equal(done["status"], "Cancelled")
    test.until(lambda: files(test) == before, "its files are gone", timeout=1)
    test.equal(len(test.api.get("/1.0/images")), 1)


@scenario
def a_cancelled_creation_ends_within_a_second(test):
    test.start()
    test.api.ask("POST", "/1.0/images", slow_image(), {"Content-Type": "application/octet-stream"})
    slow = next(entry["fingerprint"] for entry in test.api.get("/1.0/images?recursion=1") if not entry["aliases"])
    before = files(test)
    name = test.name("slow")
    wanted = {"name": name, "source": {"type": "image", "fingerprint": slow}}
    operation = test.api.raw("POST", "/1.0/instances", wanted).json["operation"]
    time.sleep(0.2)  # into the unpacking
    start = time.monotonic()
    cancelled = test.api.raw("DELETE", operation)
    if cancelled.status == 200:
        done = test.api.raw("GET", f"{operation}/wait").metadata
        test.true(time.monotonic() - start < 1, "it took more than a second")
        test.equal(done["status"], "Cancelled")
        test.equal(test.api.get("/1.0/instances"), [])
        test.until(lambda: files(test) == before, "its files are gone", timeout=1)
    else:  # LXD's own creation of a container cannot be cancelled, and says so
        test.true(cancelled.error, "a refusal has a text")
        test.api.wait(operation)
