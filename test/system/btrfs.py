"""Pools on btrfs, through the daemon."""

import contextlib
import json
import sqlite3

from system.scenario import Skip, scenario


def pool(test, name="fast", **config):
    test.start()
    options = [f"{key}={value}" for key, value in ({"size": "512MiB"} | config).items()]
    made = test.daemon.lxc("storage", "create", name, "btrfs", *options, check=False)
    if made.returncode != 0:
        raise Skip(f"no btrfs pool here: {made.stderr.decode()}")
    return name


def drop(test, *containers, pool="fast"):
    for name in containers:
        test.daemon.lxc("delete", "--force", name, check=True)
    test.daemon.lxc("storage", "delete", pool, check=True)


def writes(test, container, mib):
    """The exit code and the words of writing that much into the container's root."""
    done = test.daemon.lxc("exec", container, "--", "dd", "if=/dev/zero", "of=/big", "bs=1M", f"count={mib}", check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@scenario
def containers_live_on_a_btrfs_pool(test):
    pool(test)
    shown = json.loads(test.daemon.lxc("query", "/1.0/storage-pools/fast", check=True).stdout)
    test.equal(shown["config"], {"size": "512MiB", "source": str(test.daemon.folder / "disks/fast.img")}, "its configuration")
    name = test.launch("onbtrfs", "--storage", "fast")
    test.equal(test.exec(name, "sh", "-c", "echo kept > /file; cat /file"), "kept\n")
    pushed = test.folder / "pushed"
    pushed.write_text("pushed")
    test.daemon.lxc("file", "push", str(pushed), f"{name}/root/pushed", check=True)
    test.equal(test.exec(name, "stat", "-c", "%u %s", "/root/pushed"), "0 6\n")
    test.daemon.kill()
    test.daemon.start()
    test.equal(test.exec(name, "cat", "/file"), "kept\n", "after the daemon was killed")
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(test.exec(name, "cat", "/file"), "kept\n", "after a restart")
    copy = test.name("copyofbtrfs")
    test.daemon.lxc("copy", name, copy, "--instance-only", check=True)
    test.daemon.lxc("start", copy, check=True)
    test.equal(test.exec(copy, "cat", "/file"), "kept\n", "in a copy")
    drop(test, name, copy)
    test.true(not (test.daemon.folder / "disks/fast.img").exists(), "the file went with the pool")


@scenario
def the_size_of_a_root_on_btrfs_holds_live(test):
    pool(test)
    name = test.launch("limited", "--storage", "fast", "--device", "root,size=20MiB")
    code, said = writes(test, name, 40)
    test.true(code != 0 and "quota" in said.lower(), f"refused at the limit: {said}")
    test.daemon.lxc("config", "device", "set", name, "root", "size=10MiB", check=True)
    test.daemon.lxc("config", "device", "set", name, "root", "size=80MiB", check=True)  # the real one cannot, of a full root
    test.equal(writes(test, name, 40)[0], 0, "with a larger limit")
    test.exec(name, "sync")
    test.true(test.state(name)["disk"]["root"]["usage"] >= 40 << 20, "what it uses is told")
    test.daemon.lxc("config", "device", "unset", name, "root", "size", check=True)
    test.equal(writes(test, name, 100)[0], 0, "without one")
    drop(test, name)


@scenario
def a_pool_that_was_being_made_is_removed_by_the_next_start(test):
    name = pool(test)
    test.daemon.kill()
    folder = test.daemon.folder
    with contextlib.closing(sqlite3.connect(next(folder.rglob("*.db")))) as database, database:
        database.execute("UPDATE storage_pools SET status = 'Pending' WHERE name = ?", (name,))
    test.daemon.start()
    test.true(name not in test.daemon.lxc("storage", "list", check=True).stdout.decode(), "the pool is not listed")
    left = [path for path in (folder / "disks/fast.img", folder / "storage-pools/fast") if path.exists()]
    test.equal(left, [], "what was made of it")


@scenario
def bad_sources_of_btrfs_pools_are_refused(test):
    test.start()
    for options, words in {
        "source=relative": 'Invalid "source" property',
        f"source={test.folder}": "Provided path does not reside on a btrfs filesystem",
        "size=many": 'Invalid value for option "size"',
        "nonsense=1": 'Invalid option "nonsense"',
    }.items():
        done = test.daemon.lxc("storage", "create", "bad", "btrfs", options, check=False)
        test.true(done.returncode != 0 and words in done.stderr.decode(), f"{options}: {done.stderr.decode()}")
    test.true("bad" not in test.daemon.lxc("storage", "list", check=True).stdout.decode(), "nothing is left")
