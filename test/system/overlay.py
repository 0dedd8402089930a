"""Pools of our own driver, overlay: a container is what it changed over its image."""

import os
import subprocess
import time

from system.kill import init_pid
from system.scenario import scenario


def start(test):
    test.start()
    test.daemon.lxc("storage", "create", "ovl", "overlay", check=True)
    return test.daemon.folder / "storage-pools/ovl"


def launch(test, short, *options):
    return test.launch(short, "--storage", "ovl", *options)


def write(test, name, text):
    test.exec(name, "sh", "-c", f"echo {text} > /root/note")


def note(test, name):
    return test.exec(name, "cat", "/root/note").strip()


@scenario
def owners_follow_the_map_however_often_it_changes(test):
    start(test)
    name = launch(test, "map")
    write(test, name, "first")
    test.exec(name, "sh", "-c", "mkdir /d && chown 33:44 /d")
    for options in ({"security.privileged": "true"}, {"security.privileged": "false"}, {"security.idmap.isolated": "true"}):
        test.daemon.lxc("stop", "--force", name, check=True)
        pulled = test.daemon.lxc("file", "pull", f"{name}/root/note", "-", check=True)
        test.equal(pulled.stdout, b"first\n", "of a stopped one")
        test.daemon.lxc("file", "push", "-", f"{name}/root/pushed", stdin=b"x", check=True)
        for key, value in options.items():
            test.daemon.lxc("config", "set", name, f"{key}={value}", check=True)
        test.daemon.lxc("start", name, check=True)
        test.equal(test.exec(name, "stat", "-c", "%u:%g", "/d", "/root/note", "/root/pushed", "/bin"), "33:44\n0:0\n0:0\n0:0\n")
        test.exec(name, "sh", "-c", "touch /etc/by-root /root/note && mv /etc /etc2 && mv /etc2 /etc")
    on_disk = test.api.get(f"/1.0/instances/{name}")["config"]["volatile.last_state.idmap"]
    test.equal(on_disk, "[]", "files never change owners on disk")


@scenario
def copies_outlive_their_image_and_their_source(test):
    pool = start(test)
    name = launch(test, "src")
    write(test, name, "kept")
    copy, moved = test.name("copy"), test.name("moved")
    test.daemon.lxc("copy", name, copy, check=True)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("copy", name, moved, "--storage", "default", check=True)
    test.daemon.lxc("image", "delete", "busybox", check=True)
    test.daemon.lxc("delete", name, check=True)
    for one in (copy, moved):
        test.daemon.lxc("start", one, check=True)
        test.equal(note(test, one), "kept")
        test.equal(test.exec(one, "ls", "-a", "/").count(".layer"), 0)
    test.daemon.lxc("delete", "--force", copy, check=True)
    test.daemon.lxc("delete", "--force", moved, check=True)
    test.until(lambda: not [one for one in (pool / "layers").iterdir() if one.name != ".veil"], "the last layer goes")
    test.daemon.lxc("storage", "delete", "ovl", check=True)
    test.true(not pool.exists(), "the pool's folder is gone")


@scenario
def snapshots_go_wherever_an_instance_goes(test):
    start(test)
    name, copy, elsewhere, renamed = launch(test, "snap"), test.name("copy"), test.name("else"), test.name("renamed")
    write(test, name, "first")
    test.exec(name, "mv", "/etc", "/moved")
    for snapshot in ("a,b:c", "two"):
        test.daemon.lxc("snapshot", name, snapshot, check=True)
    test.exec(name, "mv", "/moved", "/etc")
    write(test, name, "later")
    test.daemon.lxc("copy", f"{name}/two", copy, check=True)
    test.daemon.lxc("copy", f"{name}/two", elsewhere, "--storage", "default", check=True)
    for one in (copy, elsewhere):
        test.daemon.lxc("start", one, check=True)
        test.equal(note(test, one), "first")
        test.true(test.exec(one, "ls", "/moved"), "the folder is where it was")
    test.daemon.lxc("restore", name, "two", check=True)
    test.equal(note(test, name), "first", "of a running one")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("move", name, renamed, check=True)
    archive = str(test.folder / "backup.tar.gz")
    test.daemon.lxc("export", renamed, archive, check=True)
    test.daemon.lxc("delete", "--force", renamed, check=True)
    test.daemon.lxc("import", archive, "--storage", "ovl", check=True)
    test.daemon.lxc("restore", renamed, "a,b:c", check=True)
    test.daemon.lxc("start", renamed, check=True)
    test.equal(note(test, renamed), "first")
    test.equal(test.exec(renamed, "stat", "-c", "%u:%g", "/root/note"), "0:0\n")


@scenario
def running_ones_outlive_a_kill_and_start_again(test):
    pool = start(test)
    running, stopped = launch(test, "runs"), launch(test, "stops")
    write(test, running, "one")
    pid = init_pid(running)
    test.daemon.kill()
    subprocess.run(["lxc-stop", "-n", stopped, "-P", test.daemon.folder / "containers", "--kill"], check=False, capture_output=True)
    test.daemon.start()
    test.true(os.path.exists(f"/proc/{pid}"), "the container died with the daemon")
    write(test, running, "two")
    test.daemon.lxc("restart", "--force", running, check=True)
    test.equal(note(test, running), "two")
    # As after a restart of the host: nothing is mounted.
    test.daemon.lxc("stop", "--force", running, check=True)
    test.daemon.terminate()
    for mounted in (pool / "containers").iterdir():
        subprocess.run(["umount", str(mounted / "rootfs")], check=False, capture_output=True)
    test.daemon.start()
    test.daemon.lxc("start", running, check=True)
    test.equal(note(test, running), "two")


@scenario
def a_kill_at_any_moment_leaves_no_half_made_container(test):
    pool = start(test)
    name = launch(test, "whole")
    write(test, name, "whole")
    test.daemon.lxc("stop", "--force", name, check=True)
    for delay in (0.002, 0.01, 0.03):
        process = subprocess.Popen(
            ["lxc", "copy", name, test.name(f"half{int(delay * 1000)}")],
            env=test.daemon.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)  # the moment is what is tried
        test.daemon.kill()
        process.wait()
        test.daemon.start()
        known = {one["name"] for one in test.api.get("/1.0/instances?recursion=1")}
        test.equal({path.name for path in (pool / "containers").iterdir()}, known, "on disk and in the database")
    test.equal(len([one for one in (pool / "layers").iterdir() if one.name != ".veil"]), 1, "layers")
    test.daemon.lxc("start", name, check=True)
    test.equal(note(test, name), "whole")


def taken(folder):
    """Bytes of disk below a folder, other filesystems left out."""
    return int(subprocess.run(["du", "-sxB1", str(folder)], check=True, capture_output=True, text=True).stdout.split()[0])
