"""Bad input: LXD's status, a message that says something, and nothing changed."""

import hashlib
import io
import json
import os
import tarfile

from harness import image
from harness.rest import unix_socket
from system.scenario import scenario


def world(test):
    """All that a refused request must leave as it was."""
    return {
        path: test.api.get(path)
        for path in ("/1.0/instances?recursion=1", "/1.0/profiles?recursion=1", "/1.0/images?recursion=1", "/1.0/storage-pools?recursion=1")
    }


def error_of(test, method, target, body, headers=None):
    """(status, text) of a failure at once or of the operation."""
    answer = test.api.raw(method, target, body, headers)
    envelope = answer.json
    if envelope["type"] == "async":
        done = test.api.raw("GET", envelope["operation"] + "/wait").json["metadata"]
        return done["status_code"], done["err"]
    test.equal(envelope["type"], "error", f"{method} {target}")
    test.equal(answer.status, envelope["error_code"], f"{method} {target}: code in the envelope")
    return answer.status, envelope["error"]


def source(**more):
    return {"source": {"type": "image", "alias": "busybox"}, **more}


# method, target, body, status (400 of an operation counts as 400), a piece of the text
REFUSED = [
    ("POST", "/1.0/instances", b"{not json", 400, ""),
    ("POST", "/1.0/instances", b"[]", 400, ""),
    ("POST", "/1.0/instances", b'"text"', 400, ""),
    ("POST", "/1.0/instances", b"", 400, ""),
    ("POST", "/1.0/profiles", b'{"name": 7}', 400, ""),
    ("POST", "/1.0/profiles", b"{}", 400, "No name provided"),
    ("POST", "/1.0/profiles", {"name": "a/b"}, 400, "slashes"),
    ("POST", "/1.0/profiles", {"name": ".."}, 400, ""),
    ("POST", "/1.0/profiles", {"name": "default"}, 500, "already exists"),
    ("POST", "/1.0/profiles", {"name": "p", "config": {"no.such": "1"}}, 400, "no.such"),
    ("POST", "/1.0/profiles", {"name": "p", "config": {"limits.memory": "much"}}, 400, "much"),
    ("POST", "/1.0/profiles", {"name": "p", "config": {"limits.memory": 7}}, 400, ""),
    ("POST", "/1.0/profiles", {"name": "p", "devices": {"d": {"type": "rubbish"}}}, 400, ""),
    ("PUT", "/1.0/profiles/missing", {"config": {}}, 404, "not found"),
    ("PUT", "/1.0/profiles/default", b"{", 400, ""),
    ("POST", "/1.0/instances", source(name="under_score"), 400, "Name can only contain alphanumeric and hyphen"),
    ("POST", "/1.0/instances", source(name="-dash"), 400, 'Name must not start with "-"'),
    ("POST", "/1.0/instances", source(name="dash-"), 400, 'Name must not end with "-"'),
    ("POST", "/1.0/instances", source(name="123"), 400, "Name must not start with a number"),
    ("POST", "/1.0/instances", source(name="a" * 64), 400, "1-63 characters long"),
    ("POST", "/1.0/instances", source(name="a/b"), 400, ""),
    ("POST", "/1.0/instances", source(name="n1", config={"no.such": "1"}), 400, "no.such"),
    ("POST", "/1.0/instances", source(name="n1", config={"limits.cpu": "many"}), 400, ""),
    ("POST", "/1.0/instances", source(name="n1", profiles=["missing"]), 500, "missing"),
    ("POST", "/1.0/instances", {"name": "n1", "source": {"type": "image", "alias": "missing"}}, 404, "not found"),
    ("POST", "/1.0/instances", {"name": "n1", "source": {"type": "image", "fingerprint": "00ff"}}, 400, "Image not provided"),
    ("POST", "/1.0/instances", {"name": "n1", "source": {"type": "rubbish"}}, 400, ""),
    ("POST", "/1.0/instances", {"name": "n1", "source": {"type": "migration"}}, 501, "received from other servers"),
    ("POST", "/1.0/instances", {"name": "n1", "architecture": "nonsense", "source": {"type": "none"}}, 500, "Architecture isn't supported: nonsense"),
    (
        *("POST", "/1.0/instances", {"name": "n1", "architecture": "s390x", "source": {"type": "none"}}, 400),
        "Failed creating instance record: Requested architecture isn't supported by this host",
    ),
    ("POST", "/1.0/instances", source(name="n1", instance_type="nonsense"), 400, "Provided instance type doesn't exist: nonsense"),
    ("POST", "/1.0/instances", source(name="n1", instance_type="aws:t2.micro"), 400, "Provided instance type doesn't exist: aws:t2.micro"),
    ("POST", "/1.0/instances", source(name="n1", instance_type="cx"), 400, "Bad custom instance type: cx"),
    ("POST", "/1.0/instances?target=other", source(name="n1"), 400, "Target only allowed when clustered"),
    ("POST", "/1.0/virtual-machines", source(name="n1"), 400, "Virtual machines are not supported"),
    ("GET", "/1.0/virtual-machines/STOPPED", None, 404, "Instance not found"),
    ("GET", "/1.0/virtual-machines/STOPPED/state", None, 404, "Instance not found"),
    ("GET", "/1.0/instances?instance-type=nonsense", None, 500, "Invalid instance type"),
    ("GET", "/1.0/instances?all-projects=true&project=default", None, 400, "Cannot specify a project when requesting all projects"),
    ("GET", "/1.0?target=other", None, 404, "Cluster member not found"),
    ("PATCH", "/1.0/storage-pools/default?target=other", {"description": "x"}, 404, "Cluster member not found"),
    ("POST", "/1.0/storage-pools?target=other", {"name": "p", "driver": "dir"}, 404, "Cluster member not found"),
    ("POST", "/1.0/instances/STOPPED?target=other", {"name": "n1"}, 404, "Cluster member not found"),
    ("GET", "/1.0/instances/STOPPED/logs/lxc.conf", None, 404, "Log file lxc.conf"),
    ("DELETE", "/1.0/instances/STOPPED/logs/exec_1.stdout", None, 404, "Log file exec_1.stdout"),
    ("POST", "/1.0/instances", source(name="STOPPED"), 400, "already exists"),
    ("PUT", "/1.0/instances/missing/state", {"action": "start"}, 404, "not found"),
    ("PUT", "/1.0/instances/STOPPED/state", {"action": "rubbish"}, 400, "rubbish"),
    ("PUT", "/1.0/instances/STOPPED/state", {"action": "stop"}, 400, "already stopped"),
    ("PUT", "/1.0/instances/STOPPED", {"config": {"no.such": "1"}}, 400, "no.such"),
    ("PATCH", "/1.0/instances/STOPPED", {"config": {"boot.autostart": "perhaps"}}, 500, "perhaps"),
    ("POST", "/1.0/instances/STOPPED/exec", {"command": ["true"]}, 400, "not running"),
    ("POST", "/1.0/instances/RUNNING", {"name": "other"}, 400, "running"),
    ("POST", "/1.0/instances/STOPPED", {"name": "RUNNING"}, 409, "already in use"),
    ("DELETE", "/1.0/instances/RUNNING", None, 400, "running"),
    ("DELETE", "/1.0/instances/missing", None, 404, "not found"),
    ("GET", "/1.0/instances/STOPPED/files?path=/no/such", None, 404, ""),
    ("DELETE", "/1.0/profiles/default", None, 403, "cannot be deleted"),
    ("DELETE", "/1.0/profiles/missing", None, 404, "not found"),
    ("DELETE", "/1.0/images/missing", None, 404, "not found"),
    ("DELETE", "/1.0/storage-pools/default", None, 400, "in use"),
    ("POST", "/1.0/storage-pools", {"name": "p", "driver": "rubbish"}, 500, "Unknown driver"),
    ("GET", "/1.0/operations/missing", None, 404, "not found"),
    ("GET", "/1.0/no/such/thing", None, 404, "not found"),
    ("GET", "/1.0/../etc/passwd", None, 404, ""),
    ("PUT", "/1.0/profiles", {}, 501, "not implemented"),
    ("DELETE", "/1.0", None, 501, "not implemented"),
    ("PUT", "/1.0", {"config": {"no.such": "1"}}, 400, "no.such"),
]


