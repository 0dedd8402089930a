"""Proxy devices: what they carry, as seen from both ends."""

import contextlib
import hashlib
import os
import random
import socket
import subprocess
import threading
from pathlib import Path

from harness import leaks
from harness.daemon import BRIDGE
from harness.network import GATEWAY
from system.nics import enter, in_network_of, pid_of
from system.scenario import scenario

MIB = 1 << 20


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def add(test, name, device, *options):
    test.daemon.lxc("config", "device", "add", name, device, "proxy", *options, check=True)


def remove(test, name, device):
    test.daemon.lxc("config", "device", "remove", name, device, check=True)


def proxies():
    """Processes that carry connections: they alone hold such a file."""
    found = set()
    for pid in leaks.processes():
        with contextlib.suppress(OSError):
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                if "/proxy." in os.readlink(fd):
                    found.add(pid)
    return found


class Echo:
    """Answers on a listening socket with what it is sent, until closed. With `greet` each connection is first told
    that."""

    def __init__(self, server, greet=b""):
        self.server = server
        self.greet = greet
        self.threads = threading.Thread(target=self.accept, daemon=True)
        self.threads.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.greet)
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def inside(test, name, make):
    with in_network_of(pid_of(test, name)):
        return make()


def tcp_server(address="127.0.0.1", port=0, backlog=2048):
    return socket.create_server((address, port), backlog=backlog)


def answer_of(connection, question=b"hello"):
    connection.settimeout(10)
    connection.sendall(question)
    return connection.recv(1 << 16)


def talk(address, question=b"hello"):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(10)
        connection.connect(address)
        return answer_of(connection, question)


def send_all(connection, total, digest):
    block = random.Random(1).randbytes(MIB)
    for _ in range(total // MIB):
        digest.update(block)
        connection.sendall(block)
    connection.shutdown(socket.SHUT_WR)


def receive_all(connection, result):
    digest, size = hashlib.sha256(), 0
    buffer = bytearray(MIB)
    while count := connection.recv_into(buffer):
        digest.update(memoryview(buffer)[:count])
        size += count
    result["digest"], result["size"] = digest.hexdigest(), size


@scenario
def a_gibibyte_arrives_intact(test):
    test.start()
    name = test.launch("bulk")
    server = inside(test, name, tcp_server)
    port = free_port()
    add(test, name, "web", f"listen=tcp:127.0.0.1:{port}", f"connect=tcp:127.0.0.1:{server.getsockname()[1]}")
    client = socket.create_connection(("127.0.0.1", port))
    connection, _ = server.accept()
    result, digest = {}, hashlib.sha256()
    receiver = threading.Thread(target=receive_all, args=(connection, result))
    receiver.start()
    send_all(client, 1024 * MIB, digest)
    receiver.join()
    test.equal(result, {"digest": digest.hexdigest(), "size": 1024 * MIB})
    connection.sendall(b"done")  # the other direction is open still
    test.equal(client.recv(16), b"done")
    for sock in (client, connection, server):
        sock.close()


@scenario
def a_thousand_connections_are_served_at_once(test):
    test.start()
    name = test.launch("many")
    echo = Echo(inside(test, name, tcp_server))
    port = free_port()
    add(test, name, "web", f"listen=tcp:127.0.0.1:{port}", f"connect=tcp:127.0.0.1:{echo.server.getsockname()[1]}")
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(1000)]
    for number, client in enumerate(clients):
        client.settimeout(10)
        client.sendall(f"{number:04}".encode())
    wrong = [number for number, client in enumerate(clients) if client.recv(16) != f"{number:04}".encode()]
    test.equal(wrong, [], "wrong answers")
    test.equal(answer_of(clients[0], b"again"), b"again", "the first one once more")
    for client in clients:
        client.close()
    echo.close()


@scenario
def it_outlives_the_daemon_and_ends_with_its_device_and_its_container(test):
    test.start()
    name = test.launch("life")
    echo = Echo(inside(test, name, tcp_server))
    port = free_port()
    options = (f"listen=tcp:127.0.0.1:{port}", f"connect=tcp:127.0.0.1:{echo.server.getsockname()[1]}")
    add(test, name, "web", *options)
    with socket.create_connection(("127.0.0.1", port)) as kept:
        test.equal(answer_of(kept), b"hello")
        before = proxies()
        test.equal(len(before), 1, "processes")
        test.daemon.kill()
        test.equal(answer_of(kept), b"hello", "without the daemon")
        test.equal(talk(("127.0.0.1", port)), b"hello", "a new connection without the daemon")
        test.daemon.start()
        test.equal(proxies(), before, "after a new start of the daemon")
        test.equal(answer_of(kept), b"hello", "with a new daemon")
    remove(test, name, "web")
    test.equal(proxies(), set(), "once removed")
    test.true(not listens(port), "the port is open still")
    add(test, name, "web", *options)
    test.equal(talk(("127.0.0.1", port)), b"hello", "added again")
    echo.close()
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(len(proxies()), 1, "after a restart of the container")
    echo = Echo(inside(test, name, lambda: tcp_server(port=int(options[1].rsplit(":", 1)[1]))))
    test.equal(talk(("127.0.0.1", port)), b"hello", "after a restart of the container")
    echo.close()
    test.daemon.kill()
    os.kill(pid_of_init(name), 9)
    test.until(lambda: not proxies(), "the proxy ends with the container, without a daemon")
    test.daemon.start()


