"""Custom volumes in which the daemon keeps its images and backups (storage.images_volume, storage.backups_volume). What
kills and full disks do to their moves is in storage_faults; what is refused, and how, in the interop suite."""

import hashlib
import http.client
import os
import socket

from harness.rest import Refused
from system.scenario import scenario
from system.storage_faults import Elsewhere

CUSTOM = "/1.0/storage-pools/default/volumes/custom"
UNREACHABLE = "isn't available: Storage pool is unavailable on this server"


def keep(test, **volumes):
    """images="POOL/VOLUME", backups likewise."""
    test.api.ask("PATCH", "/1.0", {"config": {f"storage.{what}_volume": volume for what, volume in volumes.items()}})


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lost+found")


def image_files(test):
    """All that there are, whole."""
    files = names_in(test.daemon.folder / "images")
    wanted = sorted(image["fingerprint"] for image in test.api.get("/1.0/images?recursion=1"))
    test.equal(files, wanted)
    for name in files:
        test.equal(hashlib.sha256((test.daemon.folder / "images" / name).read_bytes()).hexdigest(), name)


@scenario
def images_and_backups_are_kept_in_volumes(test):
    test.start()
    name = test.launch("kept")
    var = test.daemon.folder
    for volume in ("images", "backups", "other"):
        test.api.ask("POST", CUSTOM, {"name": volume})
    test.api.ask("POST", f"/1.0/instances/{name}/backups", {"name": "first", "compression_algorithm": "none"})
    exported = test.api.raw("GET", f"/1.0/instances/{name}/backups/first/export").body
    keep(test, images="default/images", backups="default/backups")
    place = var / "storage-pools/default/custom"
    test.equal(os.readlink(var / "images"), str(place / "default_images"))
    test.equal(os.readlink(var / "backups"), str(place / "default_backups"))
    test.equal(names_in(place / "default_backups"), ["custom", "instances"])
    image_files(test)
    test.equal(test.api.raw("GET", f"/1.0/instances/{name}/backups/first/export").body, exported)
    test.equal(test.api.get(f"{CUSTOM}/images")["used_by"], ["/1.0"])

    # No container may have them: it could put links among the files.
    device = {"type": "disk", "pool": "default", "source": "images", "path": "/images"}
    try:
        test.api.ask("PATCH", f"/1.0/instances/{name}", {"devices": {"images": device}})
        test.true(False, "the device is refused")
    except Refused as refused:
        test.true("is used by LXD itself" in refused.text, refused.text)
    test.equal(test.api.get(f"/1.0/instances/{name}")["devices"].get("images"), None)
    # Nor the other way round.
    test.daemon.lxc("storage", "volume", "attach", "default", "other", name, "/other", check=True)
    answer = test.api.raw("PATCH", "/1.0", {"config": {"storage.images_volume": "default/other"}})
    test.true(f'Storage volume "default/other" is used by /1.0/instances/{name}' in answer.error, answer.error)

    # All that writes to them.
    test.daemon.lxc("publish", name, "--force", "--alias", "published", check=True)
    test.api.ask("POST", f"{CUSTOM}/other/backups", {"name": "of-a-volume", "compression_algorithm": "none"})
    test.api.ask("POST", f"/1.0/instances/{name}/backups", {"name": "second", "compression_algorithm": "none"})
    test.api.ask("DELETE", f"/1.0/instances/{name}/backups/first")
    image_files(test)
    test.equal([len(names_in(place / "default_backups" / of)) for of in ("custom", "instances")], [1, 1])
    test.daemon.kill()
    test.daemon.start()
    image_files(test)
    test.api.ask("DELETE", "/1.0/images/" + test.api.get("/1.0/images/aliases/published")["target"])
    image_files(test)

    test.daemon.lxc("delete", "--force", name, check=True)
    test.equal(names_in(place / "default_backups/instances"), [])
    keep(test, images="", backups="")
    test.true(not (var / "images").is_symlink() and not (var / "backups").is_symlink(), "folders again")
    image_files(test)
    test.equal(names_in(place / "default_images") + names_in(place / "default_backups"), [])
    test.daemon.delete_storage()


