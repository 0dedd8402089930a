"""Pools on LVM, thin and not, which test machines' own kernels do not offer."""

import subprocess

from vm.guest.host import JOB_PROGRAMS, equal, inside, launch, lxc, query, remove, run, scenario, serve, true


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
    done = subprocess.run([JOB_PROGRAMS / "test/system/system-lvm", "--gtest_filter=Lvm.*:*/thin:*/thick"], capture_output=True, text=True, check=False, timeout=1500)
    lines = done.stdout.splitlines()
    wrong = sorted({line for line in lines if "exception" in line or ("FAILED" in line and "ms)" in line)})
    equal((done.returncode, wrong[:20]), (0, []), "its tests")
    true(query("/1.0") is not None, "the daemon answers")
