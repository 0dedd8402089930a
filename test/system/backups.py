"""Backups: kept, exported and imported, here and by a real LXD; hostile ones; kills meanwhile."""

import contextlib
import io
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
from pathlib import Path

from harness import daemon as daemons
from harness import image
from harness.rest import Refused
from system.publish import TREE, facts, same_files
from system.scenario import Skip, scenario

OCTETS = {"Content-Type": "application/octet-stream"}


def backed_up(daemon, name, backup="b", **more):
    daemon.api.ask("POST", f"/1.0/instances/{name}/backups", {"name": backup, "expires_at": "", **more})
    return daemon.api.raw("GET", f"/1.0/instances/{name}/backups/{backup}/export").body


def imported(daemon, content, **headers):
    return daemon.api.ask("POST", "/1.0/instances", content, OCTETS | {f"X-LXD-{key}": value for key, value in headers.items()})


def refusal(work):
    try:
        work()
    except Refused as refused:
        return refused.text
    raise AssertionError("it was taken")


def root_of(daemon, name):
    return daemon.folder / "containers" / name / "rootfs"


def recover(daemon, *answers):
    text = "".join(f"{answer}\n" for answer in answers)
    return subprocess.run(
        [str(daemon.binary), "recover"], input=text, env=daemon.environment, capture_output=True, text=True, check=False
    )


