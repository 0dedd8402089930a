"""On a kernel with AppArmor: the profiles that containers get, and what they keep from them. What a hostile one tries
is in test/system/hostile_inside.py, which runs in here too."""

import os
import subprocess
from pathlib import Path

from vm.guest.host import equal, inside, launch, lxc, query, remove, run, scenario, serve, state, true, until

KERNEL = Path("/sys/kernel/security/apparmor")
FILES = Path("/var/lib/lxd/security/apparmor")
KINDS = [("aa-unprivileged", ()), ("aa-privileged", ("-c", "security.privileged=true"))]


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


def own(name):
    """The name that LXD gives to a container's profile."""
    return f"lxd-{name}_</var/lib/lxd>"


def left_of(name):
    """What there is of its profile: in the kernel, of its policy namespace, and on disk."""
    loaded = [line for line in (KERNEL / "profiles").read_text(encoding="utf-8").splitlines() if f"lxd-{name}_" in line]
    places = [KERNEL / "policy/namespaces", *(FILES / part for part in ("profiles", "cache"))]
    return loaded + [str(path) for place in places for path in place.rglob(f"lxd-{name}*")]


def as_in(name, work):
    """Whether `work` succeeds in a process of this host that took on the container's profile."""
    child = os.fork()
    if child == 0:
        try:
            Path("/proc/self/attr/current").write_text(f"changeprofile {own(name)}", encoding="utf-8")
            work()
        except PermissionError:
            os._exit(1)
        except BaseException:  # anything else is not an answer
            os._exit(2)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    true(code < 2, "it could not take on the profile")
    return code == 0


@scenario
def containers_are_confined_by_a_profile_of_their_own():
    serve()
    for name, options in KINDS:
        launch(name, *options)
        profile = profile_of(state(name)["pid"])
        true(profile.startswith(own(name)) and "(unconfined)" not in profile, f"{name} runs under {profile}")
        equal(profile_of_exec(name), profile, f"what exec runs in {name}")
        true((KERNEL / f"policy/namespaces/lxd-{name}_<var-lib-lxd>").is_dir(), "it has a policy namespace")
        lxc("stop", "--force", name)
        equal([found for found in left_of(name) if str(FILES) not in found], [], "in the kernel after the stop")
        lxc("start", name)
        remove(name)
        equal(left_of(name), [], "after the delete")


@scenario
def the_profile_denies_what_the_kernel_would_let_root_do():
    """Of a privileged container from which nothing else keeps the host's disk and the magic key."""
    serve()
    disk = os.stat("/dev/vda").st_rdev
    raw = f"lxc.mount.auto = proc:rw\nlxc.cgroup2.devices.allow = b {os.major(disk)}:* rwm"
    name = launch("aa-denied", "-c", "security.privileged=true", "-c", f"raw.lxc={raw}")
    inside(name, "mknod", "/dev/disk", "b", str(os.major(disk)), str(os.minor(disk)))
    tries = [
        f"mkdir -p {place}; mount -t ext4 -o {options} /dev/disk {place} 2>/dev/null && umount {place} && echo {place}:{options}"
        for place in ("/mnt", "/sys", "/run", "/run/systemd/unit-root")
        for options in ("ro", "rw", "nosuid,nodev,noexec", "ro,nosuid,nodev,noexec")
    ]

    def mounted(count=len(tries)):
        return inside(name, "sh", "-c", "; ".join([*tries[:count], "true"])).split()

    equal(mounted(), [], "the disk is mounted")
    press = ("sh", "-c", "echo h > /proc/sysrq-trigger")
    true(lxc("exec", name, "--", *press, check=False).returncode != 0, "pressed the magic key")

    # Nothing but the profile: another line of it, and it works at once.
    lxc("config", "set", name, "raw.apparmor=mount fstype=ext4,")
    true(mounted(2), "raw.apparmor lets it be mounted")
    lxc("config", "unset", name, "raw.apparmor")
    equal(mounted(2), [], "once it is gone")
    lxc("config", "set", name, "raw.lxc=" + raw + "\nlxc.apparmor.profile = unconfined")
    lxc("restart", "--force", name)
    inside(name, *press)
    remove(name)


