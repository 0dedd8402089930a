"""What `lxc list` shows of containers' networks."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor

from system.scenario import scenario


def listed(test):
    """name -> IPv4 column."""
    text = test.daemon.lxc("list", "--format", "csv", "-c", "n4", check=True).stdout.decode()
    return {row[0]: row[1] for row in csv.reader(io.StringIO(text)) if row}


@scenario
def a_hundred_get_theirs_by_dhcp_and_one_by_hand(test):
    test.start(bridge=True)
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(test.launch, (f"a{number}" for number in range(100))))
    test.until(
        lambda: all("(eth0)" in listed(test).get(name, "") for name in names), "all have an address in lxc list", timeout=60
    )
    found = listed(test)
    test.equal(len({found[name] for name in names}), 100, "different addresses")
    for name in (names[0], names[99]):
        inside = test.exec(name, "ip", "-4", "addr", "show", "eth0")
        test.true(found[name].split()[0] in inside, f"{name} is listed with {found[name]}, inside: {inside}")
    test.exec(names[7], "ip", "addr", "add", "192.0.2.7/24", "dev", "eth0")
    test.true("192.0.2.7 (eth0)" in listed(test)[names[7]], "the address added by hand is listed")
    test.exec(names[7], "ip", "addr", "del", "192.0.2.7/24", "dev", "eth0")
    test.true("192.0.2.7" not in listed(test)[names[7]], "and no longer when it was removed")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: test.daemon.lxc("delete", "--force", name, check=True), names))
