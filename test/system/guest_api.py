"""The guest API, /dev/lxd/sock, as programs inside containers see it."""

import concurrent.futures
import contextlib
import http.client
import json
import re
import socket

from harness import daemon as daemons
from harness import image, inside
from harness.rest import Answer, UnixConnection, WebSocket
from system.events import Listener
from system.scenario import Skip, scenario

SOCKET = "/dev/lxd/sock"


class Guest:
    """Programs of one container: each request is a process of its own in there, and its connection."""

    def __init__(self, daemon, name):
        self.daemon = daemon
        self.name = name
        self.init = daemon.api.get(f"/1.0/instances/{name}/state")["pid"]

    def connected(self, uid=0):
        return inside.connected(self.init, SOCKET, uid)

    def ask(self, method, target, body=None, headers=None, uid=0):
        with self.connected(uid) as sock:
            return ask_on(sock, method, target, body, headers)

    def text(self, target):
        return self.ask("GET", target).body.decode()

    def bytes(self, request, uid=0):
        """The answer as it came."""
        with self.connected(uid) as sock:
            sock.sendall(request)
            with contextlib.suppress(TimeoutError):
                return whole_answer(sock, not request.startswith(b"HEAD"))
        return b""


def ask_on(sock, method, target, body=None, headers=None):
    connection = http.client.HTTPConnection("lxd")
    connection.sock = sock
    connection.request(method, target, body, headers or {})
    return Answer(connection.getresponse())


def whole_answer(sock, has_body=True):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    while has_body and length and len(body) < int(length[1]) and (piece := sock.recv(65536)):
        body += piece
    return head + b"\r\n\r\n" + body


