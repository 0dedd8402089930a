"""Custom volumes in which the daemon keeps its images and backups (storage.images_volume, storage.backups_volume). What
kills and full disks do to their moves is in storage_faults; what is refused, and how, in the interop suite."""

import contextlib
import hashlib
import http.client
import os
import socket

from harness.commands import run
from harness.rest import Refused
from system.scenario import scenario
from system.storage_faults import LOST, Elsewhere, Moments

OCTETS = {"Content-Type": "application/octet-stream"}
CUSTOM = "/1.0/storage-pools/default/volumes/custom"
UNREACHABLE = "isn't available: Storage pool is unavailable on this server"


def keep(test, **volumes):
    """images="POOL/VOLUME", backups likewise."""
    test.api.ask("PATCH", "/1.0", {"config": {f"storage.{what}_volume": volume for what, volume in volumes.items()}})


def refusal(test, *request):
    try:
        test.api.ask(*request)
        return ""
    except Refused as refused:
        return refused.text


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
    error = refusal(test, "PATCH", f"/1.0/instances/{name}", {"devices": {"images": device}})
    test.true("is used by LXD itself" in error, error)
    test.equal(test.api.get(f"/1.0/instances/{name}")["devices"].get("images"), None)
    # Nor the other way round.
    test.daemon.lxc("storage", "volume", "attach", "default", "other", name, "/other", check=True)
    error = refusal(test, "PATCH", "/1.0", {"config": {"storage.images_volume": "default/other"}})
    test.true(f'Storage volume "default/other" is used by /1.0/instances/{name}' in error, error)
    test.daemon.lxc("storage", "volume", "detach", "default", "other", name, check=True)
    error = refusal(test, "PATCH", "/1.0", {"config": {"storage.images_volume": "default/other"}})
    test.true('Storage volume "default/other" was used by instances' in error, error)

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
    for request in (("POST", "/1.0/images", b"some", OCTETS), ("DELETE", f"/1.0/images/{image['fingerprint']}")):
        error = refusal(test, *request)
        test.true("storage.images_volume" in error and UNREACHABLE in error, error)
    test.equal(len(test.api.get("/1.0/images")), 1)
    elsewhere.put_back()

    test.until(lambda: UNREACHABLE not in refusal(test, "POST", "/1.0/images", b"some", OCTETS), "it has come back", timeout=45)
    image_files(test)

    # A pool that never comes back: the daemon begins anew without it, and leaves what it holds as it is.
    test.daemon.kill()
    elsewhere.detach()
    test.daemon.start()
    keep(test, images="")
    test.equal(names_in(test.daemon.folder / "images"), [])
    test.api.ask("DELETE", f"/1.0/images/{image['fingerprint']}")
    test.api.ask("POST", "/1.0/images", content, OCTETS)
    image_files(test)
    elsewhere.put_back()
    test.until(lambda: all(pool["status"] == "Created" for pool in test.api.get("/1.0/storage-pools?recursion=1")), "pools are back", timeout=30)
    left = test.daemon.folder / "storage-pools/dir/custom/default_images" / image["fingerprint"]
    test.equal(left.read_bytes(), content)
    test.daemon.delete_storage()
    test.daemon.kill()
    elsewhere.away()


class Places:
    """LXD_DIR/images, what a move makes beside it, and the volumes `own`, which it is in, `spare` and `taken`."""

    def __init__(self, test):
        self.test, self.var = test, test.daemon.folder
        self.images, self.fresh, self.partial = (self.var / name for name in ("images", ".images.new", ".images.partial"))
        for name in ("own", "spare", "taken"):
            test.api.ask("POST", CUSTOM, {"name": name})
        device = {"type": "disk", "pool": "default", "source": "taken", "path": "/taken"}
        source = {"type": "image", "alias": "busybox"}
        test.api.ask("POST", "/1.0/instances", {"name": test.name("user"), "source": source, "devices": {"taken": device}})
        keep(test, images="default/own")

    def folder(self, volume):
        return self.var / f"storage-pools/default/custom/default_{volume}"

    def restart(self, links):
        """With these links in place: to a volume, however it is spelled."""
        self.test.daemon.kill()
        for path, volume in links.items():
            path.unlink(missing_ok=True)
            path.symlink_to(str(self.folder(volume)).replace("/custom", "//custom"))
        self.test.daemon.start()

    def check(self, **held):
        """What else is in volumes; the images are all where they should be, and nothing is beside them."""
        image_files(self.test)
        self.test.equal(self.images.resolve(), self.folder("own"))
        self.test.equal([path.name for path in self.var.iterdir() if path.name.startswith(".images")], [])
        self.test.equal({name: names_in(self.folder(name)) for name in ("spare", "taken")}, {"spare": [], "taken": []} | held)


