"""What ill-meant clients and images do to the daemon: each is refused or bounded with a clear error, and meanwhile others
are answered within 50 ms."""

import contextlib
import gzip
import io
import itertools
import multiprocessing
import os
import resource
import socket
import statistics
import struct
import subprocess
import tarfile
import time

from harness.rest import Refused, unix_socket
from system.scenario import scenario

SOON = 0.05  # seconds
METADATA = b"architecture: x86_64\ncreation_date: 1\nproperties: {os: Hostile}\n"


class Bystander:
    """Another client, in a process of its own, who asks for small things all the while. What counts is the slowest of its
    answers but one in a hundred; a machine that is busy with other things, and so late itself, is told by an echo
    between two processes."""

    def __init__(self, test):
        self.test = test
        fork = multiprocessing.get_context("fork")
        self.here, self.there = fork.Pipe()
        self.near, self.far = fork.Pipe()
        self.processes = [fork.Process(target=work, daemon=True) for work in (self._echo, self._ask)]

    def _echo(self):
        while (word := self.far.recv()) is not None:
            self.far.send(word)

    @staticmethod
    def _timed(waits, work):
        start = time.perf_counter()
        result = work()
        waits.append(time.perf_counter() - start)
        return result

    def _ask(self):
        waits, echoes = [], []
        while not self.there.poll(0.005):
            answer = self._timed(waits, lambda: self.test.api.raw("GET", "/1.0/profiles/default"))
            self.test.equal(answer.status, 200)
            self.near.send("echo")
            self._timed(echoes, self.near.recv)
            if len(waits) == 1:
                self.there.send("begun")
        self.near.send(None)
        self.there.send((waits, echoes))

    def __enter__(self):
        for process in self.processes:
            process.start()
        self.here.recv()
        return self

    def __exit__(self, kind, *_):
        self.here.send("enough")
        waits, echoes = self.here.recv()
        for process in self.processes:
            process.join()
        if kind is None:
            self.check(sorted(waits), sorted(echoes))

    def check(self, waits, echoes):
        late, machine = (times[int(len(times) * 0.99)] for times in (waits, echoes))
        shown = f"median {statistics.median(waits) * 1000:.1f} ms, 99% {late * 1000:.1f} ms, worst {waits[-1] * 1000:.1f} ms"
        shown += f"; an echo 99% {machine * 1000:.1f} ms"
        print(f"  {len(waits)} answers to a bystander: {shown}")
        self.test.true(late < SOON + machine, f"others were answered late: {shown}")