def special(daemon, name):
    """What a container cannot make itself."""
    root = root_of(daemon, name) / "root"
    os.mknod(root / "null", 0o20640, os.makedev(1, 3))
    os.setxattr(root / "d/a", "user.mine", b"bytes\0more")
    os.setxattr(root / "d/a", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    subprocess.run(["setfacl", "-m", "u:1234:rw,d:g:77:r", root / "d"], check=True)


@scenario
def a_backup_is_kept_until_it_is_deleted_or_its_instance_is(test):
    test.start()
    name = test.name("kept")
    test.daemon.lxc("init", "busybox", name, check=True)
    base = f"/1.0/instances/{name}/backups"
    test.equal(test.api.get(base), [])
    content = backed_up(test.daemon, name)
    test.api.ask("POST", base, {"instance_only": True, "compression_algorithm": "none"})
    test.equal(test.api.get(base), [f"{base}/b", f"{base}/backup0"])
    shown = test.api.get(f"{base}/backup0")
    test.equal((shown["name"], shown["instance_only"], shown["container_only"], shown["optimized_storage"]), ("backup0", True, True, False))
    test.equal(shown["expires_at"], "0001-01-01T00:00:00Z")
    test.equal(refusal(lambda: backed_up(test.daemon, name)), f'Create backup: Backup "{name}/b" already exists')
    test.api.ask("POST", f"{base}/b", {"name": "c"})
    test.equal(test.api.raw("GET", f"{base}/c/export").body, content)
    renamed = f"{name}-2"
    test.api.ask("POST", f"/1.0/instances/{name}", {"name": renamed})
    test.equal(test.api.raw("GET", f"/1.0/instances/{renamed}/backups/c/export").body, content)
    test.api.ask("DELETE", f"/1.0/instances/{renamed}/backups/c")
    test.equal(refusal(lambda: test.api.get(f"/1.0/instances/{renamed}/backups/c")), "Load backup from database: Instance backup not found")
    folder = test.daemon.folder / "backups/instances"
    test.equal(len(os.listdir(folder)), 1)
    test.api.ask("DELETE", f"/1.0/instances/{renamed}")
    test.equal(os.listdir(folder), [])


@scenario
def an_expired_backup_goes_at_the_next_start(test):
    test.start()
    name = test.name("old")
    test.daemon.lxc("init", "busybox", name, check=True)
    base = f"/1.0/instances/{name}/backups"
    test.api.ask("POST", base, {"name": "past", "expires_at": "2001-02-03T04:05:06Z"})
    test.api.ask("POST", base, {"name": "future", "expires_at": "2101-02-03T04:05:06Z"})
    test.daemon.terminate()
    test.daemon.start()
    test.until(lambda: test.api.get(base) == [f"{base}/future"], "the one is gone")
    test.until(lambda: len(os.listdir(test.daemon.folder / "backups/instances")) == 1, "its file too")


@scenario
def an_imported_instance_is_the_one_that_was_exported(test):
    test.start()
    name = test.launch("whole", "-c", "user.a=1", "-c", "limits.memory=64MiB")
    test.exec(name, "sh", "-c", TREE)
    test.daemon.lxc("stop", "--force", name, check=True)
    special(test.daemon, name)
    before = test.api.get(f"/1.0/instances/{name}")
    files = facts(root_of(test.daemon, name))
    for algorithm in ("gzip", "none", "squashfs"):
        content = backed_up(test.daemon, name, algorithm, compression_algorithm=algorithm)
        copy = f"{name}-{algorithm}"
        imported(test.daemon, content, name=copy, pool="default")
        if algorithm == "squashfs":  # which has no ACLs
            files.pop("root/d")
        same_files(test, {key: value for key, value in facts(root_of(test.daemon, copy)).items() if key in files}, files, algorithm)
        after = test.api.get(f"/1.0/instances/{copy}")
        for key in ("architecture", "created_at", "description", "devices", "ephemeral", "expanded_devices", "profiles"):
            test.equal(after[key], before[key], key)
        plain = [{key: value for key, value in shown["config"].items() if not key.startswith("volatile.")} for shown in (before, after)]
        test.equal(plain[1], plain[0])
        test.api.ask("DELETE", f"/1.0/instances/{copy}")
    test.daemon.lxc("delete", name, check=True)
    imported(test.daemon, content)
    test.daemon.lxc("start", name, check=True)
    test.equal(test.exec(name, "cat", "/root/d/b"), "text\n")
    test.true("already" in refusal(lambda: imported(test.daemon, content)), "a name that is taken")
    test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"])


@scenario
def a_running_instance_is_backed_up_and_shifted_owners_are_seen_from_inside(test):
    test.start(wrapper=("env", "LXD_IDMAPPED_MOUNTS_DISABLE=1"))
    name = test.launch("live")
    test.exec(name, "sh", "-c", TREE)
    content = backed_up(test.daemon, name)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        owners = {member.name: (member.uid, member.gid) for member in tar.getmembers()}
    test.equal(owners["backup/container/rootfs/root/p"], (1000, 1001))
    test.equal(owners["backup/container/rootfs/root/d/a"], (0, 0))
    copy = f"{name}-2"
    imported(test.daemon, content, name=copy)
    test.daemon.lxc("start", copy, check=True)
    test.equal(test.exec(copy, "stat", "-c", "%u %g", "/root/p"), "1000 1001\n")


@scenario
def backups_go_both_ways_between_ours_and_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    for source, target in ((test.daemon, real), (real, test.daemon)):
        name = test.name(f"from-{source.name[0]}")
        # The real one loses ACLs of instances whose owners are shifted: it writes them in a form that nobody reads.
        source.lxc("launch", "busybox", name, "-c", "user.a=1", "-c", f"security.privileged={'true' if source is real else 'false'}", check=True)
        source.lxc("exec", name, "--", "sh", "-c", TREE, check=True)
        source.lxc("stop", "--force", name, check=True)
        special(source, name)
        content = backed_up(source, name)
        imported(target, content)
        seconds = round if source is real else int
        same_files(test, facts(root_of(target, name), seconds), facts(root_of(source, name), seconds), f"from {source.name}")
        shown = [daemon.api.get(f"/1.0/instances/{name}") for daemon in (source, target)]
        for key in ("architecture", "created_at", "devices", "ephemeral", "profiles", "expanded_devices"):
            test.equal(shown[1][key], shown[0][key], f"{key} from {source.name}")
        test.equal(shown[1]["config"]["user.a"], "1")
        target.lxc("start", name, check=True)
        test.equal(target.lxc("exec", name, "--", "cat", "/root/d/b", check=True).stdout, b"text\n")
        target.lxc("delete", "--force", name, check=True)
    real.delete_instances()
    real.lxc("image", "delete", "busybox", check=True)


@scenario
def snapshots_come_with_their_instance_and_go_back_to_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    name = test.name("snapped")
    real.lxc("init", "busybox", name, "-c", "user.a=1", check=True)
    root = root_of(real, name)
    for snapshot in ("first", "second"):
        (root / "root/file").write_text(snapshot)
        real.lxc("snapshot", name, snapshot, check=True)
        real.lxc("config", "set", name, f"user.{snapshot}=1", check=True)
    (root / "root/file").write_text("now")
    imported(test.daemon, backed_up(real, name))
    pool = test.daemon.folder / "storage-pools/default"
    for snapshot in ("first", "second"):
        test.equal((pool / "containers-snapshots" / name / snapshot / "rootfs/root/file").read_text(), snapshot)
    test.equal((root_of(test.daemon, name) / "root/file").read_text(), "now")
    urls = [f"/1.0/instances/{name}/snapshots/{snapshot}" for snapshot in ("first", "second")]
    test.equal(test.api.get(f"/1.0/instances/{name}/snapshots"), urls)
    content = backed_up(test.daemon, name)
    real.lxc("delete", name, check=True)
    imported(real, content)
    test.equal([one["name"] for one in real.api.get(f"/1.0/instances/{name}/snapshots?recursion=1")], ["first", "second"])
    real.lxc("restore", name, "second", check=True)
    test.equal((root_of(real, name) / "root/file").read_text(), "second")
    shown = real.api.get(f"/1.0/instances/{name}")["config"]
    test.equal((shown.get("user.first"), shown.get("user.second")), ("1", None))
    real.delete_instances()
    real.lxc("image", "delete", "busybox", check=True)


def archive(*entries, index="name: {name}\nbackend: dir\npool: default\noptimized: false\ntype: container\n", name="evil", config=True):
    """A backup with these entries: (path, type, link or content)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(path, kind, more=""):
            info = tarfile.TarInfo(path)
            info.type = kind
            content = more.encode() if kind == tarfile.REGTYPE else b""
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = more
            info.size = len(content)
            info.mode = 0o755
            tar.addfile(info, io.BytesIO(content))

        text = index.format(name=name)
        if config:
            text += f"config:\n  container:\n    name: {name}\n    architecture: x86_64\n    profiles: [default]\n    config: {{}}\n    devices: {{}}\n"
        add("backup/index.yaml", tarfile.REGTYPE, text)
        for entry in entries:
            add(*entry)
    return out.getvalue()


@scenario
def hostile_backups_are_refused_and_leave_nothing(test):
    test.start()
    pool = test.daemon.folder / "storage-pools/default"
    place = test.folder / "outside"
    place.write_text("untouched")
    before = sorted(str(path.relative_to(pool)) for path in pool.glob("*/*"))
    root = ("backup/container/rootfs", tarfile.DIRTYPE)
    refused = {
        "no archive": b"nothing of the kind" * 100,
        "no index": archive(index="", config=False)[1024:],
        "bad yaml": archive(root, index="name: [\n", config=False),
        "not a map": archive(root, index="- 1\n", config=False),
        "bomb": archive(root, index="a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)), config=False),
        "no name": archive(root, index="backend: dir\npool: default\n", config=False),
        "bad name": archive(root, name="../../x"),
        "other type": archive(root, index="name: x\npool: default\ntype: custom\n", config=False),
        "no root": archive(("backup/container/metadata.yaml", tarfile.REGTYPE, "x")),
        "nothing": archive(),
        "root is a link": archive(("backup/container/rootfs", tarfile.SYMTYPE, "/")),
        "metadata is a link": archive(root, ("backup/container/metadata.yaml", tarfile.SYMTYPE, "/etc/passwd")),
        "upwards": archive(root, ("backup/container/rootfs/../../../x", tarfile.REGTYPE, "x")),
        "behind a link": archive(root, ("backup/container/rootfs/l", tarfile.SYMTYPE, str(test.folder)), ("backup/container/rootfs/l/outside", tarfile.REGTYPE, "x")),
        "hard link out": archive(root, ("backup/container/rootfs/l", tarfile.LNKTYPE, "../../../../outside")),
        "hard link elsewhere": archive(root, ("backup/other/x", tarfile.REGTYPE, "x"), ("backup/container/rootfs/l", tarfile.LNKTYPE, "backup/other/x")),
        "snapshot name": archive(root, index="name: {name}\npool: default\nsnapshots: ['../x']\noptimized: false\n"),
        "snapshot without a word": archive(root, ("backup/snapshots/s/rootfs", tarfile.DIRTYPE), index="name: {name}\npool: default\nsnapshots: [s]\noptimized: false\n"),
        "lying snapshots": archive(root, index="name: {name}\npool: default\nsnapshots: [nothing]\noptimized: false\n"),
        "bad profile": archive(root, index="name: {name}\npool: default\noptimized: false\nconfig: {{container: {{name: a, profiles: [nope]}}}}\n", config=False),
        "bad map": archive(root, index="name: {name}\npool: default\noptimized: false\nconfig: {{container: {{name: a, config: {{volatile.last_state.idmap: x}}}}}}\n", config=False),
        "bad key": archive(root, index="name: {name}\npool: default\noptimized: false\nconfig: {{container: {{name: a, config: {{no.such.key: x}}}}}}\n", config=False),
        "cut": archive(root, ("backup/container/rootfs/x", tarfile.REGTYPE, "x" * 100000))[:50000],
    }
    for what, content in refused.items():
        try:
            imported(test.daemon, content)
            raise AssertionError(f"{what} was taken")
        except Refused as refusal:
            test.true(refusal.text, what)
        test.equal(test.api.get("/1.0/instances"), [], what)
        test.equal(sorted(str(path.relative_to(pool)) for path in pool.glob("*/*")), before, what)
        test.equal(place.read_text(), "untouched", what)
        test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"], what)
    # What does no harm is taken without it.
    journal = ("backup/container/shift.journal", tarfile.REGTYPE, "x")
    name = test.name("good")
    imported(test.daemon, archive(root, journal, ("backup/container/rootfs/a", tarfile.REGTYPE, "x"), name=name))
    test.equal(sorted(os.listdir(test.daemon.folder / "containers" / name)), ["backup.yaml", "rootfs"] if (test.daemon.folder / "containers" / name / "backup.yaml").exists() else ["rootfs"])


@scenario
def kills_while_exporting_and_importing_leave_nothing(test):
    test.start()
    name = test.launch("cut")
    test.exec(name, "sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=12 2>/dev/null; for i in $(seq 500); do echo $i > /root/$i; done")
    test.daemon.lxc("stop", "--force", name, check=True)
    backups = test.daemon.folder / "backups/instances"
    base = f"/1.0/instances/{name}/backups"
    test.api.raw("POST", base, {"name": "b", "compression_algorithm": "xz -0"})
    test.until(lambda: os.listdir(backups), "it began")
    test.daemon.kill()
    test.daemon.start()
    test.equal((os.listdir(backups), test.api.get(base)), ([], []))

    content = backed_up(test.daemon, name, compression_algorithm="none")
    pool = test.daemon.folder / "storage-pools/default/containers"
    before = sorted(os.listdir(pool))
    copy = f"{name}-2"
    test.api.raw("POST", "/1.0/instances", content, OCTETS | {"X-LXD-name": copy})
    test.until(lambda: sorted(os.listdir(pool)) != before, "it began")
    test.daemon.kill()
    test.daemon.start()
    if copy in [url.rsplit("/", 1)[-1] for url in test.api.get("/1.0/instances")]:
        test.equal(len(facts(root_of(test.daemon, copy))), len(facts(root_of(test.daemon, name))), "it was completed")
        test.api.ask("DELETE", f"/1.0/instances/{copy}")
    test.until(lambda: sorted(os.listdir(pool)) == before, "nothing is left")
    test.equal(sorted(os.listdir(test.daemon.folder / "backups")), ["custom", "instances"])
    imported(test.daemon, content, name=copy)
    test.daemon.lxc("start", copy, check=True)


@scenario
def what_the_database_lost_is_recovered_from_the_pool(test):
    test.start()
    name = test.launch("lost", "-c", "user.a=1")
    test.exec(name, "sh", "-c", TREE)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("config", "set", name, "user.b", "2", check=True)
    before = test.api.get(f"/1.0/instances/{name}")
    files = facts(root_of(test.daemon, name))
    yaml = root_of(test.daemon, name).resolve().parent / "backup.yaml"
    test.equal(yaml.stat().st_mode & 0o7777, 0o400)
    test.daemon.terminate()
    for file in test.daemon.folder.glob("lxd.db*"):
        file.unlink()
    (test.daemon.folder / "containers" / name).unlink()
    test.daemon.start()
    test.equal((test.api.get("/1.0/instances"), test.api.get("/1.0/storage-pools")), ([], []))

    answers = ["yes", "default", "dir", str(test.daemon.folder / "storage-pools/default"), "", "no", "yes", "yes"]
    done = recover(test.daemon, *answers)
    test.equal(done.returncode, 0, done.stdout + done.stderr)
    test.true(f'- Container "{name}" on pool "default" in project "default" (includes 0 snapshots)' in done.stdout, done.stdout)
    after = test.api.get(f"/1.0/instances/{name}")
    for key in ("architecture", "created_at", "description", "ephemeral", "profiles"):
        test.equal(after[key], before[key], key)
    test.equal(after["expanded_devices"]["root"], before["expanded_devices"]["root"])
    test.equal(after["config"]["user.b"], "2")
    same_files(test, facts(root_of(test.daemon, name)), files)
    test.daemon.lxc("start", name, check=True)
    test.equal(test.exec(name, "cat", "/root/d/b"), "text\n")
    again = recover(test.daemon, "no", "yes")
    test.true("No unknown volumes found. Nothing to do." in again.stdout, again.stdout + again.stderr)


@scenario
def lost_custom_volumes_are_recovered_under_their_own_names(test):
    test.start()
    for name in ("known", "lost", "gone"):
        test.daemon.lxc("storage", "volume", "create", "default", name, check=True)
    folder = test.daemon.folder / "storage-pools/default"
    file = folder / "custom/default_lost/file"
    file.write_text("first")
    test.daemon.lxc("storage", "volume", "snapshot", "default", "lost", "s0", check=True)
    file.write_text("second")
    (folder / "custom/web_other").mkdir()
    test.daemon.terminate()
    with contextlib.closing(sqlite3.connect(test.daemon.folder / "lxd.db")) as database, database:
        database.execute("DELETE FROM storage_volumes WHERE name IN ('lost', 'gone')")
        database.execute("DELETE FROM storage_volumes_snapshots WHERE storage_volume_id NOT IN (SELECT id FROM storage_volumes)")
    test.daemon.start()

    done = recover(test.daemon, "no", "yes", "yes")
    test.equal(done.returncode, 0, done.stdout + done.stderr)
    found = [line for line in done.stdout.splitlines() if line.startswith(" - Volume ")]
    said = ' - Volume "{}" on pool "default" in project "default" (includes {} snapshots)'
    test.equal(found, [said.format("gone", 0), said.format("lost", 1)])
    base = "/1.0/storage-pools/default/volumes/custom"
    test.equal(test.api.get(base), [f"{base}/{name}" for name in ("gone", "known", "lost", "lost/snapshots/s0")])
    test.equal(file.read_text(), "second")
    test.daemon.lxc("storage", "volume", "restore", "default", "lost", "s0", check=True)
    test.equal(file.read_text(), "first")
    again = recover(test.daemon, "no", "yes")
    test.true("No unknown volumes found. Nothing to do." in again.stdout, again.stdout + again.stderr)


@scenario
def a_recovery_refuses_in_the_words_of_the_real_lxd(test):
    """`{}` is where each has its own list of drivers or reason."""
    test.start()
    asked = ("yes", "", "np", "rubbish", "dir", "/nonexistent", "", "yes", "np", "other", "dir", "/nonexistent", "")
    said = [
        "Invalid input: Pool name cannot be empty",
        'Invalid input: Invalid value "rubbish" (not one of [{}])',
        'Invalid input: Storage pool "np" is already on recover list',
        'Error: Failed validation request: Failed mounting pool "np": {}',
    ]
    refused = [
        (("yes", "np", "dir", "/nonexistent", "k=v", "", "no", "yes"), ['Error: Failed validation request: Failed config validation for unknown pool "np": Invalid option "k"']),
        ((*asked, "no", "yes"), said),
    ]
    daemons_here = [test.daemon]
    if daemons.have_real():
        daemons_here.append(test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False))
    for daemon in daemons_here:
        for answers, wanted in refused:
            done = recover(daemon, *answers)
            lines = [line for line in done.stderr.splitlines() if line]
            test.equal((done.returncode, len(lines)), (1, len(wanted)), done.stderr)
            for line, form in zip(lines, wanted, strict=True):
                test.true(re.fullmatch(re.escape(form).replace(r"\{\}", ".+"), line), f"{daemon.name}: {line}")


@scenario
def an_instance_is_recovered_without_a_snapshot_that_is_lost(test):
    """One that the instance's file names, but that is not on disk: the real one recovers nothing then."""
    test.start()
    daemon, name = test.daemon, test.name("less")
    daemon.lxc("init", "busybox", name, check=True)
    for snapshot in ("s0", "s1"):
        daemon.lxc("snapshot", name, snapshot, check=True)
    pool = daemon.folder / "storage-pools/default"
    places = [pool / "containers" / name, pool / "containers-snapshots" / name]
    for place in places:
        subprocess.run(["cp", "-a", place, f"{place}.kept"], check=True)
    daemon.lxc("delete", name, check=True)
    for place in places:
        Path(f"{place}.kept").rename(place)
    shutil.rmtree(places[1] / "s1")
    done = recover(daemon, "no", "yes", "yes")
    test.equal(done.returncode, 0, done.stderr)
    test.equal(daemon.api.get(f"/1.0/instances/{name}/snapshots"), [f"/1.0/instances/{name}/snapshots/s0"])