@scenario
def its_answers_are_lxds_byte_by_byte(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start(bridge=True)
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start()
    real.set_up(image.busybox())
    targets = [
        *("/", "/1.0", "/1.0/", "/1.0/config", "/1.0/config/user.one", "/1.0/config/user.none", "/1.0/config/user%2Eone"),
        *("/1.0/config/limits.memory", "/1.0/meta-data", "/1.0/devices", "/1.0/nothing", "/2.0", "/1.0/images/abc/export"),
        *("/1.0/config/user.a%2Fb", "/1.0/config/volatile.uuid", "/1.0/config/cloud-init.vendor-data"),
    ]
    requests = [f"GET {target} HTTP/1.1\r\nHost: lxd\r\n\r\n" for target in targets]
    requests += [f"{method} /1.0/config/user.one HTTP/1.1\r\nHost: lxd\r\n\r\n" for method in ("HEAD", "POST", "DELETE", "OPTIONS", "FOO")]
    seen = {}
    for daemon in (test.daemon, real):
        name = test.name(f"same-{daemon.name}")
        daemon.lxc(
            *("launch", "busybox", name, "-c", "user.one=a<b>&c", "-c", "user.meta-data=extra: 1"),
            *("-c", "cloud-init.vendor-data=#cloud-config\n{}", "-c", "user.a/b=slash"),
            check=True,
        )
        guest = Guest(daemon, name)
        shown = {request: guest.bytes(request.encode()) for request in requests}
        shown |= {f"{request} as 1000": guest.bytes(request.encode(), 1000) for request in requests[:9:4]}
        daemon.lxc("config", "set", name, "security.devlxd.images=true", check=True)
        for image_name in ("nope", "f" * 64):
            request = f"GET /1.0/images/{image_name}/export HTTP/1.1\r\nHost: lxd\r\n\r\n"
            shown[request] = guest.bytes(request.encode())
        shown["from the host"] = host_answer(daemon)
        with guest.connected() as sock:  # was there before the file went
            daemon.lxc("config", "set", name, "security.devlxd=false", check=True)
            for number, target in enumerate(("/", "/1.0", "/1.0/meta-data", "/nothing")):
                sock.sendall(f"GET {target} HTTP/1.1\r\nHost: lxd\r\n\r\n".encode())
                shown[f"without {number} {target}"] = whole_answer(sock)
        seen[daemon.name] = {request: masked(answer, name) for request, answer in shown.items()}
    real.delete_instances()
    real.shutdown()
    for request, wanted in seen["real"].items():
        test.equal(seen["daemon"][request], wanted, request)


def host_answer(daemon):
    connection = UnixConnection(daemon.folder / "devlxd/sock", 20)
    connection.connect()
    with connection.sock as sock:
        sock.sendall(b"GET /1.0 HTTP/1.1\r\nHost: lxd\r\n\r\n")
        return whole_answer(sock)


def masked(answer, name):
    """Without what is each daemon's own: times, ids, addresses, names; the order of a list that Go leaves to chance; the
    state, which 5.0.2 has no words for; a second line end that it puts after an error about an image."""
    text = answer.decode().replace(name, "NAME")
    text = re.sub(r"Date: [^\r]*", "Date: D", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r"00:16:3e(:[0-9a-f]{2}){3}", "MAC", text)
    text = text.replace('"state":"Started"', '"state":""').replace("}\n\n", "}\n")
    if text.endswith(']\n'):
        head, _, body = text.partition("\r\n\r\n")
        text = head + str(sorted(json.loads(body)))
    return re.sub(r"Content-Length: \d+", "Content-Length: N", text)


@scenario
def the_kernel_says_who_calls(test):
    test.start()
    one, other = (Guest(test.daemon, test.launch(short)) for short in ("one", "other"))
    for guest in (one, other):
        test.true(f"local-hostname: {guest.name}\n" in guest.text("/1.0/meta-data"), "another one's data")
    refused = one.ask("GET", "/1.0", uid=1000)
    test.equal((refused.status, refused.body), (401, b"Access denied for non-root user\n"))
    with inside.connected(one.init, SOCKET, nested=True) as sock:  # as from a container in the container
        test.true(one.name.encode() in ask_on(sock, "GET", "/1.0/meta-data").body, "not known by its outer container")
    # One that was connected when the container stopped is nobody's any more, and not the next one's.
    with one.connected() as sock:
        test.equal(ask_on(sock, "GET", "/1.0").status, 200)
        test.daemon.lxc("restart", "--force", one.name, check=True)
        with contextlib.suppress(OSError):
            test.equal(ask_on(sock, "GET", "/1.0").status, 500)
    test.equal(Guest(test.daemon, one.name).ask("GET", "/1.0").status, 200)


@scenario
def privileged_containers_have_it_too_and_cannot_replace_it(test):
    test.start()
    name = test.launch("root", "-c", "security.privileged=true")
    guest = Guest(test.daemon, name)
    test.true(name in guest.text("/1.0/meta-data"), "no meta-data")
    test.equal(guest.ask("GET", "/1.0", uid=1000).status, 401)
    for command in (f"rm {SOCKET}", "touch /dev/lxd/new", f"mv {SOCKET} /dev/lxd/old"):
        test.true(test.daemon.lxc("exec", name, "--", "sh", "-c", command).returncode != 0, f"{command} worked")


def lines_of(sock, count):
    """Events of a body without an end, after its head."""
    file = sock.makefile("rb")
    while file.readline() not in (b"\r\n", b""):
        pass
    return [json.loads(file.readline()) for _ in range(count)]


@scenario
def listeners_are_told_of_their_own_changes(test):
    test.start()
    mine, other = (Guest(test.daemon, test.launch(short)) for short in ("mine", "other"))
    shared = test.folder / "shared"
    shared.mkdir()
    wanted = [
        ("config", {"key": "user.a", "old_value": "", "value": "1"}),
        ("config", {"key": "user.b", "old_value": "", "value": "<"}),
        ("config", {"key": "user.a", "old_value": "1", "value": ""}),
        ("config", {"key": "user.p", "old_value": "", "value": "1"}),
        ("device", {"action": "added", "config": {"type": "disk", "source": str(shared), "path": "/x"}, "name": "d"}),
        ("device", {"action": "removed", "config": {"type": "disk", "source": str(shared), "path": "/x"}, "name": "d"}),
        ("device", {"action": "added", "config": {"type": "disk", "source": str(shared), "path": "/y"}, "name": "d"}),
        ("device", {"action": "removed", "config": {"type": "disk", "source": str(shared), "path": "/y"}, "name": "d"}),
    ]
    with mine.connected() as lines, mine.connected() as plain, mine.connected() as devices, other.connected() as stranger:
        socket_of_mine = WebSocket(plain, "/1.0/events")
        socket_of_devices = WebSocket(devices, "/1.0/events?type=device")
        socket_of_stranger = WebSocket(stranger, "/1.0/events")
        lines.sendall(b"GET /1.0/events HTTP/1.1\r\nHost: lxd\r\n\r\n")
        test.true(lines.recv(15, socket.MSG_PEEK).startswith(b"HTTP/1.1 200 OK"), "no stream")
        test.daemon.lxc("config", "set", mine.name, "user.a=1", "user.b=<", "limits.processes=100", check=True)
        test.daemon.lxc("config", "unset", mine.name, "user.a", check=True)
        test.daemon.lxc("profile", "set", "default", "user.p=1", check=True)
        test.daemon.lxc("config", "device", "add", mine.name, "d", "disk", f"source={shared}", "path=/x", check=True)
        test.daemon.lxc("config", "device", "set", mine.name, "d", "path=/y", check=True)
        test.daemon.lxc("config", "device", "remove", mine.name, "d", check=True)
        got = [(event["type"], event["metadata"]) for event in lines_of(lines, len(wanted))]
        test.equal(got, wanted, "as lines")
        told = [json.loads(socket_of_mine.receive()[1]) for _ in wanted]
        test.equal([(event["type"], event["metadata"]) for event in told], wanted, "over a websocket")
        test.equal(sorted(told[0]), ["metadata", "timestamp", "type"])
        told = [json.loads(socket_of_devices.receive()[1]) for _ in range(4)]
        test.equal([event["metadata"] for event in told], [metadata for kind, metadata in wanted if kind == "device"])
        first = json.loads(socket_of_stranger.receive()[1])
        test.equal(first["metadata"]["key"], "user.p", "told of another's change")


def has_socket(test, name):
    return test.daemon.lxc("exec", name, "--", "test", "-S", SOCKET).returncode == 0


@scenario
def it_comes_and_goes_with_security_devlxd(test):
    test.start()
    name = test.launch("switch", "-c", "security.devlxd=false")
    for step in ("at its start", "after a restart"):
        test.true(not has_socket(test, name), f"there {step}")
        test.equal(test.exec(name, "sh", "-c", "ls -d /dev/lxd; true"), "")
        test.daemon.lxc("config", "set", name, "security.devlxd=true", check=True)
        test.true(name in Guest(test.daemon, name).text("/1.0/meta-data"), "not there when switched on")
        test.true(test.daemon.lxc("exec", name, "--", "touch", "/dev/lxd/x").returncode != 0, "it can be written to")
        with Guest(test.daemon, name).connected() as sock:
            socket_of_mine = WebSocket(sock, "/1.0/events")
            test.daemon.lxc("config", "set", name, "security.devlxd=false", "user.late=1", check=True)
            test.daemon.lxc("config", "set", name, "security.devlxd=true", "user.late=2", check=True)
            test.equal(json.loads(socket_of_mine.receive()[1])["metadata"]["value"], "2", "told while it was off")
        test.daemon.lxc("config", "set", name, "security.devlxd=false", check=True)
        test.true(not has_socket(test, name), "there when switched off")
        test.daemon.lxc("restart", "--force", name, check=True)
    test.daemon.lxc("config", "unset", name, "security.devlxd", check=True)
    test.true(has_socket(test, name), "not there when unset")


@scenario
def a_new_daemon_serves_the_same_containers(test):
    test.start()
    name = test.launch("stays")
    guest = Guest(test.daemon, name)
    for end in (test.daemon.kill, test.daemon.terminate):
        with guest.connected() as sock:
            WebSocket(sock, "/1.0/events")
            with test.within(4, "the daemon's end"):
                end()
        test.daemon.start()
        test.true(name in guest.text("/1.0/meta-data"), "not served")


@scenario
def one_containers_flood_drowns_nobody(test):
    test.start()
    bad, good = (Guest(test.daemon, test.launch(short)) for short in ("bad", "good"))
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(16))

        def hold(number):
            held = inside.connected(bad.init, SOCKET)
            sock = held.__enter__()  # pylint: disable=unnecessary-dunder-call
            with contextlib.suppress(OSError):
                if number % 2:
                    sock.sendall(b"GET /1.0/ev")
                else:
                    WebSocket(sock, "/1.0/events")
            return held, sock

        held = list(pool.map(hold, range(160)))
        for connection, _ in held:
            stack.callback(connection.__exit__, None, None, None)
        with test.within(2, "answers to others"):
            test.equal(good.ask("GET", "/1.0").status, 200)
            test.equal(test.api.raw("GET", "/1.0").status, 200)
        open_ones = sum(not is_closed(sock) for _, sock in held)
        test.equal(open_ones, 64, "open connections of one container")
    test.until(lambda: bad.ask("GET", "/1.0").status == 200, "served again when the flood is over")
    big = bad.ask("PATCH", "/1.0", b"x" * 20000)
    test.equal((big.status, bad.ask("GET", "/1.0", headers={"X": "x" * 20000}).status), (413, 431))


