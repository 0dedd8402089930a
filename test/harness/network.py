"""The private host's bridge with DHCP, for containers' eth0."""

import subprocess

from harness import private_host
from harness.daemon import BRIDGE

GATEWAY = "10.77.0.1"


def make_bridge():
    """dnsmasq answers DHCP from 10.77.1.1 on, IPv4 only; it ends with the private host."""
    for command in (
        f"ip link add {BRIDGE} type bridge",
        f"ip addr add {GATEWAY}/16 dev {BRIDGE}",
        f"ip link set {BRIDGE} up",
    ):
        subprocess.run(command.split(), check=True)
    subprocess.run(
        [
            "dnsmasq",
            "--conf-file=/dev/null",
            "--port=0",
            "--user=root",
            "--bind-interfaces",
            f"--interface={BRIDGE}",
            "--except-interface=lo",
            "--dhcp-authoritative",
            "--no-ping",
            "--dhcp-range=10.77.1.1,10.77.9.254,1h",
            "--dhcp-lease-max=2000",
            f"--dhcp-leasefile={private_host.scratch()}/dnsmasq.leases",
            f"--pid-file={private_host.scratch()}/dnsmasq.pid",
        ],
        check=True,
    )