def rounds(seconds=1.0):
    """Again and again, so that a bystander has something to stand by."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def post_json(test, text):
    answer = test.api.raw("POST", "/1.0/profiles", text, {"Content-Type": "application/json"})
    return answer.status, answer.error


@scenario
def json_without_end_is_refused(test):
    test.start()
    with Bystander(test):
        for _, depth in zip(rounds(), itertools.cycle((513, 10_000, 500_000))):
            for text in (b"[" * depth, b'{"a":' * depth, b'{"config":' + b"[" * depth + b"]" * depth + b"}"):
                status, error = post_json(test, text[: 1 << 20])
                test.equal(status, 400, error)
                test.true("Nested too deeply" in error, error)
        test.equal(post_json(test, b"[" * 511 + b"]" * 511)[0], 400)  # deep enough to read, and no profile
        status, error = post_json(test, b'{"name":"' + b"x" * (1 << 20) + b'"}')
        test.equal((status, "larger than 1048576 bytes" in error), (413, True))


@scenario
def heads_without_end_are_refused(test):
    test.start()
    with Bystander(test):
        heads = (b"GET /" + b"x" * 70_000, b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 50_000, b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000)
        for _, head in zip(rounds(), itertools.cycle(heads)):
            with unix_socket(test.api.path) as sock, contextlib.suppress(BrokenPipeError):
                sock.sendall(head + b"\r\n\r\n")
                test.equal(sock.recv(12), b"HTTP/1.1 431")


@scenario
def two_thousand_idle_connections_keep_nobody_out(test):
    # Half of so many descriptors are for connections.
    test.start(wrapper=("prlimit", "--nofile=1024:1024"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    idle = []
    try:
        with Bystander(test):
            for _ in range(2000):
                idle.append(unix_socket(test.api.path))
                time.sleep(0.001)  # all at once they would stand in the kernel's queue before the bystander
            for _, sock in zip(rounds(), itertools.cycle(idle[-200:])):
                with contextlib.suppress(OSError):
                    sock.sendall(b"G")  # and never a whole request
                time.sleep(0.001)
        held = sum(1 for _ in os.scandir(f"/proc/{test.daemon.pid}/fd"))
        test.true(held < 600, f"the daemon holds {held} descriptors")
        test.true(test.daemon.resident() < 200, f"{test.daemon.resident():.0f} MiB")
    finally:
        for sock in idle:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def frame(opcode, data, masked=True, final=True, length=None):
    size = len(data) if length is None else length
    head = bytes([(0x80 if final else 0) | opcode])
    flag = 0x80 if masked else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if masked else b"") + data


@scenario
def frames_that_break_the_protocol_end_their_websocket(test):
    test.start()
    broken = {
        "without a mask": frame(1, b"hello", masked=False),
        "reserved opcode": frame(3, b"hello"),
        "reserved bits": bytes([0xF1, 0x80]) + bytes(4),
        "long control frame": frame(9, b"x" * 126),
        "cut control frame": frame(9, b"x", final=False),
        "continuation of nothing": frame(0, b"x"),
        "text that is no UTF-8": frame(1, b"\xff\xfe"),
        "a new message within another": frame(1, b"a", final=False) + frame(1, b"b"),
        "close with one byte": frame(8, b"x"),
    }
    with Bystander(test):
        for _, (what, data) in zip(rounds(), itertools.cycle(broken.items())):
            events = test.api.websocket("/1.0/events")
            events.sock.settimeout(10)
            events.sock.sendall(data)
            while (message := events.receive())[0] not in ("close", "lost"):
                pass
            events.drop()
            test.true(message[0] in ("close", "lost"), what)
        # A frame of 2^64 bytes; more text than anybody may say at once, in one frame and in many.
        endless = bytes([0x82, 0xFF]) + b"\xff" * 8 + bytes(1 << 20)
        for data in (endless, frame(1, b"x" * (2 << 20)), frame(1, b"x" * 65535, final=False) + frame(0, b"x" * 65535, final=False) * 40):
            events = test.api.websocket("/1.0/events")
            with contextlib.suppress(OSError):
                events.sock.sendall(data)
            events.drop()
    test.true(test.daemon.resident() < 200, f"{test.daemon.resident():.0f} MiB")


@scenario
def output_that_nobody_reads_waits(test):
    test.start()
    name = test.launch("hostile")
    body = {"command": ["sh", "-c", "cat /dev/zero"], "wait-for-websocket": True, "interactive": False}
    operation = test.api.raw("POST", f"/1.0/instances/{name}/exec", body).json
    secrets = operation["metadata"]["metadata"]["fds"]
    streams = {key: test.api.websocket(f"{operation['operation']}/websocket?secret={secret}") for key, secret in secrets.items()}
    before = test.daemon.resident()
    with Bystander(test):
        time.sleep(1.5)  # of output into the void
    grown = test.daemon.resident() - before
    test.true(grown < 32, f"the daemon grew by {grown:.0f} MiB")
    for stream in streams.values():
        stream.drop()
    test.api.wait(operation["operation"], timeout=30)


@scenario
def events_that_nobody_reads_are_not_kept(test):
    test.start()
    deaf = [test.api.websocket("/1.0/events") for _ in range(5)]
    before = test.daemon.resident()
    with Bystander(test):
        for number in range(1500):
            test.api.ask("PATCH", "/1.0/profiles/default", {"config": {"user.long": f"{number}" + "x" * 2000}})
    grown = test.daemon.resident() - before
    test.true(grown < 32, f"the daemon grew by {grown:.0f} MiB")
    for stream in deaf:
        stream.drop()


@scenario
def templates_that_try_to_leave_are_refused(test):
    test.start()
    victim = test.folder / "victim"
    victim.write_text("untouched")
    name = test.name("leave")
    test.daemon.lxc("init", "busybox", name, check=True)
    root = test.daemon.folder / "storage-pools/default/containers" / name / "rootfs"
    (root / "absolute").symlink_to(victim)
    (root / "upwards").symlink_to("../" * 20 + str(victim).lstrip("/"))
    (root / "itself").symlink_to("itself")
    os.mkfifo(root / "pipe")
    metadata = f"/1.0/instances/{name}/metadata"
    up = "/" + "../" * 20 + str(victim).lstrip("/")
    nested = "{% for a in s %}" * 3 + "{{ a }}" + "{% endfor %}" * 3
    cases = [  # where to, from which template, with what in it, what is said about it
        (up, "t.tpl", "x", "leads out"),
        ("/absolute", "t.tpl", "x", "No such file"),  # inside there is no such folder
        ("/upwards", "t.tpl", "x", "No such file"),
        ("/itself", "t.tpl", "x", "symbolic links"),
        ("/pipe", "t.tpl", "x", "not a regular file"),
        ("/x", "../rootfs/absolute", "x", "Invalid template filename"),
        ("/x", "t.tpl", f'{{% include "{victim}" %}}', "not allowed"),
        ("/x", "t.tpl", '{% set s = "x"|ljust:9999 %}' + nested, "steps"),
        ("/x", "t.tpl", '{% set s = "x"|ljust:90000|make_list %}' + nested, "handles more than"),
        ("/x", "t.tpl", "{{ 1" + "+1" * 300_000 + " }}", "Nested deeper"),
        ("/x", "t.tpl", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "too deeply"),
    ]
    with Bystander(test):
        for _, (path, source, text, reason) in zip(rounds(3), itertools.cycle(cases)):
            test.api.ask("POST", f"{metadata}/templates?path=t.tpl", text.encode())
            templates = {path: {"when": ["start"], "template": source}}
            test.api.ask("PUT", metadata, {"architecture": "x86_64", "creation_date": 1, "templates": templates})
            try:
                test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
                error = "none"
            except Refused as refused:
                error = refused.text
            test.true(reason in error, f"{path} from {source}, {text[:40]}: {error}")
    test.equal(victim.read_text(), "untouched")


@scenario
def pushes_through_links_that_root_swaps_stay_inside(test):
    test.start()
    outside = test.folder / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "file").write_text("untouched")
    (outside / "file").chmod(0o666)
    name = test.launch("swaps")
    up = "../" * 20 + str(outside).lstrip("/")
    swaps = f"""cd /root; while :; do
        mkdir d; rm -r d; ln -s {outside} d; rm d; ln -s {up} d; rm d; ln -s /proc/1/root{outside} d; rm d
        echo f > f; rm f; mkfifo f; rm f; ln -s /dev/zero f; rm f; ln -s {outside}/file f; rm f
    done 2>/dev/null"""
    body = {"command": ["sh", "-c", swaps], "interactive": False}
    operation = test.api.raw("POST", f"/1.0/instances/{name}/exec", body).json["operation"]
    seen = {}
    headers = {"X-LXD-uid": "0", "X-LXD-gid": "0", "X-LXD-mode": "0644"}
    with Bystander(test):
        asked = itertools.cycle(
            (("POST", "/root/d/file"), ("POST", "/root/f"), ("GET", "/root/f"), ("DELETE", "/root/d/file"), ("GET", "/root/d/file"))
        )
        for _, (method, path) in zip(rounds(5), asked):
            with test.within(5, f"{method} {path}"):
                answer = test.api.raw(method, f"/1.0/instances/{name}/files?path={path}", b"hostile" if method == "POST" else None, headers)
            test.true(b"untouched" not in answer.body, "the host was read")
            told = "went well" if answer.status == 200 else f"{answer.status} {answer.error}"
            seen[told] = seen.get(told, 0) + 1
    print(f"  {seen}")
    test.true(len(seen) > 1 and seen.get("went well", 0) > 0, f"some go well and others do not: {seen}")
    test.equal((sorted(os.listdir(outside)), (outside / "file").read_text()), (["file"], "untouched"))
    test.api.ask("DELETE", operation)


def packed(*entries, mode="w:gz"):
    """A tar file's bytes; entries are (name, bytes) or ready TarInfo objects."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.GNU_FORMAT) as tar:
        for name, data in (("metadata.yaml", METADATA), ("rootfs", None)):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode = (tarfile.DIRTYPE, 0, 0o755) if data is None else (tarfile.REGTYPE, len(data), 0o644)
            tar.addfile(info, io.BytesIO(data or b""))
        for info in entries:
            tar.addfile(info)
    return out.getvalue()


