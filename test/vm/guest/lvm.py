"""Pools on LVM, thin and not, which test machines' own kernels do not offer."""

from vm.guest.host import equal, inside, keeps, launch, lxc, remove, run, scenario, serve, true


def volumes():
    shown = run("lvs", "--noheadings", "-o", "lv_name").stdout
    return sorted(shown.split())


def use(name, *options):
    """Makes a pool, runs a container on it through what users do, and removes both."""
    serve()
    run("modprobe", "-a", "dm-mod", "dm-thin-pool", "dm-snapshot")
    lxc("storage", "create", name, "lvm", "size=1GiB", "volume.size=200MiB", *options)
    container = launch(f"on{name}", "--storage", name)
    equal(inside(container, "sh", "-c", "echo kept > /file; cat /file"), "kept\n")
    lxc("restart", "--force", container)
    equal(inside(container, "cat", "/file"), "kept\n", "after a restart")
    run("systemctl", "restart", "lxd.service")
    equal(inside(container, "cat", "/file"), "kept\n", "after a restart of the daemon")
    lxc("config", "device", "set", container, "root", "size=300MiB")
    size = int(inside(container, "stat", "-f", "-c", "%b %S", "/").split()[0]) * 4096
    true(size > 220 << 20, f"the root grew live: {size}")
    copy = f"copyon{name}"
    lxc("copy", container, copy, "--instance-only")
    lxc("start", copy)
    equal(inside(copy, "cat", "/file"), "kept\n", "in a copy")
    true(f"containers_{container}" in volumes(), "volumes are called as LXD's")
    remove(container, copy)
    lxc("storage", "delete", name)
    equal(volumes(), [], "logical volumes that are left")


@scenario
def containers_run_on_a_thin_pool():
    use("thin")


@scenario
def containers_run_without_a_thin_pool():
    use("thick", "lvm.use_thinpool=false")


@scenario
def the_driver_keeps_what_every_driver_promises():
    run("modprobe", "-a", "dm-mod", "dm-thin-pool", "dm-snapshot")
    keeps("system-lvm", "Lvm.*:*/thin:*/thick")
