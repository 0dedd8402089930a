"""On a kernel with AppArmor."""

import os
import subprocess
from pathlib import Path

from vm.guest.host import equal, inside, launch, lxc, query, remove, run, scenario, serve, state, true, until

KERNEL = Path("/sys/kernel/security/apparmor")


def profile_of(pid):
    return Path(f"/proc/{pid}/attr/current").read_text(encoding="utf-8").strip()


def profile_of_exec(name):
    """Seen from the host: inside, in a policy namespace of its own, it reads otherwise."""
    with subprocess.Popen(["/usr/local/bin/lxc", "exec", name, "--", "sleep", "4321"], stdin=subprocess.DEVNULL) as process:
        # The client's own line has more in it.
        pid = until(lambda: run("pgrep", "-fx", "sleep 4321", check=False).stdout.strip(), "it runs")
        profile = profile_of(pid)
        os.kill(int(pid), 9)
        process.wait(60)
    return profile


@scenario
def the_kernel_has_apparmor():
    true(KERNEL.is_dir(), f"no {KERNEL}")
    equal(Path("/sys/module/apparmor/parameters/enabled").read_text(encoding="utf-8").strip(), "Y")


@scenario
def containers_are_confined_by_a_profile_of_their_own():
    serve()
    for name, options in (("aa-unprivileged", ()), ("aa-privileged", ("-c", "security.privileged=true"))):
        launch(name, *options)
        profile = profile_of(state(name)["pid"])
        true(name in profile and profile.endswith("(enforce)"), f"{name} runs under {profile}")
        equal(profile_of_exec(name), profile, f"what exec runs in {name}")
        refused = lxc("exec", name, "--", "sh", "-c", "echo 1 > /proc/sysrq-trigger", check=False)
        true(refused.returncode != 0, f"{name} wrote /proc/sysrq-trigger")
        remove(name)
        left = [line for line in (KERNEL / "profiles").read_text(encoding="utf-8").splitlines() if name in line]
        equal(left, [], "profiles in the kernel after the delete")


@scenario
def nested_ones_start_too():
    serve()
    name = launch("aa-nesting", "-c", "security.nesting=true")
    equal(inside(name, "echo", "up"), "up\n")
    remove(name)


@scenario
def the_server_tells_no_more_than_it_has():
    serve()
    environment = query("/1.0")["environment"]
    features = environment["lxc_features"]
    equal(features.get("cgroup2"), "true")
    shown = lxc("info").stdout
    true('cgroup2: "true"' in shown, shown)