def member(name, kind=tarfile.REGTYPE, **attributes):
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def import_of(test, body):
    """The error of an import, or the fingerprint."""
    try:
        done = test.api.ask("POST", "/1.0/images", body, {"Content-Type": "application/octet-stream"})
        return "", done["metadata"]["fingerprint"]
    except Refused as refused:
        return refused.text, ""


def sparse_bomb():
    """10 GiB of hole in a few hundred bytes, in GNU's format."""
    whole = packed(mode="w")[: 512 * 3]
    size = 10 << 30
    header = bytearray(member("rootfs/hole", tarfile.REGTYPE).tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:398] = b"%011o\0" % size  # one segment, at the end, empty
    header[398:410] = b"%011o\0" % 0
    header[483:495] = bytes([0x80]) + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(whole + bytes(header) + bytes(1024))


def dense_bomb():
    """Files of 640 MiB of zeros, sixteen of them, each in gzip members made once."""
    start = packed(mode="w")[: 512 * 3]
    zeros = gzip.compress(bytes(64 << 20), 9) * 10
    files = b""
    for number in range(16):
        files += gzip.compress(member(f"rootfs/{number}", size=640 << 20).tobuf(tarfile.GNU_FORMAT)) + zeros
    return gzip.compress(start) + files + gzip.compress(bytes(1024))


