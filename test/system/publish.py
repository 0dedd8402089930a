"""Images made of instances: what is in them, what they are called, and what is left where that fails."""

import hashlib
import os
import subprocess
from pathlib import Path

from harness import daemon as daemons
from harness import image
from harness.rest import Refused
from system.scenario import Skip, scenario

TREE = (
    "cd /root && mkdir d && echo text > d/a && ln d/a d/b && ln -s d/a l && mkfifo p && chmod 4755 d/a && "
    "chown 1000:1001 p && truncate -s 8M s && echo end >> s && touch -d '2001-02-03 04:05:06' d"
)
# What a listing shows of each entry of a tree.
LIST = "cd /root && find . | sort | while read f; do stat -c '%n %F %a %u %g %h %t,%T %s %Y' $f; done; md5sum s d/a; readlink l"


def order(name, **more):
    return {"source": {"type": "instance", "name": name}, **more}


def published(daemon, name, **more):
    return daemon.api.ask("POST", "/1.0/images", order(name, **more))["metadata"]["fingerprint"]


def listing(test, name):
    """Folders' sizes and links are the filesystem's business, the top's time is the launch's."""
    lines = test.exec(name, "sh", "-c", LIST).splitlines()
    return [line for line in lines if " directory " not in line]


@scenario
def an_instance_of_a_published_image_has_the_same_files(test):
    test.start()
    name = test.launch("src")
    test.exec(name, "sh", "-c", TREE)
    before = listing(test, name)
    test.daemon.lxc("stop", "--force", name, check=True)
    for algorithm in ("gzip", "zstd -1", "none", "squashfs"):
        fingerprint = published(test.daemon, name, compression_algorithm=algorithm, aliases=[{"name": "mine", "description": "d"}])
        file = test.daemon.folder / "images" / fingerprint
        test.equal(hashlib.sha256(file.read_bytes()).hexdigest(), fingerprint, algorithm)
        shown = test.api.get(f"/1.0/images/{fingerprint}")
        test.equal((shown["size"], shown["public"], shown["aliases"]), (file.stat().st_size, False, [{"name": "mine", "description": "d"}]))
        copy = f"{name}-2"
        test.daemon.lxc("launch", "mine", copy, check=True)
        test.equal(listing(test, copy), before, algorithm)
        test.daemon.lxc("delete", "--force", copy, check=True)
        test.api.ask("DELETE", f"/1.0/images/{fingerprint}")


@scenario
def a_published_image_is_described_as_it_was_ordered(test):
    test.start()
    name = test.name("told")
    test.daemon.lxc("init", "busybox", name, check=True)
    own = test.api.get(f"/1.0/instances/{name}/metadata")
    kept = test.api.get(f"/1.0/images/{published(test.daemon, name, filename='f.tar.gz')}")
    test.equal((kept["properties"], kept["filename"], kept["expires_at"]), (own["properties"], "f.tar.gz", "1970-01-01T00:00:00Z"))
    changed = test.api.get(
        f"/1.0/images/{published(test.daemon, name, properties={'os': 'x', 'public': 'true'}, expires_at='2040-01-02T03:04:05Z', public=False)}"
    )
    test.equal((changed["properties"], changed["public"]), ({"os": "x", "public": "true"}, True))
    test.equal(changed["expires_at"], "2040-01-02T03:04:05Z")
    metadata = subprocess.run(
        ["tar", "-xzOf", test.daemon.folder / "images" / changed["fingerprint"], "metadata.yaml"], check=True, capture_output=True
    ).stdout.decode()
    test.true("2209086245" in metadata, metadata)


@scenario
def an_image_of_a_snapshot_has_what_was_there_then(test):
    test.start()
    name = test.launch("then")
    test.exec(name, "sh", "-c", "echo then > /root/file")
    test.daemon.lxc("snapshot", name, "snap", check=True)
    test.exec(name, "sh", "-c", "echo now > /root/file")
    test.daemon.lxc("publish", f"{name}/snap", "--alias", "then", check=True)
    copy = f"{name}-2"
    test.daemon.lxc("launch", "then", copy, check=True)
    test.equal(test.exec(copy, "cat", "/root/file"), "then\n")


