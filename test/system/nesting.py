"""Containers in containers: daemons inside of daemons, ours and the real one, and Docker.

The inner hosts are busybox containers that see the machine's own /usr, so that whatever runs here runs in there."""

import shlex
import shutil

from harness import daemon as daemons
from harness import image
from system.scenario import Skip, scenario

FOLDER = "/var/lib/inner"
REAL = "/usr/bin/lxd"
OURS = "/tools/lxd"
ENVIRONMENT = (
    f"export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LXD_DIR={FOLDER} LXD_CONF=/root/lxc LXD_RUNNER=/tools/lxd-runner LXD_TAR=/tools/lxd-tar; "
)
SUBORDINATE = 65536


class Nest:
    """A container with what a daemon inside needs, some levels deep."""

    def __init__(self, test, name, outer=None, daemon=None):
        self.test = test
        self.name = name
        self.outer = outer
        self.daemon = daemon or test.daemon

    def lxc(self, *arguments):
        """A command of the client beside this container."""
        if not self.outer:
            return self.daemon.lxc(*arguments, check=True).stdout.decode()
        return self.outer.run(f"/usr/bin/lxc {shlex.join(map(str, arguments))}")

    def run(self, script):
        """Standard output and error of a script in it."""
        return self.lxc("exec", self.name, "--", "sh", "-c", ENVIRONMENT + "exec 2>&1; " + script)

    def make(self, tools, *options):
        self.lxc("init", "busybox", self.name, "-c", "security.nesting=true", *options)
        for path, source in (("/usr", "/usr"), ("/lib", "/usr/lib"), ("/lib64", "/usr/lib64"), ("/tools", tools)):
            self.lxc(
                *("config", "device", "add", self.name, path.strip("/"), "disk"),
                *(f"source={source}", f"path={path}", "readonly=true"),
            )
        self.lxc("start", self.name)
        # As a distribution gives them to root, for newuidmap: what is left beyond the instance's own users.
        self.run(
            "read first host size </proc/self/uid_map; [ $size -lt 165536 ] || "
            "for file in subuid subgid; do echo root:100000:$((size - 100000)) >/etc/$file; done"
        )
        return self

    def start_daemon(self, binary):
        self.run(f"mkdir -p {FOLDER}; setsid {binary} --group root --logfile /root/lxd.log >/root/lxd.out 2>&1 </dev/null &")
        self.run(f"for i in $(seq 100); do [ -S {FOLDER}/unix.socket ] && break; sleep 0.1; done; {binary} waitready --timeout=60")
        for command in (
            "storage create default dir",
            "profile device add default root disk pool=default path=/",
            "image import /tools/busybox.tar.gz --alias busybox",
        ):
            self.run(f"/usr/bin/lxc {command}")

    def stop_daemon(self, binary):
        """With what it runs: the outer one waits for every process."""
        self.run(f"{binary} shutdown --timeout=60")


def tools_of(test):
    """Our programs and the image, where every container may read them."""
    folder = test.folder / "tools"
    folder.mkdir()
    for program in ("daemon/lxd", "daemon/runner/lxd-runner", "daemon/storage/lxd-tar"):
        shutil.copy2(daemons.BUILD / program, folder)
    shutil.copy(image.busybox(), folder / "busybox.tar.gz")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    return folder


def need_peer():
    if not daemons.have_real():
        raise Skip("no real LXD on this host")


def shows_a_container(test, nest, child):
    """One that is unprivileged there where ids are left, and knows its own files."""
    first = nest.run("cat /proc/self/uid_map").split()
    left = int(first[2]) - 100000 >= SUBORDINATE
    privileged = () if left else ("-c", "security.privileged=true")
    inner = Nest(test, child, outer=nest)
    inner.lxc("launch", "busybox", child, *privileged)
    test.equal(inner.lxc("exec", child, "--", "stat", "-c", "%u %g", "/bin/busybox"), "0 0\n")
    test.equal(inner.lxc("exec", child, "--", "hostname"), f"{child}\n")
    inner.lxc("exec", child, "--", "sh", "-c", "touch /root/a && chown 5:6 /root/a")
    test.equal(inner.lxc("exec", child, "--", "stat", "-c", "%u %g", "/root/a"), "5 6\n")


@scenario(long=True)
def three_levels_of_ours(test):
    need_peer()  # for its client
    test.start()
    tools = tools_of(test)
    first = Nest(test, test.name("one")).make(tools)
    first.start_daemon(OURS)
    second = Nest(test, test.name("two"), outer=first).make("/tools")
    second.start_daemon(OURS)
    shows_a_container(test, second, test.name("three"))
    second.stop_daemon(OURS)
    first.stop_daemon(OURS)


@scenario(long=True)
def a_real_one_in_ours(test):
    need_peer()
    test.start()
    nest = Nest(test, test.name("ours")).make(tools_of(test))
    nest.start_daemon(REAL)
    shows_a_container(test, nest, test.name("theirs"))
    nest.stop_daemon(REAL)


@scenario(long=True)
def ours_in_a_real_one(test):
    need_peer()
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real")
    real.start()
    real.set_up(image.busybox(), bridge=False)
    try:
        nest = Nest(test, test.name("theirs"), daemon=real).make(tools_of(test))
        nest.start_daemon(OURS)
        shows_a_container(test, nest, test.name("ours"))
        nest.stop_daemon(OURS)
    finally:
        real.delete_instances()


@scenario(long=True)
def docker_runs_a_container(test):
    """In an unprivileged container with LXD's profiles for it."""
    test.start(bridge=True)
    test.daemon.lxc("image", "import", image.debian(image.DOCKER), "--alias", "docker", check=True)
    name = test.name("docker")
    test.daemon.lxc("launch", "docker", name, "-p", "default", "-p", "docker", check=True)
    # Of systemd itself first: its bus answers nobody before.
    test.until(lambda: test.exec(name, "systemctl", "is-active", "docker", check=False) == "active\n", "docker runs", timeout=90)
    script = """
        mkdir -p /root/tree/bin && cp /bin/busybox /root/tree/bin/ && ln -s busybox /root/tree/bin/sh
        tar -C /root/tree -c . | docker import - box >/dev/null
        docker run --rm box /bin/sh -c 'busybox id -u; busybox cat /proc/self/uid_map; busybox ls /sys/class/net'
    """
    shown = test.exec(name, "sh", "-c", script).split()
    test.equal(shown[0], "0")
    test.true(shown[2] != "0", f"its root is none of the host's: {shown}")
    test.equal(shown[4:], ["eth0", "lo"])
    test.equal(test.exec(name, "docker", "info", "--format", "{{.Driver}}"), "overlay2\n")
