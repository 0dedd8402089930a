"""System calls of unprivileged containers that the daemon does for them, and those that it does not."""

import contextlib
import os
import re
import subprocess
import time

from harness.daemon import BUILD
from system.scenario import Skip, scenario

KEY = "security.syscalls.intercept."
EPERM, EFAULT, EACCES, ENOENT, ENOSYS = 1, 14, 13, 2, 38


def launch(test, short, *keys, options=()):
    """With these keys below security.syscalls.intercept., and the program that makes calls."""
    set_ = [part for key in keys for part in ("-c", KEY + (key if "=" in key else key + "=true"))]
    name = test.launch(short, *set_, *options)
    test.daemon.lxc("file", "push", BUILD / "test/system/calls", f"{name}/bin/calls", "--mode=755", check=True)
    return name


def call(test, name, *words, user=None):
    """What the program printed, as numbers and texts."""
    by = ("--user", str(user)) if user else ()
    done = test.daemon.lxc("exec", name, *by, "--", "calls", *words)
    if done.returncode != 0:
        raise AssertionError(f"calls {words}: {done.returncode} {done.stderr!r}")
    return [int(word) if re.fullmatch(r"-?\d+", word) else word for word in done.stdout.decode().split()]


def node(test, name, path):
    """Owner, kind and number of a node: "0:0 c 1:3"."""
    return test.exec(name, "stat", "-c", "%u:%g %F %t:%T", path).strip()


@scenario
def harmless_devices_are_made_and_others_are_not(test):
    test.start()
    name = launch(test, "mknod", "mknod")
    test.equal(call(test, name, "mknod", "/root/null", "1", "3"), [0])
    test.equal(node(test, name, "/root/null"), "0:0 character special file 1:3")
    test.exec(name, "sh", "-c", "echo gone > /root/null && [ ! -s /root/null ]")
    test.equal(call(test, name, "mknodat", "/root", "zero", "1", "5"), [0])
    test.equal(test.exec(name, "sh", "-c", "head -c 3 /root/zero | wc -c").strip(), "3")
    test.equal(call(test, name, "mknod", "/root/whiteout", "0", "0"), [0])
    for major, minor in ((1, 1), (8, 0), (10, 229), (1, 11), (5, 2)):
        test.equal(call(test, name, "mknod", "/root/denied", str(major), str(minor)), [EPERM], f"{major}:{minor}")
    test.equal(call(test, name, "mknod", "/root/null", "1", "3"), [17], "once more")
    test.equal(call(test, name, "mknod", "/none/null", "1", "3"), [ENOENT])
    # The working folder, a link on the way, a umask, and what the kernel allows anybody.
    test.exec(name, "sh", "-c", "ln -s /root /link && cd /tmp && umask 077 && calls mknod rel 1 3 && calls mknod /link/linked 1 7")
    test.equal(test.exec(name, "stat", "-c", "%a %t:%T", "/tmp/rel").strip(), "600 1:3")
    test.equal(node(test, name, "/root/linked"), "0:0 character special file 1:7")
    test.exec(name, "sh", "-c", "mkfifo /root/fifo && busybox mknod /root/pipe p")


@scenario
def a_user_inside_gets_nothing_that_it_may_not_have(test):
    test.start()
    name = launch(test, "user", "mknod", "setxattr", "sched_setscheduler")
    test.equal(call(test, name, "mknod", "/tmp/null", "1", "3", user=1000), [EPERM], "without the capability")
    test.exec(name, "sh", "-c", "mkdir -m 755 /opaque /theirs && chown 1000 /theirs")
    test.equal(call(test, name, "setxattr", "/opaque", "trusted.overlay.opaque", "y", user=1000), [EPERM])
    test.equal(call(test, name, "sched", "0", "1", "5", user=1000)[0], EPERM)
    # Root of the container may write another user's folder, but none whose owner it does not rule.
    test.equal(call(test, name, "mknod", "/theirs/null", "1", "3"), [0])
    test.equal(node(test, name, "/theirs/null"), "0:0 character special file 1:3")
    host = test.folder / "host"
    host.mkdir(mode=0o755)
    host.chmod(0o755)
    test.daemon.lxc("config", "device", "add", name, "host", "disk", f"source={host}", "path=/host", check=True)
    test.equal(call(test, name, "mknod", "/host/null", "1", "3"), [EACCES], "a folder of the host's root")
    test.equal(call(test, name, "setxattr", "/host", "trusted.overlay.opaque", "y"), [EACCES])
    test.equal(list(host.iterdir()), [])