@scenario
def bad_orders_to_publish_leave_nothing(test):
    test.start()
    name = test.launch("bad")
    before = sorted(os.listdir(test.daemon.folder / "images"))
    wanted = (
        (order(name), "Cannot export a running instance as an image"),
        (order("nobody"), "Instance not found"),
        (order(f"{name}/nothing"), "This is a snapshot"),
        ({"source": {"type": "snapshot", "name": name}}, "Not a snapshot"),
        ({"source": {"type": "instance", "name": ""}}, "No source provided"),
        ({"source": {"type": "nonsense", "name": name}}, "Invalid images JSON"),
    )
    for body, text in wanted:
        try:
            test.api.ask("POST", "/1.0/images", body)
            raise AssertionError(f"{body} was taken")
        except Refused as refusal:
            test.true(text in refusal.text, f"{body}: {refusal.text}")
    test.daemon.lxc("stop", "--force", name, check=True)
    for body, text in (
        (order(name, compression_algorithm="sh -c true"), "executable file not found"),
        (order(name, aliases=[{"name": "busybox"}]), "Alias already exists: busybox"),
    ):
        try:
            test.api.ask("POST", "/1.0/images", body)
            raise AssertionError(f"{body} was taken")
        except Refused as refusal:
            test.true(text in refusal.text, f"{body}: {refusal.text}")
    test.equal(sorted(os.listdir(test.daemon.folder / "images")), before)
    fingerprint = published(test.daemon, name)
    try:
        published(test.daemon, name)
        raise AssertionError("the same image was published twice")
    except Refused as refusal:
        test.equal(refusal.text, f"The image already exists: {fingerprint}")


@scenario
def a_kill_while_publishing_leaves_nothing(test):
    test.start()
    name = test.launch("cut")
    test.exec(name, "sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=12 2>/dev/null")
    test.daemon.lxc("stop", "--force", name, check=True)
    images = test.daemon.folder / "images"
    before = sorted(os.listdir(images))
    test.api.raw("POST", "/1.0/images", order(name, compression_algorithm="xz -0"))
    test.until(lambda: any(images.glob("lxd_build_*/image")), "it is written")
    test.daemon.kill()
    test.daemon.start()
    test.equal(sorted(os.listdir(images)), before)
    test.equal(len(test.api.get("/1.0/images")), 1)
    test.daemon.lxc("start", name, check=True)


@scenario
def publishing_can_be_cancelled(test):
    test.start()
    name = test.launch("cancel")
    test.exec(name, "sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=12 2>/dev/null")
    test.daemon.lxc("stop", "--force", name, check=True)
    images = test.daemon.folder / "images"
    before = sorted(os.listdir(images))
    answer = test.api.raw("POST", "/1.0/images", order(name, compression_algorithm="xz -6")).json
    test.until(lambda: any(images.glob("lxd_build_*/image")), "it began")
    test.api.ask("DELETE", answer["operation"])
    test.equal(test.api.raw("GET", answer["operation"] + "/wait").metadata["status"], "Cancelled")
    test.equal(sorted(os.listdir(images)), before)


@scenario
def images_go_to_the_real_lxd_with_everything_in_them(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    name = test.launch("go")
    test.exec(name, "sh", "-c", TREE)
    test.daemon.lxc("stop", "--force", name, check=True)
    root = test.daemon.folder / "containers" / name / "rootfs/root"
    os.mknod(root / "null", 0o20640, os.makedev(1, 3))
    os.setxattr(root / "d/a", "user.mine", b"bytes\0more")
    os.setxattr(root / "d/a", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    subprocess.run(["setfacl", "-m", "u:1234:rw", root / "s"], check=True)
    fingerprint = published(test.daemon, name)
    file = test.folder / "image.tar.gz"
    file.write_bytes((test.daemon.folder / "images" / fingerprint).read_bytes())
    seen = []
    for daemon in (test.daemon, real):
        if daemon is test.daemon:
            test.api.ask("DELETE", f"/1.0/images/{fingerprint}")
        daemon.lxc("image", "import", file, "--alias", "moved", check=True)
        copy = test.name(f"made-{daemon.name[0]}")
        daemon.lxc("init", "moved", copy, check=True)
        seen.append(facts(daemon.folder / "containers" / copy / "rootfs"))
        daemon.api.ask("DELETE", f"/1.0/instances/{copy}")
    same_files(test, seen[0], seen[1], "here and there")
    same_files(test, seen[0], facts(test.daemon.folder / "containers" / name / "rootfs"), "as published")
    for alias in ("moved", "busybox"):
        real.lxc("image", "delete", alias, check=True)


def same_files(test, got, wanted, what=""):
    differ = {name: (got.get(name), wanted.get(name)) for name in got.keys() | wanted.keys() if got.get(name) != wanted.get(name)}
    test.equal(dict(sorted(differ.items())[:5]), {}, f"{what} {len(differ)} files differ (got, wanted)")


def facts(root, seconds=int):
    """Everything of every file, by its path: what a copy must have too."""
    seen = {}
    inodes = {}
    for path in sorted(Path(os.path.realpath(root)).rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(os.path.realpath(root)))
        first = inodes.setdefault(status.st_ino, name)
        link = os.readlink(path) if path.is_symlink() else ""
        xattrs = {key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)}
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not link else ""
        seen[name] = (status.st_mode, status.st_uid, status.st_gid, status.st_rdev, first, link, xattrs, content, seconds(status.st_mtime))
    return seen
