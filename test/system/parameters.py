"""What a request's query and headers choose: the type of instances, ranges of downloads."""

import time
from email.utils import parsedate_to_datetime

from system.scenario import scenario


@scenario
def a_list_holds_the_asked_type_alone(test):
    test.start()
    name = test.name("typed")
    test.daemon.lxc("init", "busybox", name, check=True)
    for target, wanted in (
        ("/1.0/instances?instance-type=container", [f"/1.0/instances/{name}"]),
        ("/1.0/instances?instance-type=", [f"/1.0/instances/{name}"]),
        ("/1.0/instances?instance-type=virtual-machine", []),
        ("/1.0/instances?instance-type=virtual-machine&recursion=1", []),
        ("/1.0/containers?instance-type=virtual-machine", [f"/1.0/containers/{name}"]),
        ("/1.0/instances?all-projects=true", [f"/1.0/instances/{name}"]),
        ("/1.0/virtual-machines", []),
        ("/1.0/virtual-machines?recursion=2", []),
    ):
        test.equal(test.api.get(target), wanted, target)


@scenario
def an_architecture_has_other_names(test):
    test.start()
    name = test.name("arch")
    native = test.api.get("/1.0")["environment"]["architectures"][0]
    other = {"x86_64": "amd64", "aarch64": "arm64"}.get(native, native)
    test.api.ask("POST", "/1.0/instances", {"name": name, "architecture": other, "source": {"type": "none"}})
    test.equal(test.api.get(f"/1.0/instances/{name}")["architecture"], native)


@scenario
def an_instance_type_becomes_limits(test):
    test.start()
    name = test.name("sized")
    test.daemon.lxc("init", "busybox", name, "-t", "c0.5-m0.25", "-c", "limits.memory=1GiB", check=True)
    config = test.api.get(f"/1.0/instances/{name}")["config"]
    limits = {key: value for key, value in config.items() if key.startswith("limits.")}
    test.equal(limits, {"limits.cpu": "1", "limits.cpu.allowance": "50%", "limits.memory": "1GiB"})


# Range, status, the bytes that come, Content-Range; of "0123456789"
RANGES = [
    ("bytes=2-5", 206, b"2345", "bytes 2-5/10"),
    ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=-4", 206, b"6789", "bytes 6-9/10"),
    ("bytes=-40", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ("bytes=10-", 416, None, "bytes */10"),
    ("bytes=5-2", 416, None, "bytes */10"),
    ("bytes=-0", 416, None, "bytes */10"),
    ("bytes=x", 416, None, "bytes */10"),
    ("lines=0-1", 416, None, "bytes */10"),
    ("bytes=0-1,4-5", 200, b"0123456789", None),
]


@scenario
def a_part_of_a_download_can_be_had(test):
    test.start()
    name = test.name("parts")
    test.daemon.lxc("init", "busybox", name, check=True)
    log = test.daemon.folder / "logs" / name / "exec_1.stdout"
    log.parent.mkdir(exist_ok=True)
    log.write_text("0123456789")
    file = f"/1.0/instances/{name}/files?path=/root/digits"
    test.equal(test.api.raw("POST", file, b"0123456789").status, 200)
    for target in (file, f"/1.0/instances/{name}/logs/exec_1.stdout"):
        whole = test.api.raw("GET", target)
        test.equal(whole.headers["Accept-Ranges"], "bytes", target)
        modified = parsedate_to_datetime(whole.headers["Last-Modified"]).timestamp()
        test.true(abs(modified - time.time()) < 600, f"{target}: {whole.headers['Last-Modified']}")
        for asked, status, body, told in RANGES:
            answer = test.api.raw("GET", target, None, {"Range": asked})
            test.equal((answer.status, answer.headers["Content-Range"]), (status, told), f"{target} {asked}")
            test.true(body is None or answer.body == body, f"{target} {asked}: {answer.body!r}")
        unchanged = test.api.raw("GET", target, None, {"Range": "bytes=2-5", "If-Range": '"tag"'})
        test.equal((unchanged.status, unchanged.body), (200, b"0123456789"), "If-Range")
    image = test.api.get("/1.0/images")[0] + "/export"
    whole = test.api.raw("GET", image).body
    answer = test.api.raw("GET", image, None, {"Range": "bytes=1000-1999"})
    test.equal((answer.status, answer.body), (206, whole[1000:2000]), "an image")
    folder = test.api.raw("GET", f"/1.0/instances/{name}/files?path=/root", None, {"Range": "bytes=0-1"})
    test.equal(folder.status, 200, "a folder has no ranges")
    log.unlink()


@scenario
def the_log_of_a_container_that_never_ran_is_empty(test):
    test.start()
    name = test.name("fresh")
    test.daemon.lxc("init", "busybox", name, check=True)
    answer = test.api.raw("GET", f"/1.0/instances/{name}/logs/lxc.log")
    test.equal((answer.status, answer.body), (200, b""))
    test.equal(test.daemon.lxc("info", name, "--show-log").returncode, 0)
