"""SIGKILL of the daemon at random moments while several users work: what was acknowledged is there, nothing else is.

Each worker keeps to names of its own and writes down what the daemon acknowledged. The request that the kill cut off may
have happened or not; everything else must be exactly as written down. CRASH_SEED=N repeats the choices of a run, which it
prints; the moment at which a kill meets a request is the machine's."""

import hashlib
import http.client
import io
import os
import random
import tarfile
import threading
import time
from pathlib import Path

from harness import leaks
from harness.rest import Refused
from system.kill import init_pid
from system.live_keys import CPUS, MEMORY, PROCESSES, QUOTA, cgroup_file, expected_quota, last_word
from system.scenario import scenario

WORKERS = 4
DISK = {"type": "disk", "source": "/etc", "path": "/data"}
THROTTLE = cgroup_file("blkio", "blkio.throttle.read_bps_device", "io.max")
LOST = (OSError, ValueError, http.client.HTTPException)


def limits_with(memory):
    """Several limits that are changed at once; all of them follow from the first."""
    number = int(memory.removesuffix("MiB"))
    return {
        "limits.memory": memory,
        "limits.processes": str(number),
        "limits.cpu.allowance": f"{number}ms/{100 if number % 2 else 200}ms",
        "limits.cpu": "0-0",
    }


def small_image(mark):
    """A unified image that differs from every other one by `mark`: its bytes and its fingerprint."""
    rootfs = {f"rootfs/etc/file-{number}": f"{mark} {number}\n".encode() for number in range(40)}
    metadata = f"architecture: x86_64\ncreation_date: 1\nproperties:\n  description: {mark}\n".encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in {"metadata.yaml": metadata, **rootfs}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest()


