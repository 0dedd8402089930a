"""What confines containers, where the kernel has no AppArmor. The virtual machine's guest/confinement.py is for one that
has."""

from pathlib import Path

from system.scenario import Skip, scenario


@scenario
def apparmor_rules_are_kept_for_a_kernel_that_heeds_them(test):
    if Path("/sys/kernel/security/apparmor").is_dir():
        raise Skip("the kernel has AppArmor")
    test.start()
    name = test.launch("rules")
    test.daemon.lxc("config", "set", name, "raw.apparmor=mount fstype=ext4,", check=True)
    test.daemon.lxc("restart", "--force", name, check=True)
    test.equal(test.daemon.lxc("config", "get", name, "raw.apparmor").stdout, b"mount fstype=ext4,\n")
    test.true("apparmor" not in (test.daemon.folder / "logs" / name / "lxc.conf").read_text(), "it is an item of the container's")