@scenario
def each_refusal_has_a_status_a_text_and_no_effect(test):
    test.start()
    names = {"RUNNING": test.launch("on"), "STOPPED": test.name("off")}
    test.daemon.lxc("init", "busybox", names["STOPPED"], check=True)
    before = world(test)
    wrong = []
    for method, target, body, status, text in REFUSED:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body)
        for placeholder, name in names.items():
            target = target.replace(placeholder, name)
            body = body.replace(placeholder, name) if isinstance(body, str) else body
        try:
            got = error_of(test, method, target, body)
        except (AssertionError, ValueError, OSError) as error:
            wrong.append(f"{method} {target} {body!r}: {error}")
            continue
        if got[0] != status or text not in got[1] or not got[1]:
            wrong.append(f"{method} {target} {body!r}: {got[0]} {got[1]!r}, wanted {status} {text!r}")
        if str(test.daemon.folder) in got[1]:
            wrong.append(f"{method} {target}: the host's path in {got[1]!r}")
    print("\n".join(wrong))
    test.equal(len(wrong), 0, "wrong refusals")
    test.equal(world(test), before, "the world afterwards")


@scenario
def a_gigabyte_of_json_is_refused_early(test):
    test.start()
    test.daemon.clear_peak()
    with unix_socket(test.daemon.socket) as sock:
        sock.sendall(b"POST /1.0/instances HTTP/1.1\r\nHost: lxd\r\nContent-Length: 1073741824\r\n\r\n")
        chunk, sent = b" " * 65536, 0
        try:
            while sent < 1 << 30:
                sock.sendall(chunk)
                sent += len(chunk)
        except BrokenPipeError:
            pass  # refused before all of it had come; the answer says so
        head, _, body = sock.makefile("rb").read().partition(b"\r\n\r\n")
    test.true(head.startswith(b"HTTP/1.1 413 "), f"answered {head!r} after {sent} bytes")
    refusal = json.loads(body)
    test.equal((refusal["type"], refusal["error_code"]), ("error", 413))
    test.true("larger than" in refusal["error"], refusal["error"])
    test.true(test.daemon.resident("VmHWM") < 64, f"peak of {test.daemon.resident('VmHWM'):.0f} MiB")
    test.equal(test.api.raw("GET", "/1.0").status, 200, "the daemon afterwards")


