"""The file API: contents, owners, modes, folders, links, and a gigabyte both ways with bounded memory."""

import hashlib
import subprocess

from system.bounds import Bounds
from system.scenario import scenario


def request(test, method, name, path, body=None, **headers):
    headers = {f"X-LXD-{key}": str(value) for key, value in headers.items()}
    return test.api.raw(method, f"/1.0/instances/{name}/files?path={path}", body, headers)


@scenario
def contents_owner_and_mode_are_kept(test):
    test.start()
    name = test.launch("owner")
    for running in (True, False):
        path = f"/root/{'running' if running else 'stopped'}"
        test.equal(request(test, "POST", name, path, b"content", uid=1000, gid=1001, mode="0751").status, 200)
        back = request(test, "GET", name, path)
        got = (back.body, *(back.headers[f"X-LXD-{key}"] for key in ("uid", "gid", "mode", "type")))
        test.equal(got, (b"content", "1000", "1001", "0751", "file"))
        if running:
            test.equal(test.exec(name, "stat", "-c", "%u %g %a", path), "1000 1001 751\n")
            test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("start", name, check=True)
    test.equal(test.exec(name, "stat", "-c", "%u %g %a", "/root/stopped"), "1000 1001 751\n")


@scenario
def appending_folders_and_symlinks_work(test):
    test.start()
    name = test.launch("kinds")
    request(test, "POST", name, "/root/log", b"one\n")
    request(test, "POST", name, "/root/log", b"two\n", write="append")
    test.equal(test.exec(name, "cat", "/root/log"), "one\ntwo\n")
    request(test, "POST", name, "/root/log", b"three\n", write="overwrite")
    test.equal(test.exec(name, "cat", "/root/log"), "three\n")
    test.equal(request(test, "POST", name, "/root/folder", b"", type="directory", mode="0700").status, 200)
    request(test, "POST", name, "/root/folder/b", b"")
    request(test, "POST", name, "/root/folder/a", b"")
    listing = request(test, "GET", name, "/root/folder")
    test.equal((listing.headers["X-LXD-type"], sorted(listing.metadata)), ("directory", ["a", "b"]))
    test.equal(request(test, "POST", name, "/root/link", b"folder/a", type="symlink").status, 200)
    test.equal(test.exec(name, "readlink", "/root/link"), "folder/a\n")
    test.true(request(test, "DELETE", name, "/root/folder").status >= 400, "a folder with files was deleted")
    for path in ("/root/folder/a", "/root/folder/b", "/root/folder", "/root/link"):
        test.equal(request(test, "DELETE", name, path).status, 200, path)
    test.equal(test.exec(name, "ls", "/root"), "log\n")


@scenario
def a_gigabyte_pushed_and_pulled_is_equal(test):
    test.start()
    name = test.launch("push")
    local = test.folder.parent / "gigabyte"
    size = 1 << 30
    block = hashlib.sha256(b"file").digest() * 32768
    whole = hashlib.sha256()
    with local.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
            whole.update(block)
    with Bounds(test, allowed=["/rootfs/root/big"]) as bounds:
        test.daemon.lxc("file", "push", local, f"{name}/root/big", timeout=300, check=True)
        inside = test.exec(name, "sha256sum", "/root/big").split()[0]
        process = subprocess.Popen(
            [str(test.daemon.client), "file", "pull", f"{name}/root/big", "-"], env=test.daemon.environment, stdout=subprocess.PIPE
        )
        got = hashlib.sha256()
        while piece := process.stdout.read(1 << 20):
            got.update(piece)
        test.equal(process.wait(), 0)
    local.unlink()
    test.equal(inside, whole.hexdigest(), "the hash inside")
    test.equal(got.hexdigest(), whole.hexdigest(), "the hash of what was pulled")
    bounds.check()
