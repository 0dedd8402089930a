"""Devices of the host in containers: nodes that are added, that come and go, and that a crash does not confuse."""

import concurrent.futures
import contextlib
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness import image, other_hosts
from system.scenario import SLOWNESS, Skip, scenario

NUMBERS = ["stat", "-c", "%F %t:%T %a %u:%g"]


@contextlib.contextmanager
def node(name, major, minor, kind=stat.S_IFCHR):
    """A node in the host's /dev, as a driver would have made it."""
    path = Path("/dev") / f"{name}-{os.getpid()}"
    path.unlink(missing_ok=True)
    os.mknod(path, kind | 0o600, os.makedev(major, minor))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def add(test, name, device, *options):
    return test.daemon.lxc("config", "device", "add", name, device, *options)


def shown(test, name, path):
    return test.exec(name, *NUMBERS, path, check=False).strip()


@scenario
def a_character_device_is_added_to_a_running_container_and_opened(test):
    test.start()
    for name in (test.launch("user"), test.launch("root", "-c", "security.privileged=true")):
        options = ["unix-char", "source=/dev/zero", "path=/dev/my/zero", "uid=3", "gid=4", "mode=0640"]
        test.equal(add(test, name, "zero", *options).returncode, 0)
        test.equal(shown(test, name, "/dev/my/zero"), "character special file 1:5 640 3:4", name)
        test.equal(test.exec(name, "head", "-c", "2", "/dev/my/zero"), "\0\0")
        # A busy node goes, too.
        test.daemon.lxc("config", "device", "remove", name, "zero", check=True)
        test.equal(shown(test, name, "/dev/my/zero"), "", name)
        test.equal(list((test.daemon.folder / "devices" / name).glob("unix.*")), [], "nodes on the host")


@scenario
def a_privileged_container_opens_what_it_was_given_and_no_more(test):
    test.start()
    name = test.launch("rules", "-c", "security.privileged=true")
    command = ["sh", "-c", "mknod /tmp/kmsg c 1 11 2>/dev/null; head -c 1 /tmp/kmsg >/dev/null 2>&1 && echo opened"]
    test.equal(test.exec(name, *command, check=False), "", "before")
    test.equal(add(test, name, "log", "unix-char", "source=/dev/kmsg", "path=/dev/host-log").returncode, 0)
    test.equal(test.exec(name, *command, check=False), "opened\n", "with the device")
    test.daemon.lxc("config", "device", "remove", name, "log", check=True)
    test.equal(test.exec(name, *command, check=False), "", "afterwards")


@scenario
def devices_are_there_after_a_restart(test):
    test.start()
    name = test.launch("again")
    add(test, name, "zero", "unix-char", "path=/dev/zero9", "major=1", "minor=5")
    add(test, name, "loop", "unix-block", "source=/dev/loop0", "path=/dev/disk", "mode=0600")
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(shown(test, name, "/dev/zero9"), "character special file 1:5 660 0:0")
    test.equal(shown(test, name, "/dev/disk"), "block special file 7:0 600 0:0")


@scenario
def a_device_that_is_not_required_comes_and_goes(test):
    test.start()
    names = [test.launch("one"), test.launch("two")]
    with node("late", 1, 5) as path:
        path.unlink()
        for name in names:
            options = ["unix-char", f"source={path}", "path=/dev/late", "required=false"]
            test.equal(add(test, name, "late", *options).returncode, 0)
        for _ in range(2):
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
            for name in names:
                test.until(lambda name=name: shown(test, name, "/dev/late"), f"{name} has it", timeout=5)
                test.equal(test.exec(name, "head", "-c", "1", "/dev/late"), "\0")
            path.unlink()
            for name in names:
                test.until(lambda name=name: not shown(test, name, "/dev/late"), f"{name} lost it", timeout=5)


