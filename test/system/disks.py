"""Disks of containers beyond a folder of the host: block devices, options of mounts, limits that bite."""

import contextlib
import subprocess
import time
from pathlib import Path

from system.scenario import Skip, scenario


@contextlib.contextmanager
def loop_disk(test, name="disk", size=64 << 20, filesystem="ext4"):
    """A block device with a filesystem."""
    file = test.folder / name
    with file.open("wb") as disk:
        disk.truncate(size)
    try:
        subprocess.run([f"mkfs.{filesystem}", "-q", str(file)], check=True, capture_output=True)
        device = subprocess.run(["losetup", "--show", "-f", str(file)], check=True, capture_output=True).stdout.decode().strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skip(f"no loop device with {filesystem}: {error}") from error
    try:
        yield device
    finally:
        subprocess.run(["losetup", "-d", device], check=False)


@contextlib.contextmanager
def mounted_disk(test, **options):
    with loop_disk(test, **options) as device:
        place = test.folder / "mounted"
        place.mkdir()
        subprocess.run(["mount", device, str(place)], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=False)


def add(test, name, device, *options):
    return test.daemon.lxc("config", "device", "add", name, device, "disk", *options)


def options_of(test, name, path):
    lines = test.exec(name, "cat", "/proc/self/mounts").splitlines()
    return next((set(line.split()[3].split(",")) for line in lines if line.split()[1] == path), None)


@scenario
def a_block_device_is_mounted_by_its_filesystem(test):
    test.start()
    for privileged in ("false", "true"):
        name = test.launch(f"block-{privileged}", "-c", f"security.privileged={privileged}")
        with loop_disk(test, f"disk-{privileged}") as device:
            options = [f"source={device}", "path=/srv", "raw.mount.options=nosuid,noexec,commit=11"]
            test.equal(add(test, name, "data", *options).returncode, 0)
            seen = options_of(test, name, "/srv")
            test.true(seen and {"nosuid", "noexec", "commit=11"} <= seen, f"options inside: {seen}")
            test.daemon.lxc("restart", "--force", name, check=True)
            seen = options_of(test, name, "/srv")
            test.true(seen and {"nosuid", "noexec", "commit=11"} <= seen, f"options after a restart: {seen}")
            test.true("lost+found" in test.exec(name, "ls", "/srv"), "its files are there")
            test.daemon.lxc("config", "device", "remove", name, "data", check=True)
            test.equal(options_of(test, name, "/srv"), None)


@scenario
def options_of_a_mount_hold_on_folders_too(test):
    test.start()
    name = test.launch("options")
    source = test.folder / "source"
    source.mkdir()
    test.equal(add(test, name, "d", f"source={source}", "path=/srv", "raw.mount.options=nosuid,nodev,noexec").returncode, 0)
    for moment in ("added", "restarted"):
        seen = options_of(test, name, "/srv")
        test.true(seen and {"nosuid", "nodev", "noexec"} <= seen, f"{moment}: {seen}")
        test.daemon.lxc("restart", "--force", name, check=True)


@scenario
def a_mount_made_inside_never_reaches_the_host(test):
    """The source's mount is shared here, as systemd makes all of a host's."""
    test.start()
    name = test.launch("inside")
    source = test.folder / "shared"
    source.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(source)], check=True)
    try:
        subprocess.run(["mount", "--make-shared", str(source)], check=True)
        (source / "below").mkdir(mode=0o777)
        test.equal(add(test, name, "d", f"source={source}", "path=/srv").returncode, 0)
        test.exec(name, "mount", "-t", "tmpfs", "none", "/srv/below")
        test.true(str(source / "below") not in Path("/proc/self/mounts").read_text(), "the host sees the mount")
        test.exec(name, "umount", "/srv/below")
        for propagation, follows in (("rslave", True), ("rprivate", False)):
            test.daemon.lxc("config", "device", "set", name, "d", f"propagation={propagation}", check=True)
            subprocess.run(["mount", "-t", "tmpfs", "later", str(source / "below")], check=True)
            test.equal(options_of(test, name, "/srv/below") is not None, follows, propagation)
            subprocess.run(["umount", str(source / "below")], check=True)
        test.daemon.lxc("config", "device", "remove", name, "d", check=True)
    finally:
        subprocess.run(["umount", "--lazy", "--recursive", str(source)], check=False)


