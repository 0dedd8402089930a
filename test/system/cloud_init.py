"""cloud-init in Debian finds its data in /dev/lxd/sock, by itself, and does what it says."""

from harness import image
from system.scenario import scenario

# A Debian without the package "locales" has no locale to set.
USER_DATA = """#cloud-config
locale: false
write_files:
  - path: /etc/written
    content: of {0}
runcmd:
  - echo {0} >>/root/ran
"""
# In another section: a list of the user's takes the place of the vendor's.
VENDOR_DATA = """#cloud-config
bootcmd:
  - echo of the vendor >/etc/vendor
"""
NETWORK = """version: 2
ethernets:
  eth0:
    addresses: [10.77.200.7/16]
"""


@scenario(long=True)
def user_data_is_applied(test):
    test.start(bridge=True)
    test.daemon.lxc("image", "import", image.debian("cloud-init"), "--alias", "cloud", check=True)
    name = test.name("cloud")
    test.daemon.lxc("init", "cloud", name, check=True)
    for key, value in (("user-data", USER_DATA.format("user-data")), ("vendor-data", VENDOR_DATA), ("network-config", NETWORK)):
        test.daemon.lxc("config", "set", name, f"cloud-init.{key}={value}", check=True)
    test.daemon.lxc("start", name, check=True)
    await_cloud_init(test, name)
    test.equal(test.exec(name, "cloud-id").strip(), "lxd")
    test.equal(test.exec(name, "cat", "/etc/written", "/etc/vendor", "/root/ran"), "of user-dataof the vendor\nuser-data\n")
    test.true("10.77.200.7/16" in test.exec(name, "ip", "-4", "address", "show", "eth0"), "the network is not as configured")
    test.equal(instance_id(test, name), configured_id(test, name))

    # With the older keys, and so another instance for cloud-init: it runs again.
    test.daemon.lxc("config", "unset", name, "cloud-init.user-data", check=True)
    test.daemon.lxc("config", "set", name, f"user.user-data={USER_DATA.format('older')}", check=True)
    test.daemon.lxc("restart", name, check=True)
    await_cloud_init(test, name)
    test.equal(test.exec(name, "cat", "/etc/written", "/root/ran"), "of olderuser-data\nolder\n")
    test.equal(instance_id(test, name), configured_id(test, name))
    # Nothing changed: it does not.
    test.daemon.lxc("restart", name, check=True)
    await_cloud_init(test, name)
    test.equal(test.exec(name, "cat", "/root/ran"), "user-data\nolder\n")


def await_cloud_init(test, name):
    """Until systemd takes commands nothing can be asked."""
    test.until(lambda: test.daemon.lxc("exec", name, "--", "test", "-e", "/run/systemd/private").returncode == 0, "systemd is up")
    done = test.daemon.lxc("exec", name, "--", "cloud-init", "status", "--wait", "--long")
    test.true(done.returncode == 0 and b"status: done" in done.stdout, f"{done.stdout.decode()}{done.stderr.decode()}")


def instance_id(test, name):
    return test.exec(name, "cat", "/var/lib/cloud/data/instance-id").strip()


def configured_id(test, name):
    return test.api.get(f"/1.0/instances/{name}")["config"]["volatile.cloud-init.instance-id"]
