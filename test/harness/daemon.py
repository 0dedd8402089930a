"""A daemon under test, ours or the real LXD, with an LXD_DIR of its own. Only inside a private host."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness.rest import Api, Refused

ROOT = Path(__file__).resolve().parents[2]
REAL_DAEMON = Path("/usr/bin/lxd")
STOCK_CLIENT = Path("/usr/bin/lxc")
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
OUR_DAEMON = BUILD / "daemon/lxd"
OUR_CLIENT = BUILD / "client/lxc"
BRIDGE = "lvbr0"
# How many times longer than usual things may take, on an emulated machine for one.
SLOWNESS = float(os.environ.get("SLOWNESS", "1"))


def have_real():
    return REAL_DAEMON.exists() and STOCK_CLIENT.exists()


class Daemon:
    def __init__(self, name, binary, folder, client=None):
        self.name = name
        self.binary = Path(binary)
        self.folder = Path(folder)
        self.client = Path(client) if client else None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "unix.socket"
        self.log = self.folder.parent / f"{self.folder.name}.log"
        self.process = None
        self.wrapped_pid = None
        self.api = Api(self.socket, timeout=60 * SLOWNESS)

    @property
    def environment(self):
        kept = ("PATH", "TERM", "LD_LIBRARY_PATH", "LVM_SYSTEM_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "RUST_BACKTRACE")
        base = {name: os.environ[name] for name in kept if name in os.environ}
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        return base | {
            "LXD_DIR": str(self.folder),
            "LXD_CONF": str(self.folder.parent / f"{self.folder.name}.conf"),
            "HOME": str(home),
            "LANG": "C.UTF-8",
        }

    @property
    def pid(self):
        return self.wrapped_pid or self.process.pid

    def start(self, wait=True, wrapper=()):
        command = [*wrapper, self.binary, "--group", "root", "--logfile", self.log]
        with open(f"{self.log}.out", "ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.wrapped_pid = None
        if wait:
            self.wait_ready()
            if wrapper:
                self.wrapped_pid = self.api.get("/1.0")["environment"]["server_pid"]
        return self

    def wait_ready(self, timeout=60):
        done = subprocess.run(
            [str(self.binary), "waitready", f"--timeout={timeout}"], env=self.environment, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} is not ready: {done.stderr.decode()}\n{self.log_tail()}")

    def first_answer(self, timeout=60):
        """Seconds from now to the first answer on the socket. For a daemon started with wait=False."""
        start = time.perf_counter()
        while time.perf_counter() - start < timeout:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(timeout)
                sock.connect(str(self.socket))
                sock.sendall(b"GET /1.0 HTTP/1.1\r\nHost: lxd\r\nConnection: close\r\n\r\n")
                if sock.recv(12) == b"HTTP/1.1 200":
                    return time.perf_counter() - start
            time.sleep(0.0005)
        raise TimeoutError(f"{self.name} gave no answer in {timeout} s\n{self.log_tail()}")

    def terminate(self):
        """SIGTERM: containers stay."""
        self._end(signal.SIGTERM)

    def shutdown(self):
        """As the host does it: containers are stopped, the daemon ends."""
        command = [str(self.binary), "shutdown", "--timeout=60"]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)
        self.process.wait(30)
        self.process = None

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process and self.process.poll() is None:
            os.kill(self.pid, number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process = None

    def log_tail(self, lines=15):
        text = ""
        for path in (self.log, Path(f"{self.log}.out")):
            with contextlib.suppress(OSError):
                text += path.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def lxc(self, *arguments, stdin=None, timeout=120, client=None, check=False):
        """Runs the client; stdin is bytes or nothing. With check a failure raises."""
        done = subprocess.run(
            [str(client or self.client), *map(str, arguments)],
            env=self.environment,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=timeout * SLOWNESS,
            check=False,
        )
        if check and done.returncode != 0:
            shown = " ".join(map(str, arguments))
            raise RuntimeError(f"{self.name}: lxc {shown}: {done.returncode}: {done.stderr.decode()}{done.stdout.decode()}")
        return done

    def resident(self, field="VmRSS"):
        """MiB; VmHWM is the peak since clear_peak()."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        raise LookupError(field)

    def kept_runners(self):
        """Pids of its children that start runners by forking; those are named after what they do."""
        children = Path(f"/proc/{self.pid}/task").glob("*/children")
        pids = [int(pid) for file in children for pid in file.read_text().split()]
        return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "lxd-runner"]

    def clear_peak(self):
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def set_up(self, image, bridge=True):
        """A dir pool, the default profile's root disk and, where asked, a nic on the test bridge; the image as
        `busybox`."""
        self.lxc("storage", "create", "default", "dir", check=True)
        self.lxc("profile", "device", "add", "default", "root", "disk", "pool=default", "path=/", check=True)
        if bridge:
            self.lxc(
                *("profile", "device", "add", "default", "eth0", "nic", "nictype=bridged", f"parent={BRIDGE}", "name=eth0"),
                check=True,
            )
        if image:
            self.lxc("image", "import", image, "--alias", "busybox", check=True)
        return self

    def delete_instances(self):
        """All instances; by the API."""
        names = [url.rsplit("/", 1)[-1] for url in self.api.get("/1.0/instances")]
        for name in names:
            self.stop_for_certain(name)
            self.api.ask("DELETE", f"/1.0/instances/{name}")

    def delete_storage(self):
        """All custom volumes, and every pool but `default`; by the API. Nothing may use them any more."""
        for pool in self.api.get("/1.0/storage-pools"):
            for volume in self.api.get(f"{pool}/volumes/custom"):
                if "/snapshots/" not in volume:
                    self.api.ask("DELETE", volume)
            if not pool.endswith("/default"):
                self.api.ask("DELETE", pool)

    def stop_for_certain(self, name, timeout=20):
        """Also one that is being started, by the daemon itself perhaps: nothing tells when that is over."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True, "timeout": 10})
            except Refused as refusal:
                if "busy running" not in refusal.text or time.monotonic() > deadline:
                    return None  # stopped already, or the test will hear why not
            time.sleep(0.02)


def ours(folder, name="ours"):
    return Daemon(name, OUR_DAEMON, folder, STOCK_CLIENT if STOCK_CLIENT.exists() else OUR_CLIENT)


def real(folder, name="real"):
    return Daemon(name, REAL_DAEMON, folder, STOCK_CLIENT)