@scenario
def what_came_and_went_while_no_daemon_ran_is_taken_up(test):
    test.start()
    name = test.launch("asleep")
    with node("first", 1, 5) as first, node("second", 1, 7) as second:
        second.unlink()
        for path in (first, second):
            add(test, name, path.name, "unix-char", f"source={path}", "required=false")
        test.true(shown(test, name, str(first)), "the first is there")
        test.daemon.kill()
        first.unlink()
        os.mknod(second, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        test.daemon.start()
        test.until(lambda: shown(test, name, str(second)), "the second is there")
        test.until(lambda: not shown(test, name, str(first)), "the first is gone")


@scenario
def what_cannot_be_had_is_refused_and_changes_nothing(test):
    test.start()
    name = test.launch("refused")
    missing = "The required device path doesn't exist and the major and minor settings are not specified"
    for options, text in (
        (["unix-char", "path=/dev/none"], missing),
        (["unix-char", "path=/dev/loop0"], "Path specified is not a unix-char device"),
        (["unix-block", "path=/dev/null"], "Path specified is not a unix-block device"),
        (["unix-char", "source=/etc/passwd"], "Path needs to be in /dev"),
        (["unix-char", "path=/dev/null", "mode=999"], "Invalid value for an octal file mode"),
    ):
        answer = add(test, name, "bad", *options)
        test.true(answer.returncode != 0 and text in answer.stderr.decode(), f"{options}: {answer.stderr.decode()}")
        test.equal(test.api.get(f"/1.0/instances/{name}")["devices"], {}, str(options))
    test.daemon.lxc("stop", "--force", name, check=True)
    test.equal(add(test, name, "bad", "unix-char", "path=/dev/none").returncode, 0, "a stopped one takes it")
    refused = test.daemon.lxc("start", name)
    test.true(refused.returncode != 0 and missing in refused.stderr.decode(), refused.stderr.decode())
    log = test.daemon.lxc("config", "device", "set", name, "bad", "required=false")
    test.equal((log.returncode, test.daemon.lxc("start", name).returncode), (0, 0))


def tell(words, udev=False):
    """What the kernel or udev would say in this network namespace."""
    text = b"".join(word.encode() + b"\0" for word in words)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15) as netlink:  # NETLINK_KOBJECT_UEVENT
        if udev:
            text = text[text.index(b"\0") + 1 :]  # udev has no first line
            header = struct.pack("=8sIIIIIIII", b"libudev\0", 0xFEEDCAFE, 40, 40, len(text), 0, 0, 0, 0)
            netlink.sendto(header + text, (0, 2))
        else:
            netlink.sendto(struct.pack("=IHHII", 16 + len(text), 16, 1, 0, 0) + text, (0, 0))


@contextlib.contextmanager
def hearing(test, name):
    """The events that a listener inside hears, as a growing list of texts."""
    heard = []
    pid = test.state(name)["pid"]
    code = "import os,socket,sys;s=socket.socket(socket.AF_NETLINK,socket.SOCK_RAW,15);s.bind((0,1));print('ready',flush=True)\n"
    code += "while True: print(repr(s.recv(9999)),flush=True)"
    command = ["nsenter", "--net", "--target", str(pid), "python3", "-c", code]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    listener.stdout.readline()
    thread = threading.Thread(target=lambda: heard.extend(listener.stdout))
    thread.start()
    try:
        yield heard
    finally:
        listener.kill()
        thread.join()
        listener.wait()


USB_STICK = {"idVendor": "0951", "idProduct": "1666", "dev": "1:5", "busnum": "1", "devnum": "7"}
USB_WORDS = ["DEVPATH=/devices/usb1/1-1", "SUBSYSTEM=usb", "MAJOR=1", "MINOR=5", "DEVNAME=bus/usb/001/007", "DEVTYPE=usb_device"]


@scenario
def a_usb_device_comes_and_goes(test):
    """A host with USB, laid over ours: the stick's numbers are those of /dev/zero."""
    bus = test.folder / "host/sys/bus"
    stick = bus / "usb/devices/1-1"
    bus.mkdir(parents=True)
    test.daemon.start(wrapper=["unshare", "--mount", "sh", "-c", f"mount --bind {bus} /sys/bus && exec \"$@\"", "sh"])
    test.daemon.set_up(image.busybox())
    name = test.launch("usb", "-c", "security.privileged=true")
    required = add(test, name, "must", "usb", "vendorid=0951", "required=true")
    test.true(b"Required USB device not found" in required.stderr, f"{required.stderr}")
    test.equal(add(test, name, "stick", "usb", "vendorid=0951", "mode=0666").returncode, 0)
    inside = "/dev/bus/usb/001/007"
    with hearing(test, name) as heard:
        for _ in range(2):
            stick.mkdir(parents=True)
            for attribute, value in USB_STICK.items():
                (stick / attribute).write_text(value + "\n")
            tell(["add@/devices/usb1/1-1", "ACTION=add", *USB_WORDS])
            test.until(lambda: shown(test, name, inside), "the stick is there", timeout=5)
            test.equal(test.exec(name, "head", "-c", "1", inside), "\0")
            test.until(lambda: any("add@/devices/usb1/1-1" in line for line in heard), "its udev hears of it", timeout=5)
            shutil.rmtree(stick)
            tell(["remove@/devices/usb1/1-1", "ACTION=remove", *USB_WORDS])
            test.until(lambda: not shown(test, name, inside), "the stick is gone", timeout=5)
            test.until(lambda: any("remove@/devices" in line for line in heard), "its udev hears that, too", timeout=5)
            heard.clear()
    test.daemon.lxc("config", "device", "remove", name, "stick", check=True)


