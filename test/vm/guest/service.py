"""The units of contrib/systemd, under systemd."""

import os
import stat
from pathlib import Path

from vm.guest.host import equal, inside, launch, lxc, query, remove, run, scenario, serve, state, true, unit, until

SOCKET = Path("/var/lib/lxd/unix.socket")


def daemon_pid():
    return int(unit("lxd.service", "MainPID"))


def monitor_of(pid):
    """The parent of a container's first process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return int(fields[1])


def cgroup_of(pid):
    return Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").strip()


@scenario
def the_units_are_well_formed():
    done = run("systemd-analyze", "verify", "--man=no", "lxd.socket", "lxd.service", "lxd-containers.service", check=False)
    said = [line for line in done.stderr.splitlines() if "lxd" in line]
    equal((done.returncode, said), (0, []))


@scenario
def the_first_client_wakes_the_daemon_by_its_socket():
    run("systemctl", "enable", "--now", "lxd.socket")
    equal(unit("lxd.service", "ActiveState"), "inactive", "before")
    info = os.stat(SOCKET)
    equal((oct(stat.S_IMODE(info.st_mode)), info.st_uid), ("0o660", 0))
    lxc("list")
    equal(unit("lxd.service", "ActiveState"), "active", "after")
    equal(query("/1.0")["environment"]["server_pid"], daemon_pid(), "the process that systemd calls the main one")


@scenario
def systemd_calls_it_started_when_it_is_ready():
    serve()
    run("systemctl", "stop", "lxd.service")
    run("systemctl", "start", "lxd.service")
    equal((unit("lxd.service", "Type"), unit("lxd.service", "SubState")), ("notify", "running"))
    # With Type=notify the start above ends when the daemon says that it is ready, so nothing is left to wait for.
    run("/usr/local/bin/lxd", "waitready", "--timeout=1")


@scenario
def a_restart_leaves_containers_running_and_adopts_them():
    serve()
    names = [launch("kept"), launch("kept-priv", "-c", "security.privileged=true")]
    before = {name: state(name)["pid"] for name in names}
    first = daemon_pid()
    for name, pid in before.items():
        true("lxd.service" not in cgroup_of(pid), f"{name} runs in {cgroup_of(pid)}")
        monitor = monitor_of(pid)
        true("lxd.service" not in cgroup_of(monitor), f"the monitor of {name} runs in {cgroup_of(monitor)}")
    run("systemctl", "restart", "lxd.service")
    true(daemon_pid() != first, "the same daemon still runs")
    for name in names:
        equal((state(name)["status"], state(name)["pid"]), ("Running", before[name]), name)
        equal(inside(name, "echo", "alive"), "alive\n", name)
    remove(*names)


@scenario
def a_stop_leaves_containers_running_and_the_next_client_finds_them():
    serve()
    name = launch("stays")
    pid = state(name)["pid"]
    run("systemctl", "stop", "lxd.service")
    equal(unit("lxd.service", "ActiveState"), "inactive")
    true(Path(f"/proc/{pid}").exists(), "the container ended with the daemon")
    equal(state(name)["pid"], pid)
    equal(unit("lxd.service", "ActiveState"), "active")
    remove(name)


@scenario
def a_killed_daemon_comes_back_and_finds_its_containers():
    serve()
    names = [launch("survives"), launch("survives-priv", "-c", "security.privileged=true")]
    pids = [state(name)["pid"] for name in names]
    first = daemon_pid()
    os.kill(first, 9)
    until(lambda: daemon_pid() not in (0, first), "systemd starts another daemon")
    equal([state(name)["pid"] for name in names], pids)
    for name in names:
        equal(inside(name, "echo", "alive"), "alive\n")
        lxc("stop", "--force", name)
        equal(state(name)["status"], "Stopped")
    remove(*names)


@scenario
def members_of_its_group_are_let_in_and_others_refused():
    serve()
    for user, options in (("member", ["--groups", "lxd"]), ("stranger", [])):
        if run("id", user, check=False).returncode != 0:
            run("useradd", "--create-home", *options, user)
    lxc("list", user="member")
    refused = lxc("list", user="stranger", check=False)
    true(refused.returncode != 0, "a stranger was let in")
    true("permission" in refused.stderr.lower(), f"it says {refused.stderr!r}")


@scenario
def the_boot_unit_stops_containers_at_shutdown_and_starts_them_at_boot():
    serve()
    name = launch("boots")
    run("systemctl", "start", "lxd-containers.service")
    run("systemctl", "stop", "lxd-containers.service")
    until(lambda: unit("lxd.service", "ActiveState") == "inactive", "the daemon ended")
    equal(run("pgrep", "-fc", r"^\[lxc monitor\].* boots$", check=False).stdout.strip(), "0", "its monitors")
    run("systemctl", "start", "lxd-containers.service")
    until(lambda: state(name)["status"] == "Running" and not query("/1.0/operations"), "it is started again")
    lxc("stop", "--force", name)
    remove(name)
    run("systemctl", "stop", "lxd-containers.service")
