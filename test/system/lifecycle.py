"""Containers that change state, from outside and from inside."""

import time

from system.kill import init_pid
from system.scenario import scenario


@scenario
def a_poweroff_inside_is_noticed(test):
    test.start()
    name = test.launch("off")
    ephemeral = test.launch("gone", "--ephemeral")
    for one in (name, ephemeral):
        test.daemon.lxc("exec", one, "--", "poweroff")
    test.until(lambda: test.state(name)["status"] == "Stopped", "it is stopped", timeout=3)
    test.until(lambda: test.api.raw("GET", f"/1.0/instances/{ephemeral}").status == 404, "the ephemeral one is gone", timeout=3)


@scenario
def a_reboot_inside_starts_it_again(test):
    test.start()
    for options in ((), ("--ephemeral",)):
        name = test.launch("again" + "-e" * len(options), *options)
        before = init_pid(name)
        test.daemon.lxc("exec", name, "--", "reboot")
        test.until(lambda: init_pid(name) not in (0, before), "a new init", timeout=10)
        test.until(lambda: test.state(name)["status"] == "Running", "running again", timeout=5)
        test.equal(test.exec(name, "echo", "back"), "back\n")
        test.daemon.lxc("delete", "--force", name, check=True)


@scenario
def a_clean_stop_ends_init_and_a_timeout_leaves_it_running(test):
    test.start()
    name = test.launch("clean")
    with test.within(5, "a clean stop"):
        test.daemon.lxc("stop", name, check=True)
    test.daemon.lxc("start", name, check=True)
    test.daemon.lxc("config", "set", name, "raw.lxc=lxc.signal.halt = SIGCONT", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    start = time.monotonic()
    test.true(test.daemon.lxc("stop", name, "--timeout", "1").returncode != 0, "a stop that cannot end in time fails")
    test.true(0.9 < time.monotonic() - start < 4, "it waits for its timeout")
    test.equal(test.state(name)["status"], "Running")


@scenario
def privileged_and_unprivileged_own_their_root(test):
    test.start()
    for privileged in (False, True):
        name = test.launch(f"priv{int(privileged)}", "-c", f"security.privileged={str(privileged).lower()}")
        first = test.exec(name, "head", "-n1", "/proc/self/uid_map").split()
        test.equal(first[1] == "0", privileged, f"uid map {first}")
        test.equal(test.exec(name, "stat", "-c", "%u %g", "/bin/busybox"), "0 0\n")
        test.exec(name, "touch", "/root/new")
        test.equal(test.exec(name, "stat", "-c", "%u", "/root/new"), "0\n")


@scenario
def renamed_and_frozen_containers_stay_usable(test):
    test.start()
    name = test.name("old")
    test.daemon.lxc("init", "busybox", name, check=True)
    renamed = test.name("new")
    test.daemon.lxc("rename", name, renamed, check=True)
    test.daemon.lxc("start", renamed, check=True)
    test.equal(test.exec(renamed, "hostname"), f"{renamed}\n")
    test.daemon.lxc("pause", renamed, check=True)
    test.equal(test.state(renamed)["status"], "Frozen")
    test.true(test.daemon.lxc("exec", renamed, "--", "true").returncode != 0, "exec in a frozen one")
    test.daemon.lxc("start", renamed, check=True)
    test.equal(test.exec(renamed, "echo", "thawed"), "thawed\n")
    test.daemon.lxc("pause", renamed, check=True)
    test.daemon.lxc("stop", renamed, "--timeout=20", check=True)  # thaws it, to be heeded
    test.daemon.lxc("start", renamed, check=True)
    test.daemon.lxc("pause", renamed, check=True)
    test.daemon.lxc("stop", "--force", renamed, check=True)


@scenario
def autostart_brings_back_what_ran_at_shutdown(test):
    test.start()
    running = test.launch("ran")
    asked = test.name("asked")
    never = test.launch("never", "-c", "boot.autostart=false")
    off = test.name("stopped")
    test.daemon.lxc("init", "busybox", asked, "-c", "boot.autostart=true", check=True)
    test.daemon.lxc("init", "busybox", off, check=True)
    daemon = test.daemon
    daemon.shutdown()
    for name in (running, never):
        test.true(not init_pid(name), f"{name} runs after the shutdown")
    daemon.start()
    test.until(lambda: test.state(running)["status"] == "Running", "what ran runs again")
    test.until(lambda: test.state(asked)["status"] == "Running", "what asked for it runs")
    for name in (never, off):
        test.equal(test.state(name)["status"], "Stopped", name)
