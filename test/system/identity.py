"""Whose ids an instance's are: maps of its own, host ids let through, and the owners of files when the map changes, both
with id-mapped mounts and (LXD_IDMAPPED_MOUNTS_DISABLE) where files have to be given other owners on disk."""

import json
import os
import threading
from pathlib import Path

from harness.rest import Refused
from system.scenario import Skip, scenario

WITHOUT_MAPPED_MOUNTS = ("env", "LXD_IDMAPPED_MOUNTS_DISABLE=1")
SHARED_FIRST = 65536  # isolated maps begin after the ids that all others share


def config_of(test, name):
    return test.api.get(f"/1.0/instances/{name}")["config"]


def id_map(config, key):
    return [(row["Isuid"], row["Isgid"], row["Hostid"], row["Nsid"], row["Maprange"]) for row in json.loads(config[key])]


def host_first(test):
    """The first id of those that containers share: of a container made for it."""
    return id_map(config_of(test, test.launch("first")), "volatile.idmap.current")[0][2]


def without_mapped_mounts(test):
    test.start(wrapper=WITHOUT_MAPPED_MOUNTS)


def rootfs(test, name):
    return test.daemon.folder / "storage-pools/default/containers" / name / "rootfs"


def owners(test, name):
    """As seen inside, of files with everything that tells an owner."""
    found = test.exec(name, "stat", "-c", "%n %u %g %a", "/bin/busybox", "/root/plain", "/root/setuid", "/root/link", "/root/dev")
    return found.splitlines()


def make_files(test, name):
    """With owners, links, an ACL and a capability. The last two from outside: the image has no tools for them."""
    test.exec(name, "sh", "-c", "echo x > /root/plain && chmod 644 /root/plain && chown 1000:50 /root/plain && ln /root/plain /root/again")
    test.exec(name, "sh", "-c", "cp /bin/busybox /root/setuid && chown 1000:50 /root/setuid && chmod 6755 /root/setuid")
    test.exec(name, "sh", "-c", "ln -s /etc/passwd /root/link && chown -h 33:33 /root/link && mkfifo -m 640 /root/dev")


def wanted_owners():
    return [
        "/bin/busybox 0 0 755",
        "/root/plain 1000 50 644",
        "/root/setuid 1000 50 6755",
        "/root/link 33 33 777",
        "/root/dev 0 0 640",
    ]


def goes_there_and_back(test, name, shifts):
    make_files(test, name)
    test.equal(owners(test, name), wanted_owners())
    for settings in (
        {"security.privileged": "true"},
        {"security.privileged": "", "security.idmap.isolated": "true", "security.idmap.size": "70000"},
        {"security.idmap.isolated": "", "security.idmap.size": ""},
    ):
        before = config_of(test, name)
        test.daemon.lxc("config", "set", name, *[f"{key}={value}" for key, value in settings.items()], check=True)
        test.equal(
            config_of(test, name)["volatile.idmap.current"], before["volatile.idmap.current"], "the running one keeps its map"
        )
        test.daemon.lxc("restart", "--force", name, check=True)
        test.equal(owners(test, name), wanted_owners(), f"with {settings}")
        test.exec(name, "sh", "-c", "rm -f /root/new && touch /root/new && chown 5:6 /root/new")
        now = config_of(test, name)
        test.equal(now["volatile.idmap.current"], now["volatile.idmap.next"])
        on_disk = now["volatile.idmap.next"] if shifts else "[]"
        test.equal(now["volatile.last_state.idmap"], on_disk)
        first = id_map(now, "volatile.last_state.idmap")
        found = (rootfs(test, name) / "root/plain").lstat()
        test.equal(found.st_uid, 1000 + (first[0][2] if first else 0), "on disk")
        test.equal(found.st_nlink, 2)


@scenario
def files_keep_their_owners_through_every_kind_of_map(test):
    test.start()
    goes_there_and_back(test, test.launch("mapped"), shifts=False)