def hostile_image(*members):
    """An image whose tar holds, besides metadata and a root folder, these (name, link or None)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        metadata = b"architecture: x86_64\ncreation_date: 1700000000\n"
        _add(tar, "metadata.yaml", metadata)
        folder = tarfile.TarInfo("rootfs")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, link in members:
            if link is None:
                _add(tar, name, b"hostile")
            else:
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = link
                tar.addfile(entry)
    return packed.getvalue()


def _add(tar, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


@scenario
def hostile_archives_write_nothing_outside(test):
    test.start()
    target = test.folder / "outside"
    target.mkdir()
    up = "../" * 12 + str(target).lstrip("/")
    behind = 'Archive entry "{}" lies behind the symbolic link "{}"'
    hard_link = 'Archive entry "rootfs/passwd" is a hard link to "/etc/hostname", which leads out of the image'
    cases = (
        ([(f"{target}/absolute", None)], f'Archive entry "{target}/absolute" has an absolute path'),
        ([(f"rootfs/{up}/dots", None)], f'Archive entry "rootfs/{up}/dots" leads out of the image'),
        ([("rootfs/out", (tarfile.SYMTYPE, str(target))), ("rootfs/out/file", None)], behind.format("rootfs/out/file", "rootfs/out")),
        ([("rootfs/up", (tarfile.SYMTYPE, up)), ("rootfs/up/file", None)], behind.format("rootfs/up/file", "rootfs/up")),
        ([("rootfs/passwd", (tarfile.LNKTYPE, "/etc/hostname")), ("rootfs/passwd", None)], hard_link),
    )
    hostname = open("/etc/hostname", "rb").read()
    for members, text in cases:
        case = members[0][0]
        refusal = error_of(test, "POST", "/1.0/images", hostile_image(*members), {"Content-Type": "application/octet-stream"})
        test.equal(refusal, (400, text), case)
        test.equal(len(test.api.get("/1.0/images")), 1, f"{case}: images")
        test.equal(os.listdir(target), [], f"{case}: written outside")
        test.equal(open("/etc/hostname", "rb").read(), hostname, f"{case}: /etc/hostname")


@scenario
def a_truncated_archive_is_refused_and_leaves_nothing(test):
    test.start()
    files = {path for path in test.daemon.folder.rglob("*") if path.is_file() and "database" not in str(path)}
    whole = image.busybox().read_bytes()
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 10):
        status, text = error_of(test, "POST", "/1.0/images", whole[:cut], {"Content-Type": "application/octet-stream"})
        if status == 200:  # the metadata was whole: then no container may come of it
            fingerprint = hashlib.sha256(whole[:cut]).hexdigest()
            wanted = {"name": test.name("cut"), "source": {"type": "image", "fingerprint": fingerprint}}
            status, text = error_of(test, "POST", "/1.0/instances", wanted)
            test.api.ask("DELETE", f"/1.0/images/{fingerprint}")
        test.true(status >= 400 and text, f"cut after {cut}: {status} {text!r}")
    test.equal(len(test.api.get("/1.0/images")), 1)
    test.equal(test.api.get("/1.0/instances"), [])
    now = {path for path in test.daemon.folder.rglob("*") if path.is_file() and "database" not in str(path)}
    test.equal({path for path in now - files if "/logs/" not in str(path)}, set(), "files left")


@scenario
def the_file_api_does_not_follow_links_out_of_the_container(test):
    test.start()
    secret = test.folder / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)
    name = test.launch("links")
    up = "/" + "../" * 20
    missing = (404, "Not Found")
    for state in ("running", "stopped"):
        for link, place in (("/direct", str(secret)), ("/folder", up + str(test.folder).lstrip("/"))):
            made = test.api.raw("POST", f"/1.0/instances/{name}/files?path={link}", place.encode(), {"X-LXD-type": "symlink"})
            test.equal(made.status, 200, f"{state}: the link {link}")
        # The container's own /proc is there while it runs; no link of it is followed.
        process = (500, "Too many levels of symbolic links") if state == "running" else missing
        for path, read, wrote, deleted in (
            ("/direct", (200, str(secret)), missing, (200, "")),  # the link itself is read and deleted
            ("/folder/secret", missing, missing, missing),
            (up + str(secret).lstrip("/"), missing, missing, missing),
            (f"/proc/1/root/{secret}", process, process, process),
        ):
            for method, body, (status, text) in (("GET", None, read), ("POST", b"changed", wrote), ("DELETE", None, deleted)):
                answer = test.api.raw(method, f"/1.0/instances/{name}/files?path={path}", body)
                test.equal(answer.status, status, f"{state}: {method} {path}")
                test.true(text in answer.body.decode(), f"{state}: {method} {path}: {answer.body!r}")
                test.equal(secret.read_text(), "of the host", f"{state}: {method} {path}")
        test.api.ask("DELETE", f"/1.0/instances/{name}/files?path=/folder")
        if state == "running":
            test.daemon.lxc("stop", "--force", name, check=True)