@scenario
def nothing_moves_while_it_is_written(test):
    """A slow upload is neither cut off nor waited for."""
    test.start()
    test.api.ask("POST", CUSTOM, {"name": "images"})
    with socket.socket(socket.AF_UNIX) as upload:
        upload.connect(str(test.daemon.folder / "unix.socket"))
        upload.sendall(b"POST /1.0/images HTTP/1.1\r\nHost: lxd\r\nContent-Type: application/octet-stream\r\nContent-Length: 2097152\r\n\r\n" + bytes(1 << 20))
        test.until(lambda: any(name.startswith("lxd_build_") for name in names_in(test.daemon.folder / "images")), "it has begun")
        answer = test.api.raw("PATCH", "/1.0", {"config": {"storage.images_volume": "default/images"}})
        test.equal(answer.status, 409)
        test.true("Something is being written to" in answer.error, answer.error)
        test.true(not (test.daemon.folder / "images").is_symlink(), "it has not moved")
        upload.sendall(bytes(1 << 20))
        response = http.client.HTTPResponse(upload)
        response.begin()
        test.equal(response.status, 202)
    test.until(lambda: not any(name.startswith("lxd_build_") for name in names_in(test.daemon.folder / "images")), "it is over")
    keep(test, images="default/images")
    image_files(test)
    keep(test, images="")
    test.daemon.delete_storage()


@scenario
def images_whose_pool_is_missing_come_back_with_it_or_are_given_up(test):
    test.start()
    elsewhere = Elsewhere(test)
    elsewhere.make()
    test.api.ask("POST", "/1.0/storage-pools/dir/volumes/custom", {"name": "images"})
    keep(test, images="dir/images")
    image = test.api.get("/1.0/images?recursion=1")[0]
    content = (test.daemon.folder / "images" / image["fingerprint"]).read_bytes()
    test.daemon.kill()
    elsewhere.detach()
    test.daemon.start()
    octets = {"Content-Type": "application/octet-stream"}
    for method, target, body, headers in (
        ("POST", "/1.0/images", b"some", octets),
        ("DELETE", f"/1.0/images/{image['fingerprint']}", None, None),
    ):
        answer = test.api.raw(method, target, body, headers)
        error = answer.error
        if answer.status == 202:
            error = test.api.raw("GET", answer.json["operation"] + "/wait").json["metadata"]["err"]
        test.true("storage.images_volume" in error and UNREACHABLE in error, error)
    test.equal(len(test.api.get("/1.0/images")), 1)
    elsewhere.put_back()

    def is_there():
        return (test.daemon.folder / "images" / image["fingerprint"]).exists() and test.api.raw("POST", "/1.0/images", b"some", octets).status == 202

    test.until(is_there, "the pool has come back", timeout=30)
    image_files(test)

    # A pool that never comes back: the daemon begins anew without it, and leaves what it holds as it is.
    test.daemon.kill()
    elsewhere.detach()
    test.daemon.start()
    keep(test, images="")
    test.equal(names_in(test.daemon.folder / "images"), [])
    test.api.ask("DELETE", f"/1.0/images/{image['fingerprint']}")
    test.api.ask("POST", "/1.0/images", content, octets)
    image_files(test)
    elsewhere.put_back()
    test.until(lambda: all(pool["status"] == "Created" for pool in test.api.get("/1.0/storage-pools?recursion=1")), "pools are back", timeout=30)
    left = test.daemon.folder / "storage-pools/dir/custom/default_images" / image["fingerprint"]
    test.equal(left.read_bytes(), content)
    test.daemon.delete_storage()
    test.daemon.kill()
    elsewhere.away()