@scenario
def processes_of_another_container_cannot_be_signalled_or_traced():
    serve()
    names = [launch(name, "-c", "security.privileged=true") for name in ("aa-one", "aa-other")]
    pids = [state(name)["pid"] for name in names]
    true(as_in(names[0], lambda: os.kill(pids[0], 0)), "it may signal its own")
    true(not as_in(names[0], lambda: os.kill(pids[1], 0)), "it signalled another's")
    true(not as_in(names[0], lambda: os.kill(os.getppid(), 0)), "it signalled the host's")
    true(not as_in(names[0], lambda: Path(f"/proc/{pids[1]}/environ").read_bytes()), "it looked into another's")
    remove(*names)


@scenario
def a_profile_that_cannot_be_read_is_refused_before_it_is_stored():
    serve()
    name = launch("aa-raw", "-c", "raw.apparmor=deny /proc/version r,")
    true(lxc("exec", name, "--", "cat", "/proc/version", check=False).returncode != 0, "what it says holds")
    for running in (True, False):
        refused = lxc("config", "set", name, "raw.apparmor=this is no rule", check=False)
        true("Parse AppArmor profile" in refused.stderr and "syntax error" in refused.stderr, refused.stderr)
        equal(lxc("config", "get", name, "raw.apparmor").stdout.strip(), "deny /proc/version r,", f"stored, running: {running}")
        if running:
            lxc("stop", "--force", name)
    true(lxc("init", "busybox", "aa-new", "-c", "raw.apparmor=nor this", check=False).returncode != 0, "a new one was made")
    lxc("config", "unset", name, "raw.apparmor")
    lxc("start", name)
    inside(name, "cat", "/proc/version")
    remove(name)


@scenario
def a_daemon_that_starts_mends_what_a_killed_one_left():
    serve()
    name = launch("aa-mended")
    pid = state(name)["pid"]
    run("systemctl", "stop", "lxd.service")
    file = FILES / f"profiles/lxd-{name}"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("}\n", "  # of an older daemon\n}\n"), encoding="utf-8")
    (FILES / "profiles/lxd-ghost").write_text(text.replace(name, "ghost"), encoding="utf-8")
    run("apparmor_parser", "-r", "-K", FILES / "profiles/lxd-ghost")
    true(left_of("ghost"), "a profile of one that is not there")
    equal(state(name)["pid"], pid, "the running one")
    equal(file.read_text(encoding="utf-8"), text, "its profile")
    equal(left_of("ghost"), [])
    true(profile_of(pid).startswith(own(name)), "it is confined still")
    remove(name)


@scenario
def a_container_has_a_policy_of_its_own_inside_its_profile():
    serve()
    name = launch("aa-own", "-c", "security.nesting=true")
    lxc("config", "device", "add", name, "usr", "disk", "source=/usr", "path=/usr", "readonly=true")
    inside(name, "sh", "-c", "for link in lib lib64; do [ -e /$link ] || ln -s usr/$link /$link; done; echo secret > /tmp/secret")
    rules = "profile inner { capability, file, deny /tmp/secret r, }"
    inside(name, "sh", "-c", f"echo '{rules}' > /tmp/inner; exec /usr/sbin/apparmor_parser -r -K /tmp/inner")
    true("inner (enforce)" in inside(name, "cat", KERNEL / "profiles"), "it sees its own")
    true("_</var/lib/lxd>" not in inside(name, "cat", KERNEL / "profiles"), "it sees the host's")
    read = ("exec", name, "--", "sh", "-c", "{change} cat /tmp/secret")
    for change, works in (("", True), ("echo -n changeprofile inner > /proc/self/attr/current;", False)):
        done = lxc(*(word.format(change=change) for word in read), check=False)
        equal(done.returncode == 0, works, f"with {change!r}: {done.stderr}")
    remove(name)
    equal(left_of(name), [], "after the delete")


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
