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


@scenario
def the_file_of_a_pool_goes_with_it(test):
    pool(test)
    shown = json.loads(test.daemon.lxc("query", "/1.0/storage-pools/fast", check=True).stdout)
    test.equal(shown["config"], {"size": "512MiB", "source": str(test.daemon.folder / "disks/fast.img")}, "its configuration")
    test.daemon.lxc("storage", "delete", "fast", check=True)
    test.true(not (test.daemon.folder / "disks/fast.img").exists(), "the file is gone")


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
