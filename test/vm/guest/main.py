"""Inside the machine, as root, once: installs our build over the system and runs the patterns of the job."""

import fnmatch
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

JOB = Path("/job")
CHECKOUT = JOB / "checkout"
sys.path.insert(0, str(CHECKOUT / "test"))
os.environ |= {
    "CHECK_RESULTS": "/dev/hvc1",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "BUSYBOX_IMAGE": str(JOB / "busybox.tar.gz"),
    "BUILD": str(CHECKOUT / "build"),
    "PYTHONDONTWRITEBYTECODE": "1",
    "SLOWNESS": "10",
}

from harness.results import Results  # noqa: E402
from vm.guest.host import SCENARIOS, Skip  # noqa: E402

MODULES = ["service", "cgroups", "confinement", "limits", "devices", "lvm", "zfs"]


def set_up():
    """What a package's scripts do after unpacking."""
    shutil.copytree(JOB / "install", "/", dirs_exist_ok=True, symlinks=True)
    for unit in ("lxd.service", "lxd.socket", "lxd-containers.service", "lxcfs.service"):
        Path("/etc/systemd/system", unit).unlink(missing_ok=True)
    for command in (
        ["systemd-sysusers"],
        ["sysctl", "-q", "-p", "/usr/local/lib/sysctl.d/60-lxd.conf"],
        ["systemctl", "daemon-reload"],
    ):
        subprocess.run(command, check=True)


def clean_up():
    """After a failure, so that the next scenario finds what it expects."""
    shown = subprocess.run(["lxc", "list", "--format=csv", "--columns=n"], check=False, capture_output=True, text=True, timeout=120)
    for instance in shown.stdout.split():
        subprocess.run(["lxc", "delete", "--force", instance], check=False, timeout=120)


def run_one(results, name, function):
    start = time.monotonic()
    try:
        function()
    except Skip as skip:
        results.skip(name, str(skip))
    except Exception as problem:  # any exception is the test's failure
        traceback.print_exc()
        subprocess.run(["journalctl", "--no-pager", "-n", "30", "-u", "lxd.service"], check=False)
        results.fail(name, str(problem) or type(problem).__name__)
        clean_up()
    else:
        results.ok(name, f"{time.monotonic() - start:.1f} s")


def main():
    patterns = (JOB / "patterns").read_text(encoding="utf-8").split()
    inside = [pattern for pattern in patterns if not pattern.startswith("system:")]
    system = [pattern.removeprefix("system:") for pattern in patterns if pattern.startswith("system:")]
    os.environ |= json.loads((JOB / "environment").read_text(encoding="utf-8"))
    results = Results("vm")
    set_up()
    results.ok("boots", f"{Path('/proc/uptime').read_text().split()[0]} s after power-on")
    for module in MODULES:
        importlib.import_module(f"vm.guest.{module}")
    for name, function in SCENARIOS.items():
        if any(fnmatch.fnmatch(name, pattern) for pattern in inside):
            run_one(results, name, function)
    code = results.exit_code()
    subprocess.run(["systemctl", "stop", "lxd.socket", "lxd.service"], check=False, capture_output=True)
    if system:
        code = subprocess.run([CHECKOUT / "test/system/run", *system], check=False).returncode or code
    if code:
        refused = [line for line in subprocess.check_output(["dmesg"], text=True).splitlines() if "DENIED" in line]
        print("--- refused by AppArmor", *refused[-40:], sep="\n", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