def is_closed(sock):
    sock.setblocking(False)
    try:
        while True:
            if not sock.recv(4096):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True


@scenario
def a_container_says_that_it_is_ready(test):
    test.start()
    name = test.launch("ready")
    guest = Guest(test.daemon, name)
    listener = Listener(test, "?type=lifecycle")

    def listed():
        return test.daemon.lxc("list", "-c", "s", "-f", "csv").stdout.decode().strip()

    def say(state):
        return guest.ask("PATCH", "/1.0", json.dumps({"state": state})).status

    test.equal(guest.ask("GET", "/1.0").json["state"], "Started")
    test.equal((say("Ready"), listed()), (200, "READY"))
    test.equal(test.state(name)["status_code"], 113)
    test.until(lambda: "instance-ready" in listener.told(), "the event")
    test.daemon.kill()
    listener.drop()
    test.daemon.start()
    test.equal((guest.ask("GET", "/1.0").json["state"], listed()), ("Ready", "READY"))
    test.daemon.lxc("pause", name, check=True)
    test.equal(listed(), "FROZEN")
    test.daemon.lxc("start", name, check=True)
    test.equal((say("Started"), listed()), (200, "RUNNING"))
    for wrong in ("Frozen", "", "ready"):
        test.equal(say(wrong), 400, wrong)
    test.equal(guest.ask("PATCH", "/1.0", "no JSON").status, 400)
    test.equal(say("Ready"), 200)
    test.daemon.lxc("restart", "--force", name, check=True)
    guest = Guest(test.daemon, name)
    test.equal((guest.ask("GET", "/1.0").json["state"], listed()), ("Started", "RUNNING"))
    with guest.connected() as sock:
        found = {ask_on(sock, "PATCH", "/1.0", json.dumps({"state": ("Ready", "Started")[turn % 2]})).status for turn in range(80)}
    test.equal(found, {200, 429}, "endless changes")