@scenario
def files_keep_their_owners_where_they_are_changed_on_disk(test):
    without_mapped_mounts(test)
    name = test.launch("shifted")
    goes_there_and_back(test, name, shifts=True)
    # A stopped one's files are seen with the owners that they have inside, too.
    test.daemon.lxc("stop", "--force", name, check=True)
    answer = test.api.raw("GET", f"/1.0/instances/{name}/files?path=/root/plain")
    test.equal((answer.headers["X-LXD-uid"], answer.headers["X-LXD-gid"]), ("1000", "50"))
    test.daemon.lxc("file", "push", "--uid=7", "--gid=8", "-", f"{name}/root/pushed", stdin=b"x", check=True)
    first = id_map(config_of(test, name), "volatile.last_state.idmap")[0][2]
    test.equal((rootfs(test, name) / "root/pushed").stat().st_uid, first + 7)
    # A copy has the owners of its source.
    copy = test.name("copied")
    test.daemon.lxc("copy", name, copy, check=True)
    test.daemon.lxc("start", copy, check=True)
    test.equal(owners(test, copy), wanted_owners())


@scenario
def a_daemon_that_may_map_mounts_again_gives_the_files_back(test):
    without_mapped_mounts(test)
    name = test.launch("back")
    make_files(test, name)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.terminate()
    test.daemon.start()
    test.daemon.lxc("start", name, check=True)  # as it lies on disk will do
    test.true(config_of(test, name)["volatile.last_state.idmap"] != "[]", "nothing was changed without need")
    test.daemon.lxc("config", "set", name, "security.idmap.isolated=true", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(config_of(test, name)["volatile.last_state.idmap"], "[]")
    test.equal((rootfs(test, name) / "root/plain").stat().st_uid, 1000)
    test.equal(owners(test, name), wanted_owners())


@scenario
def acls_and_capabilities_move_with_the_owners(test):
    without_mapped_mounts(test)
    name = test.name("attributes")
    test.daemon.lxc("init", "busybox", name, check=True)
    file = rootfs(test, name) / "bin/busybox"
    acl = bytes.fromhex("02000000 01000700ffffffff 0200070005000000 04000500ffffffff 10000700ffffffff 20000500ffffffff")
    capability = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep
    os.setxattr(file, "system.posix_acl_access", acl)
    os.setxattr(file, "security.capability", capability)
    test.daemon.lxc("start", name, check=True)
    first = id_map(config_of(test, name), "volatile.last_state.idmap")[0][2]
    moved = acl[:16] + (first + 5).to_bytes(4, "little") + acl[20:]
    test.equal(os.getxattr(file, "system.posix_acl_access"), moved)
    found = os.getxattr(file, "security.capability")
    test.equal((found[:4].hex(), found[20:]), ("01000003", first.to_bytes(4, "little")))
    test.daemon.lxc("config", "set", name, "security.privileged=true", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(os.getxattr(file, "system.posix_acl_access"), acl)
    test.equal(os.getxattr(file, "security.capability"), capability)


@scenario
def a_protected_instance_is_not_shifted(test):
    without_mapped_mounts(test)
    name = test.launch("kept")
    test.daemon.lxc("config", "set", name, "security.protection.shift=true", "security.privileged=true", check=True)
    failed = test.daemon.lxc("restart", "--force", name)
    test.true(b"Container is protected against filesystem shifting" in failed.stderr, failed.stderr.decode())
    test.daemon.lxc("config", "set", name, "security.privileged=false", check=True)
    test.daemon.lxc("start", name, check=True)


@scenario
def a_kill_in_the_middle_of_a_shift_leaves_the_owners_as_they_were(test):
    without_mapped_mounts(test)
    name = test.name("killed")
    test.daemon.lxc("init", "busybox", name, check=True)
    folder = rootfs(test, name) / "many"
    folder.mkdir()
    for index in range(8000):
        path = folder / str(index)
        path.touch()
        os.chown(path, index % 60000, 7)
    journal = rootfs(test, name).parent / "owners.journal"
    starter = threading.Thread(target=lambda: test.daemon.lxc("start", name))
    starter.start()
    test.until(lambda: journal.exists() and journal.stat().st_size > 50000, "the shift is under way")
    test.daemon.kill()
    starter.join()
    changed = sum(path.stat().st_gid != 7 for path in folder.iterdir())
    test.true(0 < changed < 8000, f"it was cut off: {changed} changed")
    test.daemon.start(wrapper=WITHOUT_MAPPED_MOUNTS)
    test.true(not journal.exists(), "the journal is gone")
    test.equal(sum(path.stat().st_gid != 7 for path in folder.iterdir()), 0, "still changed")
    test.true(all(path.stat().st_uid == int(path.name) for path in folder.iterdir()), "every owner is as it was")
    test.equal(config_of(test, name)["volatile.last_state.idmap"], "[]")
    test.daemon.lxc("start", name, check=True)
    first = id_map(config_of(test, name), "volatile.last_state.idmap")[0][2]
    test.true(all(path.stat().st_uid == first + int(path.name) for path in folder.iterdir()), "every owner is moved once")


@scenario
def a_link_in_the_root_is_not_followed_when_owners_change(test):
    without_mapped_mounts(test)
    outside = test.folder / "outside"
    outside.mkdir()
    (outside / "file").touch()
    name = test.name("links")
    test.daemon.lxc("init", "busybox", name, check=True)
    root = rootfs(test, name) / "root"
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    test.daemon.lxc("start", name, check=True)
    test.equal({path.stat().st_uid for path in (outside, outside / "file")}, {0})
    test.true((root / "file").lstat().st_uid > 0, "the link itself is moved")


@scenario
def isolated_instances_have_ids_of_their_own(test):
    test.start()
    first = host_first(test)
    names = [test.launch(f"own{index}", "-c", "security.idmap.isolated=true") for index in range(3)]
    bases = [int(config_of(test, name)["volatile.idmap.base"]) for name in names]
    test.equal(bases, [first + SHARED_FIRST + index * 65536 for index in range(3)])
    for name, base in zip(names, bases):
        test.equal(test.exec(name, "cat", "/proc/self/uid_map").split(), ["0", str(base), "65536"])
    test.daemon.lxc("delete", "--force", names[1], check=True)
    small = test.launch("small", "-c", "security.idmap.isolated=true", "-c", "security.idmap.size=1000")
    test.equal(int(config_of(test, small)["volatile.idmap.base"]), bases[1], "the gap is used")
    test.daemon.lxc("restart", "--force", names[2], check=True)
    test.equal(int(config_of(test, names[2])["volatile.idmap.base"]), bases[2], "it keeps its own")
    taken = test.daemon.lxc("config", "set", names[0], f"security.idmap.base={bases[2] + 65535}")
    test.true(f'also those of instance "{names[2]}"'.encode() in taken.stderr, taken.stderr.decode())
    full = test.daemon.lxc("init", "busybox", test.name("full"), "-c", "security.idmap.isolated=true", "-c", "security.idmap.size=4000000000")
    test.true(b"Not enough uid/gid available for the container" in full.stderr, full.stderr.decode())


@scenario
def isolated_instances_made_at_once_do_not_meet(test):
    test.start()
    names = [test.name(f"race{index}") for index in range(6)]
    makers = [
        threading.Thread(target=test.daemon.lxc, args=("init", "busybox", name, "-c", "security.idmap.isolated=true"))
        for name in names
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    bases = {config_of(test, name)["volatile.idmap.base"] for name in names}
    test.equal(len(bases), len(names), f"bases {bases}")


@scenario
def a_host_id_is_let_through_to_where_root_may_map_it(test):
    for file in ("/etc/subuid", "/etc/subgid"):
        if not Path(file).exists():
            raise Skip(f"no {file} on this host")
    # The daemon alone sees these in the host's place.
    script = 'exec "$0" "$@"'
    for file in ("subuid", "subgid"):
        own = test.folder / file
        own.write_text(Path(f"/etc/{file}").read_text() + "root:1000:1\n")
        own.chmod(0o644)
        script = f"mount --bind {own} /etc/{file} && {script}"
    shared = test.folder / "shared"
    shared.mkdir()
    os.chown(shared, 1000, 1000)
    test.start(wrapper=("unshare", "--mount", "--propagation", "slave", "sh", "-c", script))
    for isolated in ("false", "true"):
        name = test.launch(f"raw{isolated}", "-c", "raw.idmap=both 1000 1000", "-c", f"security.idmap.isolated={isolated}")
        test.daemon.lxc("config", "device", "add", name, "shared", "disk", f"source={shared}", "path=/shared", check=True)
        test.equal(test.exec(name, "stat", "-c", "%u %g", "/shared"), "1000 1000\n")
        test.exec(name, "sh", "-c", f"touch /shared/{isolated} && chown 1000:1000 /shared/{isolated}")
        test.equal((shared / isolated).stat().st_uid, 1000)
        test.equal(test.exec(name, "stat", "-c", "%u", "/bin/busybox"), "0\n")
        test.exec(name, "sh", "-c", "touch /root/a && chown 1000 /root/a && touch /root/b && chown 1001 /root/b")
        test.equal([(rootfs(test, name) / "root" / file).stat().st_uid for file in "ab"], [1000, 1001], "mapped, so as inside")
    refused = test.daemon.lxc("launch", "busybox", test.name("not"), "-c", "raw.idmap=uid 1001 1001")
    test.true(b'no "root:1001:1" or the like in /etc/subuid' in refused.stderr, refused.stderr.decode())


@scenario
def bad_maps_are_refused_with_lxds_words(test):
    test.start()
    name = test.name("bad")
    test.daemon.lxc("init", "busybox", name, check=True)
    before = config_of(test, name)
    first = id_map(before, "volatile.idmap.next")[0][2]
    for key, value, text in (
        ("raw.idmap", "foo", 'Failed to get ID map: Invalid ID map line "foo"'),
        ("raw.idmap", f"both {first + 5} 5", "Failed to get ID map: Host id is in the range of subids"),
        ("security.idmap.size", "-1", 'Invalid config: Invalid value for uint32 "-1"'),
        ("security.idmap.base", "x", 'Invalid config: Invalid value for uint32 "x"'),
    ):
        try:
            test.api.ask("PATCH", f"/1.0/instances/{name}", {"config": {key: value}})
            raise AssertionError(f"{key}={value} was taken")
        except Refused as refusal:
            test.true(text in str(refusal), f"{refusal}, wanted {text}")
    for key in ("base", "next", "current"):
        if f"volatile.idmap.{key}" in before:
            refused = test.daemon.lxc("config", "unset", name, f"volatile.idmap.{key}")
            test.true(b"Volatile idmap keys can't be deleted by the user" in refused.stderr, refused.stderr.decode())
    test.equal(config_of(test, name), before)


@scenario
def what_is_made_inside_has_the_usual_mode(test):
    test.start()
    name = test.launch("mode")
    test.exec(name, "sh", "-c", "touch /root/file && mkdir /root/folder")
    test.equal(test.exec(name, "stat", "-c", "%a", "/root/file", "/root/folder").split(), ["644", "755"])
    test.true("0022" in test.exec(name, "grep", "Umask", "/proc/1/status"), "of init, too")


@scenario
def a_pool_on_a_filesystem_that_maps_no_ids_is_shifted(test):
    """Beside one that does: each filesystem is tried."""
    for folder in ("lower", "upper", "work", "merged"):
        (test.folder / folder).mkdir()
    where = f"lowerdir={test.folder}/lower,upperdir={test.folder}/upper,workdir={test.folder}/work"
    script = f'mount -t overlay -o {where} none {test.folder}/merged && exec "$0" "$@"'
    test.start(wrapper=("unshare", "--mount", "--propagation", "slave", "sh", "-c", script))
    test.daemon.lxc("storage", "create", "layered", "dir", f"source={test.folder}/merged", check=True)
    for pool, shifted in (("layered", True), ("default", False)):
        name = test.launch(f"on-{pool}", "--storage", pool)
        test.equal(config_of(test, name)["volatile.last_state.idmap"] != "[]", shifted, pool)
        test.equal(test.exec(name, "stat", "-c", "%u %g", "/bin/busybox"), "0 0\n")


@scenario
def what_is_being_shifted_is_not_copied(test):
    without_mapped_mounts(test)
    name, copy = test.name("source"), test.name("copy")
    test.daemon.lxc("init", "busybox", name, check=True)
    journal = rootfs(test, name).parent / "owners.journal"
    journal.write_text("[]\n[]\n")
    refused = test.daemon.lxc("copy", name, copy)
    test.true(b"get other owners" in refused.stderr, refused.stderr.decode())
    test.equal(test.api.raw("GET", f"/1.0/instances/{copy}").status, 404)
    journal.unlink()
    test.daemon.lxc("copy", name, copy, check=True)
    test.daemon.lxc("start", copy, check=True)