def pid_of_init(name):
    for pid, line in leaks.processes().items():
        if line.startswith("[lxc monitor]") and line.split()[-1] == name:
            return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])
    raise LookupError(name)


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@scenario
def one_that_was_killed_is_started_with_the_daemon(test):
    test.start()
    name = test.launch("killed")
    echo = Echo(inside(test, name, tcp_server))
    port = free_port()
    add(test, name, "web", f"listen=tcp:127.0.0.1:{port}", f"connect=tcp:127.0.0.1:{echo.server.getsockname()[1]}")
    test.daemon.kill()
    os.kill(proxies().pop(), 9)
    test.until(lambda: not listens(port), "the port is closed")
    test.daemon.start()
    test.equal(talk(("127.0.0.1", port)), b"hello")
    echo.close()


@scenario
def every_kind_of_socket_is_carried(test):
    test.start()
    carry_every_kind(test, test.launch("kinds"))


def carry_every_kind(test, name):
    root = Path(f"/proc/{pid_of(test, name)}/root")
    udp_port, tcp_port = free_port(socket.SOCK_DGRAM), free_port()
    host_socket, abstract = str(test.folder / "host.sock"), f"@{name}"

    # unix on the host -> unix inside, with an owner
    echo = Echo(unix_server_inside(pid_of(test, name), "/tmp/inside.sock"), greet=b"unix:")
    owner = ("uid=1234", "gid=1235", "mode=0640", "security.uid=1000", "security.gid=1000")
    add(test, name, "unix", f"listen=unix:{host_socket}", "connect=unix:/tmp/inside.sock", *owner)
    status = os.stat(host_socket)
    test.equal((status.st_uid, status.st_gid, status.st_mode & 0o777), (1234, 1235, 0o640))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host_socket)
        test.equal(client.recv(5), b"unix:")
        read_end, write_end = os.pipe()
        socket.send_fds(client, [b"fd"], [write_end])
        test.equal(client.recv(2), b"fd", "a message with a descriptor")
        for fd in (read_end, write_end):
            os.close(fd)
    remove(test, name, "unix")
    test.true(not os.path.exists(host_socket), "the socket is left")
    echo.close()

    # tcp on the host -> unix inside; abstract on the host -> tcp inside
    echo = Echo(inside(test, name, tcp_server))
    inside_port = echo.server.getsockname()[1]
    add(test, name, "abstract", f"listen=unix:{abstract}", f"connect=tcp:127.0.0.1:{inside_port}")
    test.equal(talk("\0" + abstract[1:]), b"hello", "abstract to tcp")
    # ports of a range, each to its own
    first = random.randrange(20000, 30000, 10)
    add(test, name, "range", f"listen=tcp:127.0.0.1:{first}-{first + 1}", f"connect=tcp:127.0.0.1:{inside_port}-{inside_port + 1}")
    second = Echo(inside(test, name, lambda: tcp_server(port=inside_port + 1)), greet=b"second:")
    test.equal(talk(("127.0.0.1", first)), b"hello", "first port")
    with socket.create_connection(("127.0.0.1", first + 1)) as client:
        test.equal(client.recv(7), b"second:", "second port")
    for ended in (echo, second):
        ended.close()

    # udp, two clients at once
    server = inside(test, name, lambda: bound_udp(udp_port))
    add(test, name, "udp", f"listen=udp:127.0.0.1:{udp_port}", f"connect=udp:127.0.0.1:{udp_port}")
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for number, client in enumerate(clients):
        client.settimeout(10)
        client.sendto(b"%d" % number, ("127.0.0.1", udp_port))
        data, source = server.recvfrom(64)
        server.sendto(b"re:" + data, source)
        test.equal(client.recv(64), b"re:%d" % number, "datagram")

    # bind=instance: listens inside, connects on the host
    host = Echo(tcp_server(port=tcp_port), greet=b"host:")
    add(test, name, "back", "bind=instance", "listen=tcp:127.0.0.1:8080", f"connect=tcp:127.0.0.1:{tcp_port}")
    test.equal(inside(test, name, lambda: socket.create_connection(("127.0.0.1", 8080), 10)).recv(5), b"host:")
    add(test, name, "backunix", "bind=instance", "listen=unix:/tmp/back.sock", f"connect=tcp:127.0.0.1:{tcp_port}", "uid=33", "mode=600")
    test.equal(test.exec(name, "stat", "-c", "%u %a", "/tmp/back.sock"), "33 600\n")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(root / "tmp/back.sock"))
        test.equal(client.recv(5), b"host:")
    remove(test, name, "backunix")
    test.true(not (root / "tmp/back.sock").exists(), "the socket inside is left")
    host.close()
    for device in ("abstract", "range", "udp", "back"):
        remove(test, name, device)


