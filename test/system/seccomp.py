"""The seccomp policy of a container: what the default list, the keys and a policy of the user's own refuse inside."""

from system.scenario import scenario

# chroot(), by a program that busybox has, as the call that keys refuse.
CHROOT = ["chroot", "/", "true"]


def outcome(test, name, *command):
    """The exit code and what the command said."""
    done = test.daemon.lxc("exec", name, "--", *command)
    return done.returncode, done.stderr.decode()


def refusal(test, *options):
    """What an instance with these keys is refused with."""
    arguments = [part for option in options for part in ("-c", option)]
    done = test.daemon.lxc("init", "busybox", test.name("refused"), *arguments)
    test.true(done.returncode != 0, f"{options} was taken")
    return done.stderr.decode()


def filter_mode(test, name):
    return test.exec(name, "grep", "Seccomp:", "/proc/self/status").split()[-1]


@scenario
def keys_refuse_calls_and_leave_others(test):
    test.start()
    name = test.launch("deny", "-c", "security.syscalls.deny=chroot errno 95")
    code, error = outcome(test, name, *CHROOT)
    test.true(code != 0 and "not supported" in error, f"chroot under a rule: {code} {error!r}")
    test.equal(filter_mode(test, name), "2")
    test.daemon.lxc("config", "unset", name, "security.syscalls.deny", check=True)
    test.daemon.lxc("config", "set", name, "security.syscalls.blacklist=chroot errno 4", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    code, error = outcome(test, name, *CHROOT)
    test.true(code != 0 and "nterrupted" in error, f"chroot under a rule of the older name: {code} {error!r}")
    test.daemon.lxc("config", "unset", name, "security.syscalls.blacklist", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(outcome(test, name, *CHROOT)[0], 0, "chroot without a rule")


@scenario
def without_a_list_there_is_no_filter(test):
    test.start()
    name = test.launch("none", "-c", "security.syscalls.deny_default=false")
    test.equal(filter_mode(test, name), "0")
    test.daemon.lxc("config", "unset", name, "security.syscalls.deny_default", check=True)
    test.daemon.lxc("config", "set", name, "raw.seccomp=2\ndenylist\n[all]\nchroot errno 95\n", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(filter_mode(test, name), "2")
    test.true("not supported" in outcome(test, name, *CHROOT)[1], "a policy of the user's own")


@scenario
def a_compatibility_list_and_an_allow_list_start(test):
    test.start()
    name = test.launch("compat", "-c", "security.syscalls.deny_compat=true")
    test.equal(filter_mode(test, name), "2")
    # Everything that busybox needs would be a long list: one that allows but few calls is seen by what it kills.
    test.daemon.lxc("config", "unset", name, "security.syscalls.deny_compat", check=True)
    test.daemon.lxc("stop", "--force", name, check=True)
    test.daemon.lxc("config", "set", name, "security.syscalls.allow=read\nwrite", check=True)
    done = test.daemon.lxc("start", name)
    running = test.state(name)["status"] == "Running" and test.daemon.lxc("exec", name, "--", "true").returncode == 0
    test.true(done.returncode != 0 or not running, "init runs with read() and write() alone")


@scenario
def what_liblxc_would_not_take_is_refused_by_its_line(test):
    test.start()
    test.true('line 2: unknown system call "foo"' in refusal(test, "security.syscalls.deny=read\nfoo"), "a name")
    test.true("line 1: unknown action" in refusal(test, "security.syscalls.allow=read maybe"), "an action")
    test.true("line 1: " in refusal(test, "raw.seccomp=denylist\nread"), "a policy without a version")
    test.true(
        "Mutually exclusive keys security.syscalls.deny and security.syscalls.blacklist are set"
        in refusal(test, "security.syscalls.deny=read", "security.syscalls.blacklist=read"),
        "both names",
    )
    test.daemon.lxc("profile", "create", "strict", check=True)
    test.daemon.lxc("profile", "set", "strict", "security.syscalls.allow=read", check=True)
    done = test.daemon.lxc("init", "busybox", test.name("both"), "-p", "default", "-p", "strict", "-c", "raw.seccomp=2\ndenylist\n")
    test.true(b"raw.seccomp is mutually exclusive" in done.stderr, f"across profiles: {done.stderr!r}")
