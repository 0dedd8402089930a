"""Network devices of every kind that the kernel offers, seen from inside containers and from the host."""

import json
import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from harness import leaks
from harness.daemon import BRIDGE
from harness.network import GATEWAY
from system.scenario import scenario


def ip(*arguments):
    done = subprocess.run(["ip", *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stdout


def pid_of(test, name):
    return test.state(name)["pid"]


def volatile(test, name, device, key):
    return test.api.get(f"/1.0/instances/{name}")["config"].get(f"volatile.{device}.{key}", "")


@contextmanager
def in_network_of(pid):
    """This thread in a container's network namespace, for sockets that are opened there."""
    with open("/proc/thread-self/ns/net", "rb") as ours, open(f"/proc/{pid}/ns/net", "rb") as theirs:
        enter(theirs)
        try:
            yield
        finally:
            enter(ours)


def enter(space, kind=0x40000000):
    import ctypes  # os.setns is newer than the Python of Debian 12

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space.fileno(), kind) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def listen(pid=None):
    """A TCP socket on every address, on the host or in a container."""
    if pid is None:
        sock = socket.create_server(("0.0.0.0", 0))
    else:
        with in_network_of(pid):
            sock = socket.create_server(("0.0.0.0", 0))
    sock.settimeout(10)
    return sock


def connect(address, pid=None):
    if pid is None:
        return socket.create_connection(address, 10)
    with in_network_of(pid):
        return socket.create_connection(address, 10)


def bits_per_second(sender, receiver, seconds=1.0):
    """What arrives in the time, after a first moment that fills buffers."""
    stop = threading.Event()

    def send():
        block = bytes(1 << 16)
        try:
            while not stop.is_set():
                sender.sendall(block)
        except OSError:
            pass

    thread = threading.Thread(target=send)
    thread.start()
    receiver.settimeout(10)
    warm = time.monotonic() + 0.3
    while time.monotonic() < warm:
        receiver.recv(1 << 16)
    start = time.monotonic()
    received = 0
    while time.monotonic() < start + seconds:
        received += len(receiver.recv(1 << 16))
    took = time.monotonic() - start
    stop.set()
    receiver.close()
    sender.close()
    thread.join()
    return received * 8 / took


def speeds(test, name):
    """(into the container, out of it) in Mbit/s."""
    pid = pid_of(test, name)
    address = test.until(lambda: test.address(name), "an address")
    with listen(pid) as server:
        sender = connect((address, server.getsockname()[1]))
        into = bits_per_second(sender, server.accept()[0])
    with listen() as server:
        sender = connect((GATEWAY, server.getsockname()[1]), pid)
        out = bits_per_second(sender, server.accept()[0])
    return into / 1e6, out / 1e6


@scenario
def limits_hold_and_change_live(test):
    test.start(bridge=True)
    name = test.launch("limits")
    interfaces = leaks.interfaces()
    change = lambda *options: test.daemon.lxc("config", "device", "override", name, "eth0", *options, check=True)
    change("limits.ingress=20Mbit", "limits.egress=10Mbit")
    into, out = speeds(test, name)
    test.true(14 < into < 22 and 7 < out < 12, f"20 Mbit/s in and 10 out were measured as {into:.1f} and {out:.1f}")
    test.daemon.lxc("config", "device", "set", name, "eth0", "limits.max=40Mbit", check=True)
    into, out = speeds(test, name)
    test.true(28 < into < 44 and 28 < out < 46, f"40 Mbit/s were measured as {into:.1f} and {out:.1f}")
    for key in ("limits.max", "limits.ingress", "limits.egress"):
        test.daemon.lxc("config", "device", "unset", name, "eth0", key, check=True)
    into, out = speeds(test, name)
    test.true(into > 200 and out > 200, f"without a limit {into:.1f} and {out:.1f} Mbit/s were measured")
    test.equal(leaks.interfaces(), interfaces, "interfaces")


@scenario
def limits_of_the_start_hold_and_go_with_the_container(test):
    test.start(bridge=True)
    interfaces = leaks.interfaces()
    test.daemon.lxc("profile", "device", "set", "default", "eth0", "limits.max=16Mbit", check=True)
    name = test.launch("limited")
    into, out = speeds(test, name)
    test.true(11 < into < 18 and 11 < out < 19, f"16 Mbit/s were measured as {into:.1f} and {out:.1f}")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.equal(leaks.interfaces(), interfaces, "interfaces")


@scenario
def a_limit_reaches_the_container_that_runs_already_after_a_new_start_of_the_daemon(test):
    test.start(bridge=True)
    name = test.launch("later")
    test.daemon.kill()
    test.daemon.start()
    test.daemon.lxc("profile", "device", "set", "default", "eth0", "limits.max=16Mbit", check=True)
    into, _ = speeds(test, name)
    test.true(11 < into < 18, f"16 Mbit/s were measured as {into:.1f}")


def nft(*words, commands=None):
    return subprocess.run(["nft", *words], input=commands, check=True, capture_output=True, text=True).stdout


def packets_with_priority(test, name, priority, *options):
    """How many of three that a container sends to the host have it."""
    rules = f"""
        table bridge seen {{
            chain arriving {{
                type filter hook input priority 0
                meta protocol ip meta priority {priority} counter
            }}
        }}
    """
    nft("-f", "-", commands=rules)
    try:
        test.exec(name, "ping", "-c", "3", "-i", "0.2", *options, GATEWAY)
        return int(re.search(r"counter packets (\d+)", nft("list", "table", "bridge", "seen"))[1])
    finally:
        nft("delete", "table", "bridge", "seen")


@scenario
def a_priority_is_seen_by_the_host_and_changes_live(test):
    test.start(bridge=True)
    set_to = lambda value: test.daemon.lxc("config", "device", "override", name, "eth0", f"limits.priority={value}", check=True)
    name = test.launch("ranked")
    test.until(lambda: test.address(name), "an address")
    test.equal(packets_with_priority(test, name, "0:5"), 0, "packets with a priority that nobody asked for")
    set_to(5)
    test.equal(packets_with_priority(test, name, "0:5"), 3, "packets with the priority")
    test.daemon.lxc("config", "device", "set", name, "eth0", "limits.priority=70000", check=True)
    test.equal(packets_with_priority(test, name, "1:1170"), 3, "packets with another priority")
    test.daemon.lxc("restart", "--force", name, check=True)
    test.until(lambda: test.address(name), "an address")
    test.equal(packets_with_priority(test, name, "1:1170"), 3, "packets with the priority after a restart")
    test.daemon.lxc("config", "device", "unset", name, "eth0", "limits.priority", check=True)
    test.equal(packets_with_priority(test, name, "1:1170"), 0, "packets with a priority that is gone")
    test.daemon.lxc("config", "device", "set", name, "eth0", "limits.priority=5", check=True)
    test.daemon.lxc("stop", "--force", name, check=True)
    rules = nft("list", "ruleset")
    test.true("netprio" not in rules, rules)


def port_of(host_name):
    return json.loads(ip("-d", "-j", "link", "show", host_name))[0]


@scenario
def a_kill_in_the_middle_of_a_hotplug_leaves_no_host_end(test):
    test.start()
    name = test.launch("cut")
    before = leaks.interfaces()
    killed_before_the_end = 0
    for moment in range(8):
        device = {f"net{moment}": {"type": "nic", "nictype": "p2p", "name": f"net{moment}", "limits.max": "1Mbit"}}

        def add(device=device):
            try:
                test.api.ask("PATCH", f"/1.0/instances/{name}", {"devices": device})
            except Exception:  # the daemon dies under it
                nonlocal killed_before_the_end
                killed_before_the_end += 1

        thread = threading.Thread(target=add)
        thread.start()
        time.sleep(0.004 * moment)  # the moment is what the test is about
        test.daemon.kill()
        thread.join()
        test.daemon.start()
        devices = test.api.get(f"/1.0/instances/{name}")["devices"]
        inside = [line.split(":")[1].split("@")[0].strip() for line in test.exec(name, "ip", "-o", "link").splitlines()]
        test.equal(sorted(set(inside) - {"lo"}), sorted(devices), "inside")
        ends = leaks.interfaces() - before
        test.equal(len(ends), 2 * len(devices), f"host ends and shapers after moment {moment}: {ends}")
    test.true(killed_before_the_end > 0, "each hotplug was done before the kill")


@scenario
def filters_let_only_the_given_addresses_through(test):
    test.start(bridge=True)
    name = test.launch("filtered")
    test.until(lambda: test.address(name), "an address")
    test.exec(name, "ip", "address", "add", "10.77.200.7/16", "dev", "eth0")
    reach = lambda source: test.daemon.lxc("exec", name, "--", "ping", "-c", "1", "-W", "1", "-I", source, GATEWAY).returncode == 0
    test.true(reach("10.77.200.7"), "the gateway is out of reach without a filter")
    override = ["config", "device", "override", name, "eth0"]
    test.daemon.lxc(*override, "security.ipv4_filtering=true", "ipv4.address=10.77.200.8", check=True)
    test.true(not reach("10.77.200.7"), "a wrong address gets through")
    test.daemon.lxc("config", "device", "set", name, "eth0", "ipv4.address=10.77.200.7", check=True)
    test.true(reach("10.77.200.7"), "the right address does not get through")
    hide = "ip link set eth0 down; ip link set eth0 address 00:16:3e:99:99:99; ip link set eth0 up"
    test.exec(name, "sh", "-c", hide)
    test.true(not reach("10.77.200.7"), "a wrong hardware address gets through")
    host_name = volatile(test, name, "eth0", "host_name")
    test.daemon.lxc("stop", "--force", name, check=True)
    rules = subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout
    test.true(host_name not in rules and name not in rules, f"rules are left: {rules}")


@scenario
def isolated_ports_do_not_reach_each_other(test):
    test.start(bridge=True)
    test.daemon.lxc("profile", "device", "set", "default", "eth0", "security.port_isolation=true", check=True)
    names = [test.launch("one"), test.launch("two")]
    addresses = [test.until(lambda name=name: test.address(name), "an address") for name in names]
    ping = lambda address: test.daemon.lxc("exec", names[0], "--", "ping", "-c", "1", "-W", "1", address).returncode
    test.true(ping(GATEWAY) == 0 and ping(addresses[1]) != 0, "an isolated port reaches another")
    test.daemon.lxc("profile", "device", "unset", "default", "eth0", "security.port_isolation", check=True)
    for name, address in zip(names, addresses):  # the interfaces are new ones
        test.exec(name, "sh", "-c", f"ip link set eth0 up; ip address add {address}/16 dev eth0")
    test.until(lambda: ping(addresses[1]) == 0, "a port that is not isolated is reached")


@scenario
def routes_lead_to_the_container_and_go_with_it(test):
    test.start(bridge=True)
    name = test.launch("routes")
    test.daemon.lxc("config", "device", "add", name, "wan", "nic", "nictype=p2p", "name=wan", "ipv4.routes=192.0.2.0/24", check=True)
    host_name = volatile(test, name, "wan", "host_name")
    test.true(f"dev {host_name}" in ip("route", "show", "192.0.2.0/24"), "no route to the host's end")
    test.daemon.lxc("config", "device", "set", name, "wan", "ipv4.routes=198.51.100.0/24", check=True)
    test.equal(ip("route", "show", "192.0.2.0/24"), "")
    test.true(f"dev {host_name}" in ip("route", "show", "198.51.100.0/24"), "no changed route")
    test.daemon.lxc("config", "device", "override", name, "eth0", "ipv4.routes=203.0.113.0/24", check=True)
    test.true(f"dev {BRIDGE}" in ip("route", "show", "203.0.113.0/24"), "no route to the bridge")
    test.daemon.lxc("stop", "--force", name, check=True)
    test.equal(ip("route", "show", "203.0.113.0/24") + ip("route", "show", "198.51.100.0/24"), "")


@scenario
def vlans_are_refused_by_a_bridge_that_does_not_filter_them(test):
    test.start(bridge=True)
    name = test.launch("vlan")
    done = test.daemon.lxc("config", "device", "override", name, "eth0", "vlan=10")
    if Path(f"/sys/class/net/{BRIDGE}/bridge/vlan_filtering").exists():
        test.true(done.returncode != 0, "a bridge without VLAN filtering took a VLAN")
    test.true(b"VLAN filtering is not enabled in parent bridge" in done.stderr, f"{done.stderr!r}")
    test.true("eth0" in test.exec(name, "ip", "link"), "the device is not there again")


@scenario
def an_interface_of_the_host_comes_and_goes(test):
    test.start()
    name = test.launch("physical")
    ip("link", "add", "wan0", "mtu", "1400", "type", "veth", "peer", "name", "wan1")
    try:
        hwaddr = port_of("wan0")["address"]
        options = ("nictype=physical", "parent=wan0", "name=lan", "hwaddr=00:16:3e:01:02:03", "mtu=1300")
        test.daemon.lxc("config", "device", "add", name, "lan", "nic", *options, check=True)
        test.true("wan0" not in leaks.interfaces(), "the host has it still")
        shown = test.exec(name, "ip", "link", "show", "lan")
        test.true("00:16:3e:01:02:03" in shown and "mtu 1300" in shown, shown)
        test.daemon.lxc("config", "device", "remove", name, "lan", check=True)
        back = port_of("wan0")
        test.equal((back["address"], back["mtu"]), (hwaddr, 1400), "unplugged")
        test.daemon.lxc("stop", "--force", name, check=True)
        test.daemon.lxc("config", "device", "add", name, "lan", "nic", *options, check=True)
        test.daemon.lxc("start", name, check=True)
        test.true("mtu 1300" in test.exec(name, "ip", "link", "show", "lan"), "not inside after a start")
        test.daemon.kill()
        test.daemon.start()
        test.daemon.lxc("stop", "--force", name, check=True)
        back = port_of("wan0")
        test.equal((back["address"], back["mtu"]), (hwaddr, 1400), "stopped")
        test.equal(volatile(test, name, "lan", "last_state.hwaddr"), "")
        test.daemon.lxc("config", "device", "set", name, "lan", "parent=nope", check=True)
        refused = test.daemon.lxc("start", name)
        test.true(b"Parent device 'nope' doesn't exist" in refused.stderr, f"{refused.stderr!r}")
    finally:
        test.daemon.lxc("stop", "--force", name)
        ip("link", "del", "wan0")


@scenario
def a_macvlan_reaches_another_on_its_parent(test):
    test.start()
    interfaces = leaks.interfaces()
    ip("link", "add", "trunk0", "type", "veth", "peer", "name", "trunk1")
    try:
        for end in ("trunk0", "trunk1"):
            ip("link", "set", end, "up")
        names = [test.launch(short) for short in ("one", "two")]
        for number, name in enumerate(names, 1):
            test.daemon.lxc("config", "device", "add", name, "lan", "nic", "nictype=macvlan", "parent=trunk0", "name=lan", check=True)
            test.exec(name, "sh", "-c", f"ip link set lan up; ip address add 192.0.2.{number}/24 dev lan")
        test.exec(names[0], "ping", "-c", "1", "-W", "2", "192.0.2.2")
        test.daemon.lxc("config", "device", "remove", names[0], "lan", check=True)
        test.true("lan" not in test.exec(names[0], "ip", "link"), "it is still inside")
        test.daemon.lxc("restart", "--force", names[1], check=True)
        test.true("lan" in test.exec(names[1], "ip", "link"), "not inside after a start")
        test.daemon.lxc("stop", "--force", names[1], check=True)
    finally:
        ip("link", "del", "trunk0")
    test.equal(leaks.interfaces(), interfaces, "interfaces")


@scenario
def a_routed_container_is_reached_by_its_address_alone(test):
    test.start()
    name = test.launch("routed")
    route_to(test, name)


def route_to(test, name):
    ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
    try:
        ip("address", "add", "198.51.100.1/24", "dev", "up0")
        for end in ("up0", "up1"):
            ip("link", "set", end, "up")
        routed = ("nictype=routed", "parent=up0", "name=wan", "ipv4.address=198.51.100.7", "ipv4.host_table=100")
        refused = test.daemon.lxc("config", "device", "add", name, "wan", "nic", *routed)
        test.true(b"Routed mode requires sysctl net.ipv4.conf.up0.forwarding=1" in refused.stderr, f"{refused.stderr!r}")
        Path("/proc/sys/net/ipv4/conf/up0/forwarding").write_text("1", encoding="ascii")
        test.daemon.lxc("config", "device", "add", name, "wan", "nic", *routed, check=True)
        reach(test, name)
        test.true("198.51.100.7 dev up0 proxy" in ip("neigh", "show", "proxy"), "the host does not answer for it")
        test.true("198.51.100.7" in ip("route", "show", "table", "100"), "no route in the other table")
        test.daemon.lxc("restart", "--force", name, check=True)
        reach(test, name)
        test.daemon.lxc("config", "device", "remove", name, "wan", check=True)
        test.equal(ip("neigh", "show", "proxy"), "")
        rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
        test.true(f"{name}.wan" not in rules, f"rules are left: {rules}")
    finally:
        ip("link", "del", "up0")


def reach(test, name):
    """Both ways."""
    try:
        socket.create_connection(("198.51.100.7", 9), 2).close()
    except ConnectionRefusedError:
        pass  # by the container
    test.exec(name, "ping", "-c", "1", "-W", "2", "198.51.100.1")


def have_ipvlan():
    made = subprocess.run(["ip", "link", "add", "try0", "link", "par0", "type", "ipvlan"], capture_output=True, check=False)
    subprocess.run(["ip", "link", "del", "try0"], capture_output=True, check=False)
    return made.returncode == 0


@scenario
def what_the_host_lacks_is_said(test):
    test.start()
    name = test.launch("lacks")
    ip("link", "add", "par0", "type", "veth", "peer", "name", "par1")
    try:
        for number, (kind, options, wanted) in enumerate(
            [
                ("sriov", [], "Parent device \"par0\" doesn't support SR-IOV"),
                ("ipvlan", ["mode=l2"], "ipvlan" if not have_ipvlan() else "Device cannot be started when instance is running"),
                ("bridged", [], "par0"),
            ]
        ):
            done = test.daemon.lxc("config", "device", "add", name, f"n{number}", "nic", f"nictype={kind}", "parent=par0", *options)
            test.true(done.returncode != 0 and wanted in done.stderr.decode(), f"{kind}: {done.stderr!r}")
        test.daemon.lxc("stop", "--force", name, check=True)
        if not have_ipvlan():
            test.daemon.lxc("config", "device", "add", name, "ipv", "nic", "nictype=ipvlan", "parent=par0", "mode=l2", check=True)
            done = test.daemon.lxc("start", name)
            test.true("the kernel has no ipvlan" in done.stderr.decode(), f"{done.stderr!r}")
            test.equal(test.api.get(f"/1.0/instances/{name}")["status"], "Stopped")
    finally:
        ip("link", "del", "par0")