@scenario
def what_is_mounted_below_a_volume_is_seen_from_the_start_on(test):
    """On a volume, whose owners are mapped: another one, a folder and a file of the host's, a device."""
    test.start()
    volumes = "/1.0/storage-pools/default/volumes/custom"
    for volume in ("outer", "inner"):
        test.api.ask("POST", volumes, {"name": volume})
    name = test.name("nest")
    test.daemon.lxc("init", "busybox", name, check=True)
    for device, *options in (
        ("z-outer", "pool=default", "source=outer", "path=/srv"),
        ("a-inner", "pool=default", "source=inner", "path=/srv/inner"),
        ("b-deep", "pool=default", "source=outer", "path=/srv/inner/deep"),
        ("c-folder", "source=/etc", "path=/srv/folder", "readonly=true"),
        ("d-file", "source=/etc/hostname", "path=/srv/file"),
    ):
        test.equal(add(test, name, device, *options).returncode, 0, device)
    test.daemon.lxc("config", "device", "add", name, "e-null", "unix-char", "source=/dev/null", "path=/srv/null", check=True)
    for moment in ("the first start", "a second one"):
        test.daemon.lxc("start", name, check=True)
        points = [line.split()[1] for line in test.exec(name, "cat", "/proc/self/mounts").splitlines() if " /srv" in line]
        test.equal(sorted(points), ["/srv", *(f"/srv/{below}" for below in ("file", "folder", "inner", "inner/deep", "null"))], moment)
        test.exec(name, "sh", "-c", "touch /srv/inner/mine && ls /srv/folder/hostname /srv/file && echo > /srv/null")
        test.equal(test.exec(name, "stat", "-c", "%u %g", "/srv/inner/mine").split(), ["0", "0"], moment)
        test.daemon.lxc("stop", "--force", name, check=True)
    kept = test.daemon.folder / "storage-pools/default/custom/default_inner/mine"
    test.equal((kept.stat().st_uid, kept.stat().st_gid), (0, 0), "on the pool, as the volume has it")


@scenario
def a_source_with_owners_mapped_stays_as_it_is_on_the_host(test):
    """Also where mounts are shared, as systemd makes all of a host's; and twice in one container."""
    test.start()
    name = test.name("shift")
    test.daemon.lxc("init", "busybox", name, check=True)
    with mounted_disk(test) as place:
        subprocess.run(["mount", "--make-shared", str(place)], check=True)
        (place / "file").touch()
        for path in ("/one", "/two"):
            test.equal(add(test, name, path[1:], f"source={place}", f"path={path}", "shift=true").returncode, 0, path)
        test.daemon.lxc("start", name, check=True)
        for path in ("/one", "/two"):
            test.equal(test.exec(name, "stat", "-c", "%u", f"{path}/file").strip(), "0", path)
        test.equal((place / "file").stat().st_uid, 0, "on the host")
        test.equal(Path("/proc/self/mounts").read_text().count(f" {place} "), 1, "it is mounted once")
        test.daemon.lxc("stop", "--force", name, check=True)
        test.daemon.lxc("delete", name, check=True)


def write_seconds(test, name, megabytes):
    """How long the container takes to write past the cache."""
    start = time.monotonic()
    test.exec(name, "dd", "if=/dev/zero", "of=/srv/file", "bs=1M", f"count={megabytes}", "oflag=direct")
    return time.monotonic() - start


@scenario
def a_limit_slows_a_running_containers_writes_and_goes(test):
    test.start()
    name = test.launch("slow")
    with mounted_disk(test) as place:
        (place / "data").mkdir(mode=0o777)
        (place / "data").chmod(0o777)
        test.equal(add(test, name, "d", f"source={place}/data", "path=/srv", "limits.write=4MiB").returncode, 0)
        init = test.state(name)["pid"]
        slow = write_seconds(test, name, 8)
        test.true(slow >= 1.5, f"8 MiB at 4 MiB/s took {slow:.2f} s")
        test.daemon.lxc("config", "device", "set", name, "d", "limits.write=200MiB", check=True)
        fast = write_seconds(test, name, 8)
        test.true(fast < slow / 2, f"at 200 MiB/s it took {fast:.2f} s, at 4 MiB/s {slow:.2f} s")
        test.daemon.lxc("config", "device", "set", name, "d", "limits.write=", "limits.max=2iops", check=True)
        few = write_seconds(test, name, 4)
        test.true(few >= 1.0, f"4 writes at 2 a second took {few:.2f} s")
        test.daemon.lxc("config", "device", "unset", name, "d", "limits.max", check=True)
        free = write_seconds(test, name, 4)
        test.true(free < few / 2, f"without a limit it took {free:.2f} s, with one {few:.2f} s")
        test.equal(test.state(name)["pid"], init, "it ran all the time")
        test.daemon.lxc("config", "device", "set", name, "d", "limits.write=4MiB", check=True)
        test.daemon.lxc("restart", "--force", name, check=True)
        again = write_seconds(test, name, 8)
        test.true(again >= 1.5, f"after a restart 8 MiB at 4 MiB/s took {again:.2f} s")
        test.daemon.lxc("config", "device", "remove", name, "d", check=True)


@scenario
def what_is_no_disk_cannot_be_limited(test):
    test.start()
    name = test.launch("none")
    refused = add(test, name, "d", "source=/run", "path=/srv", "limits.read=1MB")
    test.true(refused.returncode != 0 and b"Block device doesn't support quotas" in refused.stderr, f"{refused.stderr}")
    test.equal(options_of(test, name, "/srv"), None, "nothing is left of it")
    for value in ("fast", "-1MB", "xiops"):
        test.true(add(test, name, "d", "source=/etc", "path=/srv", f"limits.max={value}").returncode != 0, value)
    test.equal(test.api.get(f"/1.0/instances/{name}")["devices"], {})
