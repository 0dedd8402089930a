"""LXD's REST API over its unix socket, with nothing but the standard library: requests and websockets, as raw as a
test wants them."""

import base64
import http.client
import json
import os
import socket
import struct


class Refused(Exception):
    """An error answer: status (HTTP) and text."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("lxd", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = unix_socket(self.path, self.timeout)


def unix_socket(path, timeout=60):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect(str(path))
    return sock


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def metadata(self):
        return self.json["metadata"]

    @property
    def error(self):
        return self.json.get("error", "")


class Api:
    def __init__(self, path, timeout=60):
        self.path = str(path)
        self.timeout = timeout

    def raw(self, method, target, body=None, headers=None):
        """Any answer, errors too. A body that is not bytes, a file or an iterable is sent as JSON."""
        if body is not None and not isinstance(body, (bytes, str)) and not hasattr(body, "read"):
            body = json.dumps(body)
        connection = UnixConnection(self.path, self.timeout)
        try:
            connection.request(method, target, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def ask(self, method, target, body=None, headers=None):
        """The metadata of a synchronous answer, the finished operation of an asynchronous one; Refused on an error."""
        answer = self.raw(method, target, body, headers)
        envelope = answer.json
        if envelope["type"] == "error":
            raise Refused(answer.status, envelope["error"])
        if envelope["type"] == "async":
            return self.wait(envelope["operation"])
        return envelope["metadata"]

    def get(self, target):
        return self.ask("GET", target)

    def wait(self, operation, timeout=None):
        query = "" if timeout is None else f"?timeout={timeout}"
        finished = self.ask("GET", f"{operation}/wait{query}")
        if finished["status_code"] >= 400:
            raise Refused(finished["status_code"], finished["err"])
        return finished

    def websocket(self, target):
        return WebSocket(unix_socket(self.path, self.timeout), target)


class WebSocket:
    """A client's end. receive() gives (kind, bytes): "text", "binary" or "close"; pings are answered."""

    KINDS = {1: "text", 2: "binary", 8: "close"}

    def __init__(self, sock, target):
        self.sock = sock
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            f"GET {target} HTTP/1.1\r\nHost: lxd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.file = sock.makefile("rb")
        status = self.file.readline()
        if not status:
            raise ConnectionResetError("closed without an answer")
        while self.file.readline() not in (b"\r\n", b""):
            pass
        if b" 101 " not in status:
            raise Refused(int(status.split()[1]), status.decode())

    def send(self, kind, data):
        self._frame({"text": 1, "binary": 2, "close": 8, "pong": 10}[kind], data)

    def _frame(self, opcode, data):
        mask = os.urandom(4)
        length = len(data)
        head = bytes([0x80 | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", length)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", length)
        stretched = (mask * (length // 4 + 1))[:length]
        masked = int.from_bytes(data, "big") ^ int.from_bytes(stretched, "big")
        self.sock.sendall(head + mask + masked.to_bytes(length, "big"))

    def receive(self):
        data, kind = b"", None
        while True:
            head = self.file.read(2)
            if len(head) < 2:
                return "lost", b""
            length = head[1] & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self.file.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.file.read(8))
            payload = self.file.read(length)
            opcode = head[0] & 0x0F
            if opcode == 9:
                self.send("pong", payload)
            elif opcode != 10:
                kind = self.KINDS.get(opcode, kind)
                data += payload
                if head[0] & 0x80:
                    return kind, data

    def close(self):
        try:
            self.send("close", struct.pack(">H", 1000))
        except OSError:
            pass
        self.drop()

    def drop(self):
        """Gone without a close frame."""
        self.file.close()
        self.sock.close()