@scenario
def public_images_are_for_those_who_may(test):
    test.start()
    name = test.launch("fetch")
    guest = Guest(test.daemon, name)
    (public,) = test.api.get("/1.0/images?recursion=1")
    target = f"/1.0/images/{public['fingerprint']}/export"
    test.equal(guest.ask("GET", target).status, 403)
    test.daemon.lxc("config", "set", name, "security.devlxd.images=true", check=True)
    test.equal(guest.ask("GET", target).error, f'Image "{public["fingerprint"]}" not found')
    test.api.ask("PATCH", f"/1.0/images/{public['fingerprint']}", {"public": True})
    whole = test.api.raw("GET", target).body
    test.equal(guest.ask("GET", target).body, whole)
    part = guest.ask("GET", target, headers={"Range": "bytes=10-19"})
    test.equal((part.status, part.body), (206, whole[10:20]))


@scenario
def the_instance_id_changes_as_lxd_changes_it(test):
    test.start()
    name = test.launch("ident")
    test.api.ask("POST", "/1.0/profiles", {"name": "more"})
    test.daemon.lxc("profile", "add", name, "more", check=True)

    def identity():
        return test.api.get(f"/1.0/instances/{name}")["config"]["volatile.cloud-init.instance-id"]

    # Measured on LXD 5.0.2.
    steps = [
        (False, "config", "set", name, "user.x=1"),
        (True, "config", "set", name, "user.vendor-data=#cloud-config"),
        (True, "config", "set", name, "cloud-init.network-config={}"),
        (False, "config", "set", name, "user.meta-data=a: b"),
        (True, "config", "device", "add", name, "eth7", "nic", "nictype=p2p"),
        (True, "config", "device", "set", name, "eth7", "name=foo"),
        (False, "config", "device", "set", name, "eth7", "hwaddr=00:16:3e:11:22:33"),
        (True, "config", "device", "remove", name, "eth7"),
        (True, "profile", "set", "more", "user.user-data=#cloud-config"),
        (False, "profile", "set", "more", "user.other=1"),
        (False, "restart", "--force", name),
        (False, "stop", "--force", name),
        (True, "rename", name, f"{name}-2"),
    ]
    for changes, *command in steps:
        before = identity()
        test.daemon.lxc(*command, check=True)
        if command[0] == "rename":
            name = command[2]
        test.equal(identity() != before, changes, " ".join(command))
    test.daemon.lxc("start", name, check=True)
    test.true(f"instance-id: {identity()}\n" in Guest(test.daemon, name).text("/1.0/meta-data"), "meta-data has another id")
