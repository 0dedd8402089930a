"""Images on pools: unpacked once, removed and made again, and deleted while they are wanted."""

import threading

from harness import image
from harness.rest import Api, Refused
from system.scenario import scenario

DRIVERS = ("dir", "overlay")


def fingerprint(test):
    return test.api.get("/1.0/images/aliases/busybox")["target"]


def order(name, pool, picture):
    return {
        "name": name,
        "source": {"type": "image", "fingerprint": picture},
        "devices": {"root": {"type": "disk", "path": "/", "pool": pool}},
    }


def at_once(test, bodies):
    """Makes instances at the same time; what the daemon said of each that it refused."""
    refused = []

    def make(body):
        try:
            Api(test.daemon.socket).ask("POST", "/1.0/instances", body)
        except Refused as refusal:
            refused.append(str(refusal))

    threads = [threading.Thread(target=make, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@scenario
def ten_launches_at_once_unpack_once(test):
    test.start()
    picture = fingerprint(test)
    for driver in DRIVERS:
        test.daemon.lxc("storage", "create", f"p-{driver}", driver, check=True)
        folder = test.daemon.folder / f"storage-pools/p-{driver}"
        refused = at_once(test, [order(test.name(f"{driver[:1]}{number}"), f"p-{driver}", picture) for number in range(10)])
        test.equal(refused, [])
        test.equal([path.name for path in (folder / "images").iterdir()], [picture])
        if driver == "overlay":
            test.equal(len([path for path in (folder / "layers").iterdir() if not path.name.startswith(".")]), 1, "layers")


@scenario
def an_image_deleted_while_it_is_launched_leaves_whole_ones(test):
    test.start()
    for driver in DRIVERS:
        pool = f"p-{driver}"
        test.daemon.lxc("storage", "create", pool, driver, check=True)
        picture = fingerprint(test)
        folder = test.daemon.folder / f"storage-pools/{pool}"

        def delete(folder=folder, picture=picture):
            test.until(lambda: any((folder / "images").iterdir()), "it is being unpacked")
            Api(test.daemon.socket).ask("DELETE", f"/1.0/images/{picture}")

        deletion = threading.Thread(target=delete)
        deletion.start()
        names = [test.name(f"{driver[:1]}{number}") for number in range(4)]
        refused = at_once(test, [order(name, pool, picture) for name in names])
        deletion.join()
        test.true(all("Image not" in words for words in refused), refused)
        made = {one["name"] for one in test.api.get("/1.0/instances?recursion=1")} & set(names)
        test.equal(len(made), len(names) - len(refused))
        for name in sorted(made)[:1]:
            test.daemon.lxc("start", name, check=True)
            test.equal(test.exec(name, "echo", "whole"), "whole\n")
        test.until(lambda folder=folder: not list((folder / "images").iterdir()), "no unpacked copy stays")
        test.until(lambda folder=folder, made=made: {path.name for path in (folder / "containers").iterdir()} == made, "nor half-made containers")
        test.daemon.lxc("image", "import", image.busybox(), "--alias", "busybox", check=True)


@scenario
def new_presets_of_a_pool_have_its_images_unpacked_again(test):
    test.start()
    test.daemon.lxc("storage", "create", "ovl", "overlay", check=True)
    name = test.launch("before", "--storage", "ovl")
    folder = test.daemon.folder / "storage-pools/ovl/images"

    def unpacked():
        return [path for path in folder.iterdir() if not path.name.startswith(".partial-")]  # what is on its way out

    test.daemon.lxc("storage", "set", "ovl", "user.word", "x", check=True)
    test.equal(len(unpacked()), 1)
    test.daemon.lxc("storage", "set", "ovl", "volume.size", "1GiB", check=True)
    test.equal(unpacked(), [])
    test.equal(test.exec(name, "echo", "lives"), "lives\n")
    test.launch("after", "--storage", "ovl")
    test.equal(len(unpacked()), 1)


@scenario
def an_image_published_from_overlay_holds_the_merged_tree(test):
    test.start()
    test.daemon.lxc("storage", "create", "ovl", "overlay", check=True)
    name = test.launch("source", "--storage", "ovl")
    test.exec(name, "sh", "-c", "echo mine > /root/mine; chown 33:44 /root/mine; mv /etc /moved; mkdir /etc")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("publish", name, "--alias", "made", check=True)
    copy = test.name("made")
    test.daemon.lxc("launch", "made", copy, check=True)
    test.equal(test.exec(copy, "stat", "-c", "%u:%g %s", "/root/mine"), "33:44 5\n")
    test.true(test.exec(copy, "ls", "/moved"), "what was moved is there")
    test.equal(test.exec(copy, "sh", "-c", "ls -a / | grep -c layer || true"), "0\n")
