"""Requests a second of a daemon over many kept-alive connections: the built http_load where there is one, a plain loop
in a process of its own otherwise (slower than a fast daemon, so that its figure is a lower bound)."""

import multiprocessing
import selectors
import subprocess
import time

from harness.daemon import BUILD
from harness.rest import unix_socket

PROGRAM = BUILD / "test/bench/http_load"


def rate(socket_path, target, connections, seconds):
    if PROGRAM.exists():
        command = [PROGRAM, "--socket", socket_path, "--path", target, "--connections", str(connections), "--seconds", str(seconds)]
        return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[0])
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_plain_rate, (str(socket_path), target, connections, seconds))


def _plain_rate(socket_path, target, connections, seconds):
    request = f"GET {target} HTTP/1.1\r\nHost: lxd\r\n\r\n".encode()
    length = _answer_length(socket_path, request)
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        sock = unix_socket(socket_path)
        selector.register(sock, selectors.EVENT_READ, [0])
        sock.sendall(request)
    answered = 0
    start = time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        for key, _ in selector.select(1):
            key.data[0] += len(key.fileobj.recv(65536))
            if key.data[0] >= length:
                key.data[0] -= length
                answered += 1
                key.fileobj.sendall(request)
    return answered / (now - start)


def _answer_length(socket_path, request):
    """Of head and body; the same for each answer."""
    with unix_socket(socket_path) as sock:
        sock.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(65536)
        head, _, _ = data.partition(b"\r\n\r\n")
        body = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        return len(head) + 4 + body