def unix_server_inside(pid, path):
    """Made by a process in there: the container's root is not the host's to write."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        spaces = [open(f"/proc/{pid}/ns/{kind}", "rb") for kind in ("user", "mnt")]
        for space in spaces:
            enter(space, 0)
        os.setgid(0)
        os.setuid(0)
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        os.chmod(path, 0o666)
        server.listen()
        socket.send_fds(theirs, [b"x"], [server.fileno()])
        os._exit(0)
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(child, 0)
    for sock in (ours, theirs):
        sock.close()
    return socket.socket(fileno=fds[0])


def bound_udp(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.settimeout(10)
    return sock


@scenario
def the_target_is_told_who_connects(test):
    test.start()
    tell_who_connects(test, test.launch("told"))


def tell_who_connects(test, name):
    server = inside(test, name, tcp_server)
    port = free_port()
    add(test, name, "told", f"listen=tcp:127.0.0.1:{port}", f"connect=tcp:127.0.0.1:{server.getsockname()[1]}", "proxy_protocol=true")
    with socket.create_connection(("127.0.0.1", port)) as client:
        own = client.getsockname()[1]
        client.sendall(b"x")
        connection, _ = server.accept()
        connection.settimeout(10)
        text = b""
        while not text.endswith(b"x"):
            text += connection.recv(256)
        test.equal(text, f"PROXY TCP4 127.0.0.1 127.0.0.1 {own} {port}\r\nx".encode())
        connection.close()
    server.close()


@scenario
def nat_forwards_by_rules_alone(test):
    test.start()
    forward_by_rules(test, test.launch("nat"))


def forward_by_rules(test, name):
    address = "10.77.222.7"
    static = (f"parent={BRIDGE}", "name=static", "security.ipv4_filtering=true", f"ipv4.address={address}")
    test.daemon.lxc("config", "device", "add", name, "static", "nic", "nictype=bridged", *static, check=True)
    test.exec(name, "sh", "-c", f"ip link set static up; ip address add {address}/16 dev static; ip route add 192.0.2.0/24 via {GATEWAY} dev static")
    server = Echo(inside(test, name, lambda: tcp_server(address="0.0.0.0")))
    inside_port = server.server.getsockname()[1]
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    before = proxies()
    listen = ["listen=tcp:192.0.2.1:8000-8001", "nat=true"]
    add(test, name, "web", *listen, f"connect=tcp:0.0.0.0:{inside_port}")
    test.equal(proxies(), before, "processes")
    for port in (8000, 8001):
        test.equal(talk(("192.0.2.1", port)), b"hello", f"port {port}")
    remove(test, name, "web")
    rules = subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    test.true("192.0.2.1" not in rules, f"rules are left: {rules}")
    refused = test.daemon.lxc("config", "device", "add", name, "web", "proxy", *listen, "connect=tcp:10.77.250.250:80")
    test.true(b'Connect IP "10.77.250.250" must be one of the instance\'s static IPv4 addresses' in refused.stderr, f"{refused.stderr!r}")
    server.close()
    test.daemon.lxc("config", "device", "remove", name, "static", check=True)
    subprocess.run(["ip", "address", "del", "192.0.2.1/32", "dev", "lo"], check=True)


@scenario
def a_port_that_is_taken_is_an_error_and_changes_nothing(test):
    test.start()
    name = test.launch("taken")
    with tcp_server() as taken:
        port = taken.getsockname()[1]
        options = (f"listen=tcp:127.0.0.1:{port}", "connect=tcp:127.0.0.1:80")
        refused = test.daemon.lxc("config", "device", "add", name, "web", "proxy", *options)
        test.true(b"bind: address already in use" in refused.stderr and refused.returncode != 0, f"{refused.stderr!r}")
        test.equal(test.api.get(f"/1.0/instances/{name}")["devices"], {})
        test.daemon.lxc("stop", "--force", name, check=True)
        test.daemon.lxc("config", "device", "add", name, "web", "proxy", *options, check=True)
        refused = test.daemon.lxc("start", name)
        test.true(refused.returncode != 0, "a start without its proxy succeeded")
        test.equal(test.api.get(f"/1.0/instances/{name}")["status"], "Stopped")
    test.equal(proxies(), set())
    test.daemon.lxc("start", name, check=True)
    test.equal(len(proxies()), 1)