@scenario
def what_udev_knows_by_vendor_and_product_comes_and_goes(test):
    data = Path("/run/udev/data")
    data.mkdir(parents=True, exist_ok=True)
    entry = data / "b7:6"
    words = ["DEVPATH=/devices/virtual/block/loop6", "SUBSYSTEM=block", "DEVNAME=/dev/loop6", "MAJOR=7", "MINOR=6"]
    test.start()
    names = [test.launch("plug"), test.launch("root", "-c", "security.privileged=true")]
    for name in names:
        test.equal(add(test, name, "disk", "unix-hotplug", "vendorid=1d6b", "productid=0002", "gid=6").returncode, 0)
    try:
        entry.write_text("I:1\nE:ID_VENDOR_ID=1d6b\nE:ID_MODEL_ID=0002\n")
        tell(["add@/devices/virtual/block/loop6", "ACTION=add", *words], udev=True)
        for name in names:
            test.until(lambda name=name: shown(test, name, "/dev/loop6"), f"{name} has it", timeout=5)
            test.true(shown(test, name, "/dev/loop6").startswith("block special file 7:6"), shown(test, name, "/dev/loop6"))
            test.true(shown(test, name, "/dev/loop6").endswith("0:6"), shown(test, name, "/dev/loop6"))
        test.daemon.lxc("restart", "--force", names[0], check=True)
        test.true(shown(test, names[0], "/dev/loop6"), "after a restart")
        entry.unlink()
        tell(["remove@/devices/virtual/block/loop6", "ACTION=remove", *words], udev=True)
        for name in names:
            test.until(lambda name=name: not shown(test, name, "/dev/loop6"), f"{name} lost it", timeout=5)
    finally:
        entry.unlink(missing_ok=True)
    refused = add(test, names[0], "any", "unix-hotplug")
    test.true(b"require a vendorid or a productid" in refused.stderr, f"{refused.stderr}")


@scenario
def hardware_that_this_host_lacks_is_named(test):
    test.start()
    name = test.launch("lacks")
    for options, text in (
        (["gpu"], "Failed to detect requested GPU device"),
        (["gpu", "pci=0000:99:00.0"], "Invalid PCI address (no device found): 0000:99:00.0"),
        (["gpu", "gputype=mig", "mig.gi=1", "mig.ci=1"], "Device cannot be added when instance is running"),
        (["gpu", "gputype=mdev", "mdev=x"], "Unsupported device type"),
        (["infiniband", "nictype=physical", "parent=ib9", "name=ib0"], "Parent device 'ib9' doesn't exist"),
        (["infiniband", "nictype=sriov", "parent=ib9", "name=ib0"], "Parent device 'ib9' doesn't exist"),
        (["pci", "address=0000:00:01.0"], "Unsupported device type"),
        (["tpm", "path=/dev/tpm0"], 'Invalid value for device option "pathrm": Required value'),
    ):
        if options == ["gpu"] and Path("/sys/class/drm").exists():
            continue
        answer = add(test, name, "bad", *options)
        test.true(answer.returncode != 0 and text in answer.stderr.decode(), f"{options}: {answer.stderr.decode()}")
    test.equal(test.api.get(f"/1.0/instances/{name}")["devices"], {})
    if not Path("/dev/vtpmx").exists():
        refused = add(test, name, "tpm", "tpm", "path=/dev/tpm0", "pathrm=/dev/tpmrm0")
        test.true(refused.returncode != 0 and b"Failed to validate environment: " in refused.stderr, f"{refused.stderr}")
    # A profile may have what only virtual machines take.
    profile = {"devices": {"card": {"type": "gpu", "gputype": "mdev", "mdev": "x"}}}
    test.api.ask("POST", "/1.0/profiles", profile | {"name": "machines"})
    test.daemon.lxc("profile", "add", name, "machines", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)