def squashfs_bomb(folder):
    """A file of 16 MiB under 640 names."""
    tree = folder / "bomb"
    (tree / "rootfs").mkdir(parents=True)
    (tree / "metadata.yaml").write_bytes(METADATA)
    with open(tree / "rootfs/0", "wb") as file:
        file.truncate(16 << 20)
    for number in range(1, 640):
        os.link(tree / "rootfs/0", tree / f"rootfs/{number}")
    subprocess.run(["mksquashfs", tree, folder / "bomb.squashfs", "-quiet", "-no-progress"], check=True)
    return (folder / "bomb.squashfs").read_bytes()


@scenario
def images_that_unpack_without_end_are_refused(test):
    test.start()
    bombs = {"sparse": sparse_bomb(), "dense": dense_bomb(), "squashfs": squashfs_bomb(test.folder)}
    before = len(test.api.get("/1.0/images"))
    with Bystander(test):
        for kind, body in bombs.items():
            start = time.monotonic()
            error, _ = import_of(test, body)
            print(f"  {kind}: {len(body)} bytes refused after {time.monotonic() - start:.1f} s: {error}")
            test.true("unpacks to more than 250 times its size" in error, f"{kind}: {error}")
    test.equal(len(test.api.get("/1.0/images")), before)
    test.equal([name for name in os.listdir(test.daemon.folder / "images") if name.startswith("lxd_build")], [])


@scenario
def images_that_lead_out_are_refused_and_devices_stay_inside(test):
    test.start()
    outward = {
        "absolute path": [member("/etc/cron.d/x")],
        "parent folder": [member("rootfs/../../x")],
        "behind a link": [member("rootfs/out", tarfile.SYMTYPE, linkname="/etc"), member("rootfs/out/x")],
        "hard link out": [member("rootfs/x", tarfile.LNKTYPE, linkname="../../../etc/passwd")],
        "long path": [member("rootfs/" + "d/" * 2500 + "x")],
    }
    with Bystander(test):
        for _, (what, entries) in zip(rounds(), itertools.cycle(outward.items())):
            error, _ = import_of(test, packed(*entries))
            test.true(error, f"{what} was let in")
        device = member("rootfs/disk", tarfile.BLKTYPE, devmajor=8, devminor=0, mode=0o666)
        error, fingerprint = import_of(test, packed(device))
        test.equal(error, "")
        name = test.name("nodes")
        test.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "fingerprint": fingerprint}})
        # It is there, as in the archive, where the container's own device rules decide about it; on the host nobody
        # but root can reach it.
        pools = test.daemon.folder / "storage-pools"
        test.equal(os.stat(pools).st_mode & 0o077 & 0o066, 0, "nobody else looks into the pools")
        test.api.ask("DELETE", f"/1.0/instances/{name}")


@scenario(long=True)
def a_million_empty_files_are_imported_in_bounded_memory(test):
    test.start()
    path = test.folder / "million.tar.gz"
    with open(path, "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as stream:
        stream.write(packed(mode="w")[: 512 * 3])
        for number in range(1_000_000):
            stream.write(member(f"rootfs/{number // 1000}/{number}").tobuf(tarfile.GNU_FORMAT))
        stream.write(bytes(1024))
    test.daemon.clear_peak()
    with Bystander(test), test.within(120, "the import"), open(path, "rb") as body:
        length = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        test.api.wait(test.api.raw("POST", "/1.0/images", body, length).json["operation"])
    peak = test.daemon.resident("VmHWM")
    test.true(peak < 150, f"the daemon's peak was {peak:.0f} MiB")
