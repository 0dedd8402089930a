"""Backups in the storage driver's own format: here, to and from a real LXD; hostile ones; where there is no such format."""

import io
import os
import stat
import subprocess
import tarfile

from harness import daemon as daemons
from harness import image
from harness.rest import Refused
from system.backups import OCTETS, imported, refusal, root_of, special
from system.publish import TREE, facts, same_files
from system.scenario import Skip, scenario

POOL = {"name": "fast", "driver": "btrfs", "config": {"size": "512MiB"}}
VOLUMES = "/1.0/storage-pools/fast/volumes/custom"


def with_pool(test, *others):
    """A pool on btrfs for each daemon."""
    for daemon in (test.daemon, *others):
        try:
            daemon.api.ask("POST", "/1.0/storage-pools", POOL)
        except Refused as refused:
            raise Skip(f"no btrfs pool here: {refused.text}") from None


def real_one(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    return test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)


def take_down(test, *others):
    for daemon in (test.daemon, *others):
        daemon.delete_instances()
        for volume in daemon.api.get(VOLUMES):
            if "/snapshots/" not in volume:  # which the real one lists, too
                daemon.api.ask("DELETE", volume)
        for fingerprint in daemon.api.get("/1.0/images"):
            daemon.api.ask("DELETE", fingerprint)
        daemon.api.ask("DELETE", "/1.0/storage-pools/fast")


def backed_up(daemon, url, backup="b", **more):
    """Its bytes, with its row looked at."""
    daemon.api.ask("POST", f"{url}/backups", {"name": backup, "expires_at": "", "optimized_storage": True, **more})
    return daemon.api.raw("GET", f"{url}/backups/{backup}/export").body


def volume_imported(daemon, content, name="", pool="fast"):
    return daemon.api.ask("POST", f"/1.0/storage-pools/{pool}/volumes/custom", content, OCTETS | {"X-LXD-name": name})


def on_pool(daemon, kind, name):
    return daemon.folder / "storage-pools/fast" / kind / name


def btrfs(*words):
    return subprocess.run(["btrfs", *map(str, words)], check=True, capture_output=True, text=True).stdout


def nest(folder):
    """Subvolumes in subvolumes, one read-only, which hold something."""
    for path in ("outer", "outer/in-ner", "fixed"):
        btrfs("subvolume", "create", folder / path)
        (folder / path / "file").write_text(path)
        os.chown(folder / path / "file", 1000, 1001)
    (folder / "outer").chmod(0o700)
    btrfs("property", "set", folder / "fixed", "ro", "true")


def same_nested(test, folder, what):
    listed = btrfs("subvolume", "list", "-o", folder).splitlines()
    test.equal(len([line for line in listed if line.endswith(("outer", "fixed"))]), 2, f"{what}: subvolumes")
    for path in ("outer", "outer/in-ner", "fixed"):
        test.equal((folder / path).stat().st_ino, 256, f"{what}: {path} is a subvolume")
        test.equal((folder / path / "file").stat().st_uid, 1000, f"{what}: the owner in {path}")
    test.equal((folder / "outer").stat().st_mode & 0o7777, 0o700, f"{what}: the mode of a subvolume")
    test.equal(btrfs("property", "get", folder / "fixed", "ro").strip(), "ro=true", what)


def without_folder_times(files):
    """The real one touches the folders that have subvolumes in them, where it takes them from and where it puts them."""
    return {path: fact[:-1] if stat.S_ISDIR(fact[0]) else fact for path, fact in files.items()}


def same_tree(test, got, wanted, what):
    same_files(test, without_folder_times(got), without_folder_times(wanted), what)