class Worker:
    """One user. `instances` is name -> "stopped" or the pid of its init, `memory` is name -> limit; `doubt` names what a lost request may have
    changed. Only its own thread writes these, and the checks between two rounds."""

    def __init__(self, test, number, rng):
        self.test = test
        self.api = test.api
        self.prefix = test.name(f"w{number}")
        self.rng = rng
        self.count = 0
        self.instances = {}
        self.memory = {}
        self.images = {}
        self.profile = ""
        self.doubt = {}
        self.cut_off = {}
        self.problem = ""

    def fresh_name(self):
        self.count += 1
        return f"{self.prefix}-{self.count}"

    def run(self, stop):
        while not stop.is_set():
            try:
                self.one_request()
                self.doubt = {}
            except Refused as refusal:
                self.problem = f"{self.prefix}: {self.doubt}: {refusal}"
                return
            except LOST:
                return  # the daemon died under it; `doubt` says what is unknown

    def one_request(self):
        stopped = [name for name, what in self.instances.items() if what == "stopped"]
        running = [name for name, what in self.instances.items() if what != "stopped"]
        choices = [self.edit_profile, self.import_image]
        if len(self.instances) < 4:
            choices += [self.create] * 3
        if stopped:
            choices += [self.start, self.start, self.rename, self.delete]
            if len(self.instances) < 4:
                choices += [self.copy] * 2
        if running:
            choices += [self.stop, self.edit_instance]
        if self.images:
            choices += [self.export_image, self.delete_image]
        action = self.rng.choice(choices)
        if action in (self.start, self.rename, self.delete, self.copy):
            action(self.rng.choice(stopped))
        elif action in (self.stop, self.edit_instance):
            action(self.rng.choice(running))
        else:
            action()

    def create(self):
        name = self.fresh_name()
        self.doubt = {"instances": [name]}
        nic = {"type": "nic", "nictype": "p2p", "name": "net0", "limits.max": "10Mbit"}
        source = {"type": "image", "alias": "busybox"}
        self.api.ask("POST", "/1.0/instances", {"name": name, "source": source, "devices": {"data": DISK, "net": nic}})
        self.instances[name] = "stopped"

    def copy(self, source):
        name = self.fresh_name()
        self.doubt = {"instances": [name]}
        self.api.ask("POST", "/1.0/instances", {"name": name, "source": {"type": "copy", "source": source}})
        self.instances[name] = "stopped"
        if source in self.memory:
            self.memory[name] = self.memory[source]

    def start(self, name):
        self.doubt = {"instances": [name], "action": "start"}
        self.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
        self.instances[name] = init_pid(name)

    def stop(self, name):
        self.doubt = {"instances": [name], "action": "stop"}
        self.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
        self.instances[name] = "stopped"

    def edit_instance(self, name):
        limit = f"{self.rng.randint(20, 90)}MiB"
        self.doubt = {"memory": {name: limit}}
        node = {"type": "unix-char", "path": f"/dev/node-{limit}", "major": "1", "minor": "5"}
        devices = {"data": DISK | {"limits.read": limit}, "node": node}
        self.api.ask("PATCH", f"/1.0/instances/{name}", {"config": limits_with(limit), "devices": devices})
        self.memory[name] = limit

    def rename(self, name):
        new = self.fresh_name()
        self.doubt = {"instances": [name, new]}
        self.api.ask("POST", f"/1.0/instances/{name}", {"name": new})
        self.instances[new] = self.instances.pop(name)
        if name in self.memory:
            self.memory[new] = self.memory.pop(name)

    def delete(self, name):
        self.doubt = {"instances": [name]}
        self.api.ask("DELETE", f"/1.0/instances/{name}")
        del self.instances[name]
        self.memory.pop(name, None)

    def edit_profile(self):
        text = str(self.rng.random())
        self.doubt = {"profile": text}
        self.api.ask("PUT", f"/1.0/profiles/{self.prefix}", {"config": {"user.text": text}, "devices": {}})
        self.profile = text

    def import_image(self):
        data, fingerprint = small_image(self.fresh_name())
        self.doubt = {"images": [fingerprint]}
        self.api.ask("POST", "/1.0/images", data, {"Content-Type": "application/octet-stream"})
        self.images[fingerprint] = data

    def delete_image(self):
        fingerprint = self.rng.choice(sorted(self.images))
        self.doubt = {"images": [fingerprint]}
        self.api.ask("DELETE", f"/1.0/images/{fingerprint}")
        del self.images[fingerprint]

    def export_image(self):
        fingerprint = self.rng.choice(sorted(self.images))
        self.doubt = {}
        answer = self.api.raw("GET", f"/1.0/images/{fingerprint}/export")
        if answer.body != self.images[fingerprint]:
            self.problem = f"{fingerprint} came out otherwise than it went in"


