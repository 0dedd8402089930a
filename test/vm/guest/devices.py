"""Devices that test machines' own kernels do not offer: on interfaces, disks and chips that this one makes up."""

import contextlib
import os
import re
import time
from pathlib import Path

from vm.guest.host import equal, inside, launch, lxc, remove, run, scenario, serve, true, until

# What is added, with what it is seen by inside.
NICS = [
    (["nictype=macvlan", "parent=par0"], "macvlan"),
    (["nictype=macvlan", "parent=par0", "vlan=7"], "macvlan"),
    (["nictype=routed", "parent=par0", "ipv4.address=192.0.2.9"], "veth"),
    (["nictype=physical", "parent=par1"], "dummy"),
    (["nictype=physical", "parent=par0", "vlan=9"], "vlan"),
]
IPVLANS = [
    ["mode=l2", "ipv4.address=192.0.2.9/24"],
    ["mode=l3s", "ipv4.address=192.0.2.9"],
    ["mode=l3s", "vlan=8", "ipv4.address=192.0.2.10"],
]


def links():
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


@contextlib.contextmanager
def parents():
    """Two interfaces that lead nowhere."""
    run("modprobe", "dummy", "numdummies=0")
    names = ("par0", "par1")
    try:
        for name in names:
            run("ip", "link", "add", name, "type", "dummy")
            run("ip", "link", "set", name, "up")
            run("sysctl", "-q", f"net.ipv4.conf.{name}.forwarding=1")
        run("sysctl", "-q", "net.ipv4.conf.all.forwarding=1")
        yield names
    finally:
        for name in names:
            run("ip", "link", "del", name, check=False)


def add(name, device, *options):
    lxc("config", "device", "add", name, device, *options)


def sees(name, path):
    return lxc("exec", name, "--", "test", "-e", path, check=False).returncode == 0


def kind_of(pid, interface):
    shown = run("nsenter", "-t", pid, "-n", "ip", "-d", "link", "show", interface).stdout
    return next((word for word in ("macvlan", "ipvlan", "vlan", "veth", "dummy") if re.search(rf"^\s+{word}\b", shown, re.M)), shown)


def pid_of(name):
    return re.search(r"^PID: (\d+)", lxc("info", name).stdout, re.M).group(1)


@scenario
def network_devices_of_every_kind_come_and_go():
    serve()
    with parents():
        before = links()
        for name in (launch("dev-nics"), launch("dev-nics-priv", "-c", "security.privileged=true")):
            for options, kind in NICS:
                add(name, "eth9", "nic", "name=eth9", *options)
                true(sees(name, "/sys/class/net/eth9"), f"{options} is seen inside")
                equal(kind_of(pid_of(name), "eth9"), kind, str(options))
                lxc("config", "device", "remove", name, "eth9")
                true(not sees(name, "/sys/class/net/eth9"), f"{options} is gone inside")
                until(lambda: links() == before, f"{options} leaves {links()} of {before}")
            remove(name)


@scenario
def ipvlans_are_there_from_a_start_to_the_stop():
    serve()
    with parents():
        before = links()
        name = launch("dev-ipvlan")
        refused = lxc("config", "device", "add", name, "eth9", "nic", "nictype=ipvlan", "parent=par0", check=False)
        true(refused.returncode != 0, "one was added to a running container")
        lxc("stop", "--force", name)
        for options in IPVLANS:
            add(name, "eth9", "nic", "name=eth9", "nictype=ipvlan", "parent=par0", *options)
            lxc("start", name)
            equal(kind_of(pid_of(name), "eth9"), "ipvlan", str(options))
            address = options[-1].partition("=")[2].partition("/")[0]
            true(address in inside(name, "ip", "-4", "addr", "show", "eth9"), f"{address} is set")
            lxc("stop", "--force", name)
            until(lambda: links() == before, f"{options} leaves {links()} of {before}")
            lxc("config", "device", "remove", name, "eth9")
        remove(name)


@scenario
def a_tpm_is_made_for_a_container():
    serve()
    before = sorted(path.name for path in Path("/sys/class/tpm").glob("tpm*"))
    for name in (launch("dev-tpm"), launch("dev-tpm-priv", "-c", "security.privileged=true")):
        add(name, "chip", "tpm", "path=/dev/tpm0", "pathrm=/dev/tpmrm0")
        true(sees(name, "/dev/tpm0"), "it is seen inside")
        true(run("pgrep", "swtpm").stdout, "its emulator runs")
        lxc("config", "device", "remove", name, "chip")
        true(not sees(name, "/dev/tpm0"), "it is gone inside")
        until(lambda: not run("pgrep", "swtpm", check=False).stdout, "its emulator ended")
        remove(name)
    equal(sorted(path.name for path in Path("/sys/class/tpm").glob("tpm*")), before, "chips of the host")


@scenario
def a_disk_of_the_host_follows_its_driver():
    serve()
    name = launch("dev-block")
    add(name, "late", "unix-block", "source=/dev/nullb0", "required=false")
    true(not sees(name, "/dev/nullb0"), "the driver is not there")
    for _ in range(2):
        run("modprobe", "null_blk", "nr_devices=1")
        until(lambda: sees(name, "/dev/nullb0"), "the node is seen inside")
        equal(inside(name, "sh", "-c", "head -c 4096 /dev/nullb0 | wc -c").strip(), "4096", "bytes of it")
        run("rmmod", "null_blk")
        until(lambda: not sees(name, "/dev/nullb0"), "the node is gone inside")
    remove(name)


@scenario
def a_disk_is_throttled_and_the_limit_changes_live():
    serve()
    name = launch("dev-disk")
    size = 12

    def seconds():
        begin = time.monotonic()
        inside(name, "sh", "-c", f"dd if=/dev/zero of=/root/big bs=1M count={size} conv=fsync 2>/dev/null; rm /root/big")
        return time.monotonic() - begin

    free = seconds()
    lxc("config", "device", "override", name, "root", "limits.write=2MB")
    slow = seconds()
    true(slow > size / 2 * 0.7 and slow > 2 * free, f"{size} MiB took {slow:.1f} s at 2 MB/s, {free:.1f} s before")
    lxc("config", "device", "set", name, "root", "limits.write=200MB")
    true(seconds() < slow / 2, f"it takes as long once the limit is raised: {slow:.1f} s")
    device = os.stat("/var/lib/lxd").st_dev
    limits = next(Path("/sys/fs/cgroup").rglob(f"lxc.payload.{name}/io.max")).read_text(encoding="utf-8")
    true(f"{os.major(device)}:{os.minor(device)} rbps=max wbps=200000000" in limits, limits)
    lxc("config", "device", "unset", name, "root", "limits.write")
    remove(name)