@scenario(long=True)
def a_profile_edit_reaches_fifty_running_containers(test):
    test.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda number: test.launch(f"fifty{number}"), range(50)))
    start = time.monotonic()
    test.daemon.lxc("profile", "device", "add", "default", "zero", "unix-char", "source=/dev/zero", "path=/dev/fifty", check=True)
    added = time.monotonic()
    for name in names:
        test.equal(shown(test, name, "/dev/fifty"), "character special file 1:5 660 0:0", name)
    removing = time.monotonic()
    test.daemon.lxc("profile", "device", "remove", "default", "zero", check=True)
    removed = time.monotonic()
    for name in names:
        test.equal(shown(test, name, "/dev/fifty"), "", name)
    print(f"added to 50 containers in {added - start:.2f} s, removed in {removed - removing:.2f} s")
    test.true(added - start < 10 * SLOWNESS, f"it took {added - start:.2f} s")


@scenario
def a_graphics_card_is_its_nodes(test):
    """A server with an Intel card, whose nodes are laid out with the numbers of /dev/zero."""
    test.daemon.start(wrapper=other_hosts.wrapper("server", test.folder / "server-host"))
    test.daemon.set_up(image.busybox(), bridge=False)
    name = test.launch("card", "-c", "security.privileged=true")
    folder = Path("/dev/dri")
    if folder.exists():
        raise Skip("this host has cards of its own")
    folder.mkdir()
    try:
        for node_name in ("card0", "renderD128"):
            os.mknod(folder / node_name, stat.S_IFCHR | 0o600, os.makedev(1, 5))
        test.equal(add(test, name, "card", "gpu", "pci=00:02.0", "gid=44", "mode=0666").returncode, 0)
        test.equal(shown(test, name, "/dev/dri/card0"), "character special file e2:0 666 0:44")
        test.equal(shown(test, name, "/dev/dri/renderD128"), "character special file e2:80 666 0:44")
        test.daemon.lxc("config", "device", "remove", name, "card", check=True)
        test.equal(shown(test, name, "/dev/dri/card0"), "")
    finally:
        shutil.rmtree(folder)


@scenario
def a_tpm_is_an_emulator_that_ends_with_the_container(test):
    """This kernel has no TPM proxy: a program in swtpm's place plays both, with the numbers of /dev/zero."""
    if Path("/dev/vtpmx").exists():
        raise Skip("the kernel has a TPM proxy; the real emulator is for it")
    programs = test.folder / "programs"
    programs.mkdir()
    emulator = programs / "swtpm"
    emulator.write_text(PLAYED_EMULATOR)
    emulator.chmod(0o755)
    path = f"PATH={programs}:{os.environ['PATH']}"
    test.daemon.start(wrapper=["env", path])
    test.daemon.set_up(image.busybox())
    os.mknod("/dev/vtpmx", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    try:
        name = test.launch("tpm")
        test.equal(add(test, name, "tpm", "tpm", "path=/dev/tpm0", "pathrm=/dev/tpmrm0").returncode, 0)
        test.equal(shown(test, name, "/dev/tpm0"), "character special file 1:5 660 0:0")
        note = test.daemon.folder / "devices" / name / "tpm.pid"
        first = int(note.read_text())
        test.daemon.kill()
        test.true(Path(f"/proc/{first}").exists(), "it outlives the daemon")
        test.daemon.start(wrapper=["env", path])
        test.daemon.lxc("restart", "--force", name, check=True)
        second = int(note.read_text())
        test.true(second != first, "each start has its own")
        test.until(lambda: not Path(f"/proc/{first}").exists(), "the first has ended", timeout=5)
        test.equal(shown(test, name, "/dev/tpm0"), "character special file 1:5 660 0:0")
        test.daemon.lxc("config", "device", "remove", name, "tpm", check=True)
        test.until(lambda: not Path(f"/proc/{second}").exists(), "it ended with the device", timeout=5)
        test.true(not note.exists(), "the note of it is gone")
    finally:
        os.unlink("/dev/vtpmx")


# Known to the daemon by its process's name.
PLAYED_EMULATOR = f"""#!{sys.executable}
import ctypes, os, signal, sys
note = next(word[5:] for word in sys.argv if word.startswith("file="))
ready, told = os.pipe()
if os.fork() == 0:
    os.setsid()
    ctypes.CDLL(None).prctl(15, b"swtpm", 0, 0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    with open(note, "w") as file:
        file.write(str(os.getpid()))
    os.close(told)
    signal.pause()
os.close(told)
os.read(ready, 1)
print("New TPM device: /dev/tpm1 (major/minor = 1/5)")
"""