class Check:
    """What must be true after a kill and a new start."""

    def __init__(self, test, workers):
        self.test = test
        self.workers = workers
        self.pool = next((test.daemon.folder / "storage-pools").iterdir())
        self.mounts = leaks.mounts()
        self.interfaces = leaks.interfaces()

    def settle(self):
        """What is in doubt is looked up and made certain: a container whose start was cut off is stopped, be it up,
        coming up or down."""
        present = {entry["name"]: entry for entry in self.test.api.get("/1.0/instances?recursion=1")}
        images = {entry["fingerprint"] for entry in self.test.api.get("/1.0/images?recursion=1")}
        for worker in self.workers:
            names = worker.doubt.get("instances", [])
            if len(names) == 2:
                self.test.equal(sum(name in present for name in names), 1, f"a rename that was cut off: {names}")
            for name in names:
                worker.instances.pop(name, None)
                worker.memory.pop(name, None)
                if name in present:
                    self.stop_for_certain(name)
                    worker.instances[name] = "stopped"
                    worker.memory[name] = present[name]["config"].get("limits.memory")
            for name, limit in worker.doubt.get("memory", {}).items():
                now = present[name]["config"].get("limits.memory")
                self.test.true(now in (worker.memory.get(name), limit), f"the limit of {name}: {now}")
                worker.memory[name] = now
            for fingerprint in worker.doubt.get("images", []):
                worker.images.pop(fingerprint, None)
                if fingerprint in images:
                    worker.images[fingerprint] = self.test.api.raw("GET", f"/1.0/images/{fingerprint}/export").body
                    self.test.equal(hashlib.sha256(worker.images[fingerprint]).hexdigest(), fingerprint)
            if "profile" in worker.doubt:
                now = self.test.api.get(f"/1.0/profiles/{worker.prefix}")["config"]["user.text"]
                self.test.true(now in (worker.profile, worker.doubt["profile"]), f"profile {worker.prefix}: {now}")
                worker.profile = now
            worker.cut_off, worker.doubt = worker.doubt, {}

    def stop_for_certain(self, name):
        def stopped():
            try:
                self.test.api.ask("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
            except Refused as refusal:
                if "already stopped" not in refusal.text:
                    return False
            # What is remembered as running will be started, by the daemon that has just begun.
            config = self.test.api.get(f"/1.0/instances/{name}")["config"]
            return config.get("volatile.last_state.power") != "RUNNING"

        self.test.until(stopped, f"{name} is stopped")

    def all(self):
        test, api = self.test, self.test.api
        instances = {entry["name"]: entry for entry in api.get("/1.0/instances?recursion=2")}
        wanted = {name: what for worker in self.workers for name, what in worker.instances.items()}
        test.equal(sorted(instances), sorted(wanted), "instances")
        for name, what in wanted.items():
            if what == "stopped":
                test.equal(instances[name]["status"], "Stopped", name)
            else:
                test.equal(instances[name]["state"]["pid"], what, f"{name} ran when the daemon died")
                test.true(Path(f"/proc/{what}").exists(), f"{name} runs")
            test.equal(self.files(name), self.reference, f"files of {name}")
        limits = {name: limit for worker in self.workers for name, limit in worker.memory.items()}
        test.equal({name: instances[name]["config"].get("limits.memory") for name in limits}, limits, "limits of memory")
        for name, limit in limits.items():
            if limit:
                self.limits_agree(name, limit, wanted[name] != "stopped")
            if limit and wanted[name] != "stopped":
                test.equal(test.exec(name, "sh", "-c", "echo /dev/node-*"), f"/dev/node-{limit}\n", f"the node in {name}")
                throttle = test.exec(name, *THROTTLE)
                size = str(int(limit.removesuffix("MiB")) << 20)
                test.true(throttle.count("\n") == 1 and size in throttle, f"the disk of {name}: {throttle!r}")
        images = {entry["fingerprint"] for entry in api.get("/1.0/images?recursion=1")}
        kept = {fingerprint for worker in self.workers for fingerprint in worker.images}
        test.equal(images - {self.busybox}, kept, "images")
        for worker in self.workers:
            test.equal(api.get(f"/1.0/profiles/{worker.prefix}")["config"]["user.text"], worker.profile, worker.prefix)
        self.nothing_unowned(wanted, images)

    def limits_agree(self, name, memory, runs):
        """The configuration and the control groups, of every limit that was changed together with that of memory."""
        test, limits = self.test, limits_with(memory)
        config = test.api.get(f"/1.0/instances/{name}")["config"]
        test.equal({key: config.get(key) for key in limits}, limits, f"the limits of {name}")
        if not runs:
            return
        number = int(memory.removesuffix("MiB"))
        quota = {text.replace("100000", "100000" if number % 2 else "200000") for text in expected_quota(number)}
        test.equal(test.exec(name, *MEMORY), f"{number << 20}\n", f"the memory of {name}")
        test.equal(test.exec(name, *PROCESSES), f"{number}\n", f"the processes of {name}")
        test.true(test.exec(name, *QUOTA) in quota, f"the CPU quota of {name}: {test.exec(name, *QUOTA)}")
        test.equal(last_word(test.exec(name, *CPUS)), "0", f"the CPUs of {name}")

    def files(self, name):
        rootfs = self.pool / "containers" / name / "rootfs"
        return sum(len(files) + len(folders) for _, folders, files in os.walk(rootfs / "bin"))

    def interfaces_of(self, names):
        """The host's ends of running containers' nics, and what shapes what they send where the kernel has no police."""
        entries = self.test.api.get("/1.0/instances?recursion=1")
        ends = {entry["config"].get("volatile.net.host_name", "") for entry in entries if entry["name"] in names}
        return ends | {f"ifb{hashlib.sha256(end.encode()).hexdigest()[:10]}" for end in ends}

    def nothing_unowned(self, wanted, images):
        folder = self.test.daemon.folder

        def strangers():
            found = [path for path in (self.pool / "containers").iterdir() if path.name not in wanted]
            for kind in ("devices", "containers", "security/seccomp"):
                if (folder / kind).exists():
                    found += [path for path in (folder / kind).iterdir() if path.name not in wanted]
            found += [path for path in (folder / "images").iterdir() if path.name.split(".")[0] not in images]
            found += [path for path in (self.pool / "images").iterdir() if path.name.split(".")[0] not in images]
            running = {name for name, what in wanted.items() if what != "stopped"}
            of_running = tuple(f"{folder}/devices/{name}/" for name in running)
            found += sorted(leaks.interfaces() - self.interfaces - self.interfaces_of(running))
            found += [point for point in leaks.mounts() - self.mounts if not point.startswith(of_running)]
            token = self.test.name("")
            for cgroup in leaks.container_cgroups(token):
                if not any(cgroup.name.split(".", 2)[2].startswith(name) for name in running):
                    found.append(cgroup)
            kept = self.test.daemon.kept_runners()
            found += [line for pid, line in leaks.processes().items() if "lxd-runner" in line.split(" ")[0] and pid not in kept]
            return found

        try:
            self.test.until(lambda: not strangers(), "nothing that no instance or image owns", timeout=10)
        except AssertionError as error:
            raise AssertionError(f"{error}: {[str(path) for path in strangers()][:6]}") from None


def kill_at_random_moments(test, moments):
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"CRASH_SEED={seed}", flush=True)
    rng = random.Random(seed)
    test.start()
    workers = [Worker(test, number, random.Random(rng.random())) for number in range(WORKERS)]
    for worker in workers:
        test.api.ask("POST", "/1.0/profiles", {"name": worker.prefix, "config": {"user.text": ""}})
    check = Check(test, workers)
    check.busybox = test.api.get("/1.0/images/aliases/busybox")["target"]
    workers[0].create()
    check.reference = check.files(next(iter(workers[0].instances)))
    workers[0].doubt = {}

    for moment in range(moments):
        stop = threading.Event()
        threads = [threading.Thread(target=worker.run, args=(stop,)) for worker in workers]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.01, 0.5))  # the moment is what the test is about
        test.daemon.kill()
        stop.set()
        for thread in threads:
            thread.join()
        problems = [worker.problem for worker in workers if worker.problem]
        test.equal(problems, [], f"moment {moment}")
        test.daemon.start()
        try:
            check.settle()
            check.all()
        except AssertionError as error:
            cut_off = [worker.cut_off for worker in workers]
            raise AssertionError(f"CRASH_SEED={seed}, moment {moment}, cut off: {cut_off}: {error}") from None
    for worker in workers:
        for fingerprint in worker.images:
            test.api.ask("DELETE", f"/1.0/images/{fingerprint}")


@scenario
def ten_kills_lose_nothing_and_leave_nothing(test):
    kill_at_random_moments(test, 10)


@scenario(long=True)
def two_hundred_kills_lose_nothing_and_leave_nothing(test):
    kill_at_random_moments(test, int(os.environ.get("CRASH_MOMENTS", "200")))