@scenario
def a_folder_is_marked_for_overlays_alone(test):
    test.start()
    name = launch(test, "setxattr", "setxattr")
    test.exec(name, "mkdir", "/opaque")
    test.equal(call(test, name, "setxattr", "/opaque", "trusted.overlay.opaque", "y"), [0])
    inside = test.daemon.folder / "storage-pools/default/containers" / name / "rootfs/opaque"
    test.equal(os.getxattr(inside, "trusted.overlay.opaque"), b"y")
    test.equal(call(test, name, "setxattr", "/opaque", "trusted.overlay.opaque", "x"), [EPERM], "another value")
    test.equal(call(test, name, "setxattr", "/opaque", "trusted.other", "y"), [EPERM], "another name")
    test.equal(call(test, name, "setxattr", "/opaque", "user.mine", "y"), [0], "what anybody may")
    test.equal(os.getxattr(inside, "user.mine"), b"y")


@scenario(long=True)
def ten_thousand_calls_hold_up_nobody(test):
    a_storm_of(test, 10_000)


@scenario
def many_calls_hold_up_nobody(test):
    a_storm_of(test, 500)


def a_storm_of(test, count):
    test.start()
    stormy, calm = launch(test, "storm", "mknod"), launch(test, "calm", "mknod")
    test.exec(stormy, "mkdir", "/nodes")
    client = subprocess.Popen(
        [str(test.daemon.client), "exec", stormy, "--", "calls", "storm", "/nodes", str(count)],
        env=test.daemon.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    test.until(lambda: "9" in test.exec(stormy, "ls", "/nodes").split(), "the storm begins")
    for index in range(5):
        with test.within(3, "a call of another container"):
            test.equal(call(test, calm, "mknod", f"/root/null{index}", "1", "3"), [0])
    with test.within(3, "a list during the storm"):
        test.daemon.lxc("list", check=True)
    out, _ = client.communicate(timeout=100)
    test.equal(out, b"0\n")
    test.equal(test.exec(stormy, "sh", "-c", "ls /nodes | wc -l").strip(), str(count))


@scenario
def a_path_that_changes_meanwhile_is_one_or_the_other(test):
    """The outer folder is the host's root's; a race must not lead there with more rights than the container has."""
    test.start()
    name = launch(test, "race", "mknod")
    host = test.folder / "host"
    host.mkdir(mode=0o755)
    host.chmod(0o755)
    test.daemon.lxc("config", "device", "add", name, "host", "disk", f"source={host}", "path=/hostx", check=True)
    test.exec(name, "mkdir", "/inner")
    made = call(test, name, "race", "/inner", "/hostx", "2")[0]
    test.true(made > 0, "nothing was made")
    test.equal(list(host.iterdir()), [], "in the host's folder")


@scenario
def calls_work_again_after_the_daemon_was_away(test):
    test.start()
    name = launch(test, "away", "mknod")
    test.equal(call(test, name, "mknod", "/root/before", "1", "3"), [0])
    # One that makes a call each time the file appears, whoever is there.
    script = "while :; do if [ -e /root/go ]; then rm /root/go; n=$(calls mknod /root/meanwhile 1 3); echo $n > /root/told; fi; sleep 0.05; done"
    test.exec(name, "sh", "-c", f"({script}) </dev/null >/dev/null 2>&1 &")
    rootfs = test.daemon.folder / "storage-pools/default/containers" / name / "rootfs/root"
    for end in (test.daemon.terminate, test.daemon.kill):
        end()
        (rootfs / "told").unlink(missing_ok=True)
        (rootfs / "go").touch()
        test.until(lambda: (rootfs / "told").exists() and (rootfs / "told").read_text(), "an answer without a daemon")
        test.equal((rootfs / "told").read_text().strip(), str(ENOSYS))
        test.daemon.start()
        # What is started now is not intercepted, but runs; liblxc connects anew with the next call of a process that was
        # there.
        test.equal(call(test, name, "mknod", "/root/lost", "1", "3"), [EPERM], "no listener")
        (rootfs / "told").unlink()
        (rootfs / "go").touch()
        test.until(lambda: (rootfs / "told").exists() and (rootfs / "told").read_text(), "an answer of the daemon")
        test.equal((rootfs / "told").read_text().strip(), "0")
        test.exec(name, "rm", "/root/meanwhile")
        test.equal(call(test, name, "mknod", f"/root/after-{end.__name__}", "1", "3"), [0])


@scenario
def sysinfo_tells_the_limits(test):
    test.start()
    name = launch(test, "sysinfo", "sysinfo", options=("-c", "limits.memory=64MiB"))

    def told():
        code, *pairs = call(test, name, "sysinfo")
        test.equal(code, 0)
        return {key: int(value) for key, value in (pair.split("=") for pair in pairs)}

    first = told()
    test.equal(first["total"], 64 << 20)
    test.true(0 < first["free"] <= first["total"], f"{first}")
    test.true(first["procs"] < 20 and 0 <= first["uptime"] < 600, f"{first}")
    test.daemon.lxc("config", "set", name, "limits.memory=96MiB", check=True)
    test.equal(told()["total"], 96 << 20)
    test.true(first["swap"] <= int(re.search(r"SwapTotal:\s+(\d+)", open("/proc/meminfo", encoding="ascii").read())[1]) * 1024, "swap")


IDLE, OTHER, BATCH = 5, 0, 3


def idle_process(test, name):
    """Its number inside. To leave this policy takes a right that a container's root does not have."""
    pid = test.exec(name, "sh", "-c", "sleep 100 >/dev/null 2>&1 & echo $!").strip()
    test.equal(call(test, name, "sched", pid, str(IDLE), "0"), [0, IDLE])
    return pid


@scenario
def priorities_are_raised_within_the_container(test):
    test.start()
    plain = launch(test, "plain")
    test.equal(call(test, plain, "sched", idle_process(test, plain), str(OTHER), "0"), [EPERM, IDLE])
    name = launch(test, "sched", "sched_setscheduler")
    pid = idle_process(test, name)
    test.equal(call(test, name, "sched", pid, str(OTHER), "0", user=1000)[0], EPERM)
    test.equal(call(test, name, "sched", pid, str(OTHER), "0"), [0, OTHER])
    test.equal(call(test, name, "sched", "0", str(BATCH), "0"), [0, BATCH], "itself")
    test.equal(call(test, name, "sched", "1", str(BATCH), "0"), [0, BATCH], "init of the container")
    test.equal(call(test, name, "sched", "9999999", str(OTHER), "0")[0], 3, "nobody's number")
    test.equal(call(test, name, "sched", pid, str(OTHER), "7")[0], 22, "a priority that the policy does not have")
    # Numbers are the container's: what has this one on the host stays as it is.
    mine = subprocess.Popen(["sleep", "100"])
    try:
        test.true(call(test, name, "sched", str(mine.pid), str(BATCH), "0")[0] in (0, 3), "a number of the host's")
        test.equal(os.sched_getscheduler(mine.pid), os.SCHED_OTHER)
    finally:
        mine.kill()
        mine.wait()


@scenario
def huge_pages_are_mounted_for_the_container(test):
    if "hugetlbfs" not in open("/proc/filesystems", encoding="ascii").read():
        raise Skip("no hugetlbfs")
    test.start()
    name = launch(test, "huge", "mount", "mount.allowed=hugetlbfs")
    test.exec(name, "mkdir", "/huge")
    for data, owners in (("", "0:0"), ("uid=5,gid=7", "5:7"), ("mode=700", "0:0")):
        test.equal(call(test, name, "mount", "none", "/huge", "hugetlbfs", "0", data), [0], data)
        test.equal(test.exec(name, "stat", "-c", "%u:%g", "/huge").strip(), owners, data)
        test.exec(name, "umount", "/huge")


@contextlib.contextmanager
def loop_device(test, size=16 << 20):
    """An ext4 filesystem on a block device, with a node in it that would be anybody's way to the host's null."""
    file = test.folder / "disk.img"
    with open(file, "wb") as out:
        out.truncate(size)
    tree = test.folder / "tree"
    tree.mkdir()
    (tree / "file").write_text("of the disk\n")
    os.mknod(tree / "node", 0o20666, os.makedev(1, 3))
    os.chmod(tree / "node", 0o666)
    subprocess.run(["mkfs.ext4", "-q", "-d", tree, file], check=True)
    device = subprocess.run(["losetup", "--find", "--show", file], check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def give_device(test, name, device):
    """A node of a block device inside, root's, as a unix-block device gives it."""
    rootfs = test.daemon.folder / "storage-pools/default/containers" / name / "rootfs"
    path = rootfs / "root/disk"
    os.mknod(path, 0o60600, os.stat(device).st_rdev)
    os.chown(path, 0, 0)


@scenario
def an_allowed_filesystem_is_mounted_and_no_other(test):
    test.start()
    name = launch(test, "mount", "mount", "mount.allowed=ext4")
    with loop_device(test) as device:
        give_device(test, name, device)
        test.exec(name, "mkdir", "/disk")
        test.equal(call(test, name, "mount", "/root/disk", "/disk", "ext4", "0", ""), [0])
        test.equal(test.exec(name, "cat", "/disk/file"), "of the disk\n")
        line = next(line for line in test.exec(name, "cat", "/proc/mounts").splitlines() if " /disk " in line)
        test.true(line.startswith("/root/disk /disk ext4 rw,nodev"), line)
        # The filesystem's nodes are nobody's way out, and stay so.
        test.true(test.daemon.lxc("exec", name, "--", "sh", "-c", "echo > /disk/node").returncode != 0, "a node was opened")
        nodev_off = call(test, name, "mount", "none", "/disk", "none", str(32 | 4096), "")
        test.equal(nodev_off, [EPERM], "nodev was taken off")
        test.exec(name, "umount", "/disk")

        test.equal(call(test, name, "mount", "/root/disk", "/disk", "ext2", "0", ""), [EPERM], "another filesystem")
        test.equal(call(test, name, "mount", "/root/file", "/disk", "ext4", "0", ""), [ENOENT])
        test.exec(name, "sh", "-c", "echo > /root/file")
        test.equal(call(test, name, "mount", "/root/file", "/disk", "ext4", "0", ""), [15], "no block device")
        test.equal(call(test, name, "mount", "/root/disk", "/disk", "ext4", "0", f"source={device}"), [22])
        test.equal(call(test, name, "mount", "/root/disk", "/disk", "ext4", "0", "", user=1000), [EPERM])
        # By the caller's own descriptor, as careful programs do, and read-only.
        test.exec(name, "sh", "-c", "exec 7</disk; calls mount /root/disk /proc/self/fd/7 ext4 1 '' | grep -x 0; grep ' /disk ext4 ro' /proc/mounts; umount /disk")
        # Live: not any more, and with the owners mapped.
        test.daemon.lxc("config", "set", name, KEY + "mount.allowed=xfs", check=True)
        test.equal(call(test, name, "mount", "/root/disk", "/disk", "ext4", "0", ""), [EPERM], "no longer allowed")
        test.daemon.lxc("config", "set", name, KEY + "mount.allowed=ext4", check=True)
        test.equal(test.exec(name, "sh", "-c", "calls mount /root/disk /disk ext4 0 '' && stat -c %u /disk/file && umount /disk").split(), ["0", "65534"])
        test.daemon.lxc("config", "set", name, KEY + "mount.shift=true", check=True)
        test.equal(test.exec(name, "sh", "-c", "calls mount /root/disk /disk ext4 0 '' && stat -c %u /disk/file && umount /disk").split(), ["0", "0"])
        # What any container may mount is the kernel's to do.
        test.equal(call(test, name, "mount", "none", "/disk", "tmpfs", "0", "size=1m"), [0])
        test.exec(name, "umount", "/disk")


@scenario
def device_programs_are_loaded_and_attached(test):
    test.start()
    name = launch(test, "bpf", "bpf", "bpf.devices=false")
    test.equal(call(test, name, "bpf", "plain", "/"), [EPERM], "not asked for")
    test.daemon.lxc("config", "set", name, KEY + "bpf.devices=true", check=True)
    place = cgroup2(test, name)
    test.equal(call(test, name, "bpf", "plain", place), [0, 0, 0])
    test.equal(call(test, name, "bpf", "calling", place), [EPERM], "a program that calls the kernel")
    test.true(call(test, name, "bpf", "plain", "/tmp")[1] != 0, "attached to no cgroup")


def cgroup2(test, name):
    """A cgroup of the container's own."""
    test.exec(name, "sh", "-c", "mkdir -p /tmp/cgroup && mount -t cgroup2 none /tmp/cgroup && mkdir -p /tmp/cgroup/own")
    return "/tmp/cgroup/own"


@scenario
def a_fuse_program_of_the_container_mounts(test):
    """mount.fuse is the container's: a script stands for it, that tells what it was asked for and what it is."""
    test.start()
    name = launch(test, "fuse", "mount", "mount.fuse=ext4=fuse2fs")
    script = '#!/bin/sh\n{ echo "$@"; id -u; readlink /proc/self/ns/pid; grep -c payload /proc/self/cgroup; } > /root/asked\n[ -e /root/fine ]\n'
    test.daemon.lxc("file", "push", "-", f"{name}/bin/mount.fuse", "--mode=755", stdin=script.encode(), check=True)
    test.equal(call(test, name, "mount", "/root/disk", "/mnt", "ext4", "1", "data=x"), [EPERM], "which fails")
    asked, user, pid_ns, _ = test.exec(name, "cat", "/root/asked").splitlines()
    test.equal((asked, user), ("fuse2fs#/root/disk /mnt -o data=x,ro", "0"))
    test.equal(pid_ns, test.exec(name, "readlink", "/proc/self/ns/pid").strip())
    test.exec(name, "touch", "/root/fine")
    test.equal(call(test, name, "mount", "/root/disk", "/mnt", "ext4", "0", ""), [0])


@scenario
def a_filesystem_that_hangs_holds_up_its_container_alone(test):
    """A FUSE filesystem whose server never answers, as a hostile container makes one."""
    test.start()
    slow, other = launch(test, "slow", "mknod", "mount", "mount.fuse=ext4=x"), launch(test, "other", "mknod")
    # mount.fuse that never ends stands for it: the daemon's patience ends first, and its own end takes it along.
    script = "#!/bin/sh\necho $$ > /root/begun\nexec sleep 300\n"
    test.daemon.lxc("file", "push", "-", f"{slow}/bin/mount.fuse", "--mode=755", stdin=script.encode(), check=True)
    client = subprocess.Popen(
        [str(test.daemon.client), "exec", slow, "--", "calls", "mount", "/x", "/mnt", "ext4", "0", ""],
        env=test.daemon.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    begun = test.daemon.folder / "storage-pools/default/containers" / slow / "rootfs/root/begun"
    test.until(begun.exists, "the program runs")
    start = time.monotonic()
    test.equal(call(test, other, "mknod", "/root/null", "1", "3"), [0])
    test.true(time.monotonic() - start < 3, "another container waited")
    test.daemon.terminate()
    test.equal(client.wait(30) >= 0, True)
    test.daemon.start()
