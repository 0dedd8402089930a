"""Cancelling an import: within a second, leaving nothing."""

import io
import lzma
import tarfile
import time

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


class Zeros(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, buffer):
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def slow_image():
    """Small to send, long to unpack: two gigabytes of zeros, the metadata after them."""
    packed = io.BytesIO()
    with lzma.open(packed, "wb", preset=0) as compressed, tarfile.open(fileobj=compressed, mode="w|") as tar:
        zeros = tarfile.TarInfo("rootfs/zeros")
        zeros.size = 1 << 30
        tar.addfile(zeros, io.BufferedReader(Zeros(), 1 << 20))
        metadata = tarfile.TarInfo("metadata.yaml")
        data = b"architecture: x86_64\ncreation_date: 1700000000\n"
        metadata.size = len(data)
        tar.addfile(metadata, io.BytesIO(data))
    return packed.getvalue()


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