@scenario
def what_is_left_of_a_move_goes_and_nothing_else_does(test):
    test.start()
    places = Places(test)
    [image] = names_in(places.images)
    (places.folder("spare") / "0").mkdir()
    for path in (image, "0/half", "precious"):  # one that was filled when its pool had gone meanwhile
        (places.folder("spare") / path).touch()
    places.restart({places.partial: "spare"})
    places.check(spare=["precious"])
    (places.folder("spare") / "precious").unlink()
    (places.folder("taken") / "precious").touch()  # by an instance, after the move that came to nothing
    places.restart({places.partial: "taken"})
    places.check(taken=["precious"])
    places.restart({places.fresh: "taken", places.images: "own"})
    places.check(taken=["precious"])
    # Between the exchange and the key.
    (places.folder("spare") / image).touch()
    places.restart({places.images: "spare", places.fresh: "own"})
    places.check(taken=["precious"])
    # What no crash leaves, but perhaps a database that was restored: nobody knows what to do.
    (places.folder("spare") / "precious").touch()
    places.restart({places.images: "spare", places.fresh: "taken"})
    error = refusal(test, "POST", "/1.0/images", b"some", OCTETS)
    test.true("one of them has to be taken away" in error, error)
    test.equal([names_in(places.folder(name)) for name in ("spare", "taken")], [["precious"], ["precious"]])
    places.fresh.unlink()
    places.images.unlink()
    test.until(lambda: "taken away" not in refusal(test, "POST", "/1.0/images", b"some", OCTETS), "it is mended", timeout=30)
    places.check(spare=["precious"], taken=["precious"])
    (places.folder("spare") / "precious").unlink()
    test.daemon.delete_instances()
    keep(test, images="")
    test.daemon.delete_storage()


@scenario
def folders_that_are_the_administrators_own_stay_as_they_are(test):
    test.start()
    images, backups = test.daemon.folder / "images", test.daemon.folder / "backups"
    test.api.ask("POST", CUSTOM, {"name": "own"})
    test.daemon.kill()
    elsewhere = test.folder / "elsewhere"
    run("mv", images, elsewhere)
    images.symlink_to(elsewhere)
    test.daemon.start()
    image_files(test)
    test.equal(os.readlink(images), str(elsewhere))
    error = refusal(test, "PATCH", "/1.0", {"config": {"storage.images_volume": "default/own"}})
    test.true("is a link that is not LXD's" in error, error)
    run("mount", "-t", "tmpfs", "none", backups / "instances")
    error = refusal(test, "PATCH", "/1.0", {"config": {"storage.backups_volume": "default/own"}})
    test.true("is on another filesystem" in error, error)
    run("umount", backups / "instances")
    image_files(test)
    test.equal(names_in(test.daemon.folder / "storage-pools/default/custom/default_own"), [])
    test.daemon.lxc("init", "busybox", test.name("still"), check=True)
    test.daemon.delete_instances()
    test.daemon.delete_storage()


@scenario(long=True)
def giving_images_up_can_be_killed_at_any_moment(test):
    moments = Moments(test.folder)
    test.start(wrapper=moments.wrapper())
    elsewhere = Elsewhere(test)
    elsewhere.make()
    test.api.ask("POST", "/1.0/storage-pools/dir/volumes/custom", {"name": "images"})
    [image] = test.api.get("/1.0/images")
    content = (test.daemon.folder / "images" / image.split("/")[-1]).read_bytes()
    kept = test.daemon.folder / "storage-pools/dir/custom/default_images" / image.split("/")[-1]
    moment, calls = 0, 1
    while moment <= calls:
        keep(test, images="dir/images")
        test.daemon.kill()
        elsewhere.detach()
        moments.disarm()
        test.daemon.start(wrapper=moments.wrapper())
        if moment:
            moments.set(moment)
        done = False
        with contextlib.suppress(*LOST):
            keep(test, images="")
            done = True
        calls = calls if moment else moments.made()
        test.daemon.kill()
        moments.disarm()
        test.daemon.start(wrapper=moments.wrapper())
        volume = test.api.get("/1.0")["config"].get("storage.images_volume")
        test.true(not (done and volume), f"acknowledged at {moment} of {calls}")
        if volume:
            keep(test, images="")
        test.equal(names_in(test.daemon.folder / "images"), [], f"{moment} of {calls}")
        test.daemon.kill()
        elsewhere.put_back()
        test.daemon.start(wrapper=moments.wrapper())
        test.equal(kept.read_bytes(), content)
        kept.unlink()
        test.api.ask("DELETE", image)
        test.api.ask("POST", "/1.0/images", content, OCTETS)
        moment += 1
    test.true(calls > 3, f"{calls} calls")
    test.daemon.delete_storage()
    test.daemon.kill()
    elsewhere.away()
