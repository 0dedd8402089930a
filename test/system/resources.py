"""GET /1.0/resources, key by key beside the real LXD: on this host and on described ones."""

import subprocess

from harness import daemon as daemons
from harness import other_hosts
from system.scenario import Skip, scenario


def differences(real, ours, path=""):
    if isinstance(real, dict) and isinstance(ours, dict):
        if list(real) != list(ours):
            yield f"{path}: keys {list(real)} and {list(ours)}"
        for key in real.keys() & ours.keys():
            yield from differences(real[key], ours[key], f"{path}/{key}")
    elif isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        for index, (left, right) in enumerate(zip(real, ours)):
            yield from differences(left, right, f"{path}[{index}]")
    elif real != ours:
        yield f"{path}: {real!r} and {ours!r}"


def used_memory(text):
    return text.startswith("/memory") and "/used: " in text


def compare(test, real, ours, may_differ=lambda text: False):
    found = [text for text in differences(real.api.get("/1.0/resources"), ours.api.get("/1.0/resources")) if not may_differ(text)]
    test.equal(found, [])


@scenario
def this_host_is_told_as_by_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD")
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start()
    compare(test, real, test.daemon.start(), used_memory)


def on_other_host(test, name):
    if not daemons.have_real():
        raise Skip("no real LXD")
    real = test.other_daemon(daemons.REAL_DAEMON, "real")
    real.start(wrapper=other_hosts.wrapper(name, test.folder / "real-host"))
    test.daemon.start(wrapper=other_hosts.wrapper(name, test.folder / "our-host"))
    compare(test, real, test.daemon)


@scenario
def a_server_is_told_as_by_the_real_lxd(test):
    # The driver of the interfaces is asked too: it is that of a virtual pair.
    subprocess.run(["ip", "link", "add", "ens4", "type", "veth", "peer", "name", "ens4v0"], check=True)
    try:
        on_other_host(test, "server")
    finally:
        subprocess.run(["ip", "link", "delete", "ens4"], check=True)


@scenario
def an_arm_board_is_told_as_by_the_real_lxd(test):
    on_other_host(test, "arm")


@scenario
def a_pools_space_is_told(test):
    test.start()
    told = test.api.get("/1.0/storage-pools/default/resources")
    test.true(0 < told["space"]["used"] < told["space"]["total"], told["space"])
    test.true(0 < told["inodes"]["used"] < told["inodes"]["total"], told["inodes"])
    shown = test.daemon.lxc("storage", "info", "default", check=True).stdout.decode()
    test.true("space used:" in shown and "busybox" not in shown, shown)
    shown = test.daemon.lxc("info", "--resources", check=True).stdout.decode()
    test.true("Memory:" in shown and "CPU" in shown, shown)