def names(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [member.name for member in tar.getmembers()]


def text_of(content, name):
    import yaml  # which the emulated machine, where none of this runs, has not

    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return yaml.safe_load(tar.extractfile(name).read())


def furnished(test, daemon, name, **options):
    """An instance on btrfs with two snapshots, and nested subvolumes in the later one and itself."""
    config = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
    daemon.lxc("launch", "busybox", name, "--storage", "fast", "--device", "root,size=200MiB", "-c", "user.a=1", *config, check=True)
    daemon.lxc("exec", name, "--", "sh", "-c", TREE, check=True)
    daemon.lxc("stop", "--force", name, check=True)
    special(daemon, name)
    root = root_of(daemon, name) / "root"
    (root / "version").write_text("first")
    daemon.lxc("snapshot", name, "first", check=True)
    daemon.lxc("config", "set", name, "user.later", "1", check=True)
    nest(root)
    (root / "version").write_text("second")
    daemon.lxc("snapshot", name, "second", check=True)
    (root / "version").write_text("now")
    (root / "outer/in-ner/more").write_text("more")
    return root


def as_it_was(test, daemon, name, before, files, same=same_files):
    """An imported instance and its snapshots."""
    root = root_of(daemon, name)
    same(test, facts(root), files, "the instance")
    same_nested(test, root / "root", "the instance")
    test.equal((root / "root/outer/in-ner/more").read_text(), "more")
    for snapshot in ("first", "second"):
        folder = on_pool(daemon, "containers-snapshots", name) / snapshot
        test.equal((folder / "rootfs/root/version").read_text(), snapshot)
        test.equal(btrfs("property", "get", folder, "ro").strip(), "ro=true", f"{snapshot} is read-only")
        test.equal(daemon.api.get(f"/1.0/instances/{name}/snapshots/{snapshot}")["config"]["user.a"], "1")
    same_nested(test, on_pool(daemon, "containers-snapshots", name) / "second/rootfs/root", "the snapshot")
    after = daemon.api.get(f"/1.0/instances/{name}")
    for key in ("architecture", "created_at", "description", "devices", "ephemeral", "profiles"):
        test.equal(after[key], before[key], key)


@scenario
def an_instance_on_btrfs_goes_as_streams_and_comes_back_whole(test):
    test.start()
    with_pool(test)
    name = test.name("streams")
    root = furnished(test, test.daemon, name)
    before, files = test.api.get(f"/1.0/instances/{name}"), facts(root.parent)
    content = backed_up(test.daemon, f"/1.0/instances/{name}")
    test.true(test.api.get(f"/1.0/instances/{name}/backups/b")["optimized_storage"], "it is told")
    test.equal(
        names(content),
        [
            "backup/index.yaml",
            "backup/optimized_header.yaml",
            "backup/snapshots/first.bin",
            "backup/snapshots/second.bin",
            "backup/snapshots/second_rootfs-root-fixed.bin",
            "backup/snapshots/second_rootfs-root-outer.bin",
            "backup/snapshots/second_rootfs-root-outer-in--ner.bin",
            "backup/container.bin",
            "backup/container_rootfs-root-fixed.bin",
            "backup/container_rootfs-root-outer.bin",
            "backup/container_rootfs-root-outer-in--ner.bin",
        ],
    )
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        sizes = {member.name: member.size for member in tar.getmembers()}
    test.true(sizes["backup/container.bin"] * 5 < sizes["backup/snapshots/first.bin"], f"a difference is small: {sizes}")
    test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"])
    copy = f"{name}-2"
    imported(test.daemon, content, name=copy)
    as_it_was(test, test.daemon, copy, before, files)
    test.daemon.lxc("start", copy, check=True)
    test.equal(test.exec(copy, "stat", "-c", "%u:%g", "/root/p", "/root/outer/file"), "1000:1001\n1000:1001\n")
    done = test.daemon.lxc("exec", copy, "--", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=300", check=False)
    test.true(done.returncode != 0, "the root's size holds")
    test.daemon.lxc("restore", copy, "second", check=True)
    test.equal((root_of(test.daemon, copy) / "root/version").read_text(), "second")
    # Without snapshots, packed otherwise, and read back after its instance is gone.
    alone = backed_up(test.daemon, f"/1.0/instances/{name}", "alone", instance_only=True, compression_algorithm="zstd")
    for one in (name, copy):
        test.daemon.lxc("delete", "--force", one, check=True)
    imported(test.daemon, alone)
    test.equal(test.api.get(f"/1.0/instances/{name}/snapshots"), [])
    same_files(test, facts(root_of(test.daemon, name)), files)
    same_nested(test, root_of(test.daemon, name) / "root", "without snapshots")
    take_down(test)


@scenario
def shifted_owners_stay_as_they_are_on_disk(test):
    test.start(wrapper=("env", "LXD_IDMAPPED_MOUNTS_DISABLE=1"))
    with_pool(test)
    name = test.launch("shifted", "--storage", "fast")
    test.exec(name, "sh", "-c", TREE)
    content = backed_up(test.daemon, f"/1.0/instances/{name}")  # while it runs
    copy = f"{name}-2"
    imported(test.daemon, content, name=copy)
    test.true((root_of(test.daemon, copy) / "root/p").stat().st_uid > 1000, "as on disk")
    test.daemon.lxc("start", copy, check=True)
    test.equal(test.exec(copy, "stat", "-c", "%u %g", "/root/p"), "1000 1001\n")
    take_down(test)


@scenario(long=True)
def instances_as_streams_go_both_ways_between_ours_and_the_real_lxd(test):
    real = real_one(test)
    test.start()
    with_pool(test, real)
    for source, target in ((test.daemon, real), (real, test.daemon)):
        name = test.name(f"from-{source.name[0]}")
        root = furnished(test, source, name, **{"security.privileged": "true"})
        before, files = source.api.get(f"/1.0/instances/{name}"), facts(root.parent)
        content = backed_up(source, f"/1.0/instances/{name}")
        if source is test.daemon:
            ours = (names(content), text_of(content, "backup/optimized_header.yaml"))
        else:
            theirs = text_of(content, "backup/optimized_header.yaml")
            for entry in [*theirs["subvolumes"], *ours[1]["subvolumes"]]:
                entry["uuid"] = ""
            test.equal((names(content), theirs), ours, "both write the same files")
        imported(target, content)
        as_it_was(test, target, name, before, files, same_tree)
        target.lxc("start", name, check=True)
        test.equal(target.lxc("exec", name, "--", "cat", "/root/d/b", check=True).stdout, b"text\n")
        target.lxc("stop", "--force", name, check=True)
        target.lxc("restore", name, "first", check=True)
        test.equal((root_of(target, name) / "root/version").read_text(), "first")
        target.lxc("delete", "--force", name, check=True)
        if target is real:
            continue
        imported(target, backed_up(source, f"/1.0/instances/{name}", "alone", instance_only=True))
        same_tree(test, facts(root_of(target, name)), files, "without snapshots")
    take_down(test, real)


@scenario
def volumes_as_streams_go_both_ways_between_ours_and_the_real_lxd(test):
    real = real_one(test)
    test.start()
    with_pool(test, real)
    for source, target in ((test.daemon, real), (real, test.daemon)):
        volume = f"from-{source.name[0]}"
        source.api.ask("POST", VOLUMES, {"name": volume, "description": "words", "config": {"user.a": "1", "size": "100MiB"}})
        folder = on_pool(source, "custom", f"default_{volume}")
        (folder / "file").write_text("first")
        os.chown(folder / "file", 1000, 1001)
        source.api.ask("POST", f"{VOLUMES}/{volume}/snapshots", {"name": "first", "expires_at": "2099-01-02T03:04:05Z"})
        nest(folder)
        (folder / "file").write_text("now")
        os.chown(folder, 1000, 1001)
        content = backed_up(source, f"{VOLUMES}/{volume}")
        for pool in ("default", "fast"):
            if pool == "default":
                wanted = 'Optimized backup storage driver "btrfs" differs from the target storage pool driver "dir"'
                told = refusal(lambda target=target, content=content: volume_imported(target, content, pool="default"))
                test.true(wanted in told, told)
                continue
            volume_imported(target, content)
        there = on_pool(target, "custom", f"default_{volume}")
        same_tree(test, facts(there), facts(folder), f"from {source.name}")
        same_nested(test, there, f"from {source.name}")
        test.equal(there.stat().st_uid, 1000)
        test.equal((on_pool(target, "custom-snapshots", f"default_{volume}") / "first/file").read_text(), "first")
        for url in (f"{VOLUMES}/{volume}", f"{VOLUMES}/{volume}/snapshots/first"):
            shown = [daemon.api.get(url) for daemon in (source, target)]
            for key in ("description", "config", "content_type"):
                test.equal(shown[1][key], shown[0][key], f"{key} of {url} from {source.name}")
        target.api.ask("PUT", f"{VOLUMES}/{volume}", {"restore": "first"})
        test.equal((there / "file").read_text(), "first")
    take_down(test, real)


@scenario
def block_volumes_go_as_streams(test):
    test.start()
    with_pool(test)
    test.api.ask("POST", VOLUMES, {"name": "block", "content_type": "block", "config": {"size": "8MiB"}})
    file = on_pool(test.daemon, "custom", "default_block") / "root.img"
    with open(file, "r+b") as image_file:
        image_file.seek(4 << 20)
        image_file.write(b"content")
    volume_imported(test.daemon, backed_up(test.daemon, f"{VOLUMES}/block"), "copy")
    copy = on_pool(test.daemon, "custom", "default_copy") / "root.img"
    test.true(copy.read_bytes() == file.read_bytes(), "it is the same")
    test.equal(test.api.get(f"{VOLUMES}/copy")["content_type"], "block")
    take_down(test)


@scenario
def drivers_without_a_format_of_their_own_write_plain_backups(test):
    """As LXD, which does not say so either."""
    test.start()
    name = test.name("plain")
    test.daemon.lxc("init", "busybox", name, check=True)
    content = backed_up(test.daemon, f"/1.0/instances/{name}")
    test.true(not test.api.get(f"/1.0/instances/{name}/backups/b")["optimized_storage"], "it is told")
    index = text_of(content, "backup/index.yaml")
    test.equal((index["optimized"], index["optimized_header"]), (False, False))
    test.daemon.lxc("delete", name, check=True)
    imported(test.daemon, content)


def altered(content, change):
    """An archive whose files `change` (name, bytes) gives anew; none where it gives none."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old.getmembers():
            data = change(member.name, old.extractfile(member).read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return out.getvalue()


def replaced(content, name, old, new):
    return altered(content, lambda path, data: data.replace(old, new) if path == f"backup/{name}" else data)


def without(content, name):
    return altered(content, lambda path, data: None if path == f"backup/{name}" else data)


@scenario
def hostile_streams_are_refused_and_leave_nothing(test):
    test.start()
    with_pool(test)
    name = test.name("model")
    test.daemon.lxc("init", "busybox", name, "--storage", "fast", check=True)
    root = root_of(test.daemon, name)
    btrfs("subvolume", "create", root / "inner")
    (root / "inner/file").write_text("text")
    test.daemon.lxc("snapshot", name, "s", check=True)
    good = backed_up(test.daemon, f"/1.0/instances/{name}", compression_algorithm="none")
    rootless = root.resolve().parent
    (rootless / "rootfs").rename(rootless / "templates")
    no_root = backed_up(test.daemon, f"/1.0/instances/{name}", "r", instance_only=True, compression_algorithm="none")
    (rootless / "rootfs").symlink_to("/etc")
    a_link = backed_up(test.daemon, f"/1.0/instances/{name}", "l", instance_only=True, compression_algorithm="none")
    (rootless / "rootfs").unlink()
    (rootless / "templates").rename(rootless / "rootfs")
    test.daemon.lxc("delete", name, check=True)
    header = "optimized_header.yaml"
    refused = {
        "no header": without(good, header),
        "bad header": replaced(good, header, b"subvolumes", b"subvolumes: ["),
        "upwards": replaced(good, header, b"/rootfs/inner", b"/../../inner"),
        "relative": replaced(good, header, b"/rootfs/inner", b"rootfs/inner"),
        "in a link": replaced(good, header, b"/rootfs/inner", b"/rootfs/linuxrc/inner"),
        "in place of something": replaced(good, header, b"/rootfs/inner", b"/rootfs/bin"),
        "a snapshot too much": replaced(good, "index.yaml", b"snapshots:", b"snapshots:\n  - other"),
        "no snapshot": without(good, "snapshots/s.bin"),
        "no volume": without(good, "container.bin"),
        "no inner one": without(good, "container_rootfs-inner.bin"),
        "cut": altered(good, lambda path, data: data[:-40] if path == "backup/container.bin" else data),
        "empty": altered(good, lambda path, data: b"" if path == "backup/container.bin" else data),
        "twice": altered(good, lambda path, data: data * 2 if path == "backup/snapshots/s.bin" else data),
        "changed": altered(good, lambda path, data: data[:5000] + b"x" + data[5001:] if path == "backup/snapshots/s.bin" else data),
        "of another": replaced(good, "index.yaml", b"backend: btrfs", b"backend: zfs"),
        "no root": no_root,
        "the root is a link": a_link,
        "cut archive": good[: len(good) // 2],
    }  # fmt: skip
    pool = test.daemon.folder / "storage-pools/fast"
    before = sorted(str(path.relative_to(pool)) for path in (*pool.glob("*/*"), *pool.glob("*/*/*")))
    subvolumes = len(btrfs("subvolume", "list", pool).splitlines())
    for what, content in refused.items():
        test.true(refusal(lambda content=content: imported(test.daemon, content)), what)
        test.equal(test.api.get("/1.0/instances"), [], what)
        now = sorted(str(path.relative_to(pool)) for path in (*pool.glob("*/*"), *pool.glob("*/*/*")))
        test.equal(now, before, what)
        test.equal(len(btrfs("subvolume", "list", pool).splitlines()), subvolumes, what)
        test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"], what)
    told = refusal(lambda: imported(test.daemon, good, pool="default"))
    test.true('Optimized backup storage driver "btrfs" differs from the target storage pool driver "dir"' in told, told)
    imported(test.daemon, good)
    take_down(test)


@scenario
def what_the_daemon_keeps_beside_a_root_is_not_taken_from_streams(test):
    test.start()
    with_pool(test)
    name = test.name("notes")
    test.daemon.lxc("init", "busybox", name, "--storage", "fast", check=True)
    folder = root_of(test.daemon, name).resolve().parent
    (folder / "shift.journal").write_text("x")
    (folder / "unknown").mkdir()
    (folder / "backup.yaml").unlink()
    (folder / "backup.yaml").symlink_to("/etc/passwd")
    test.api.ask("POST", f"/1.0/instances/{name}/snapshots", {"name": "s"})
    (folder / "backup.yaml").unlink()
    (folder / "backup.yaml").mkdir()
    content = backed_up(test.daemon, f"/1.0/instances/{name}")
    copy = f"{name}-2"
    imported(test.daemon, content, name=copy)
    there = root_of(test.daemon, copy).resolve().parent
    test.true((there / "backup.yaml").is_file() and not (there / "backup.yaml").is_symlink(), "its description is written anew")
    for path in (there, on_pool(test.daemon, "containers-snapshots", copy) / "s"):
        test.true(set(os.listdir(path)) <= {"backup.yaml", "metadata.yaml", "rootfs", "templates"}, f"{os.listdir(path)}")
    take_down(test)
