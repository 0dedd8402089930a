"""One run of the machine: powers it on, gives it the job, follows what it says, until it ends or its time is over."""

import contextlib
import os
import subprocess
import threading
from pathlib import Path

# KVM is not asked for: where tests run it is mostly missing, and where it is there it does not always boot this kernel.
QEMU = [
    *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "2048", "-M", "q35"),
    *("-nodefaults", "-no-reboot", "-display", "none"),
]
# On a busy host the timer that the kernel would check at its start comes too late.
KERNEL_LINE = "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off systemd.unified_cgroup_hierarchy=1 systemd.show_status=0"


class Machine:
    """The folder gets the machine's console, log and results; all three are files that grow while it runs."""

    def __init__(self, image, folder):
        self.image = image
        self.folder = Path(folder)
        self.console = self.folder / "console"
        self.log = self.folder / "log"
        self.results = self.folder / "results"

    def run(self, job, timeout, on_result):
        """job: a tar with an executable `main`. on_result gets every line of results as it comes; gives main's exit
        code, or None when the machine ended without one."""
        for path in (self.console, self.log, self.results):
            path.write_bytes(b"")
        disk = "if=virtio,format=raw"
        command = [
            *QEMU,
            *("-kernel", self.image.kernel, "-initrd", self.image.initrd, "-append", KERNEL_LINE),
            *("-drive", f"file={self.image.disk},{disk},snapshot=on", "-drive", f"file={job},{disk},readonly=on"),
            *("-serial", f"file:{self.console}", "-device", "virtio-serial"),
            *("-chardev", f"file,id=log,path={self.log}", "-device", "virtconsole,chardev=log"),
            *("-chardev", f"file,id=results,path={self.results}", "-device", "virtconsole,chardev=results"),
        ]
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, env=os.environ | {"TMPDIR": str(self.folder)}
        )
        ended = threading.Event()
        follower = threading.Thread(target=self._follow, args=(ended, on_result))
        follower.start()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            on_result(["FAIL", "ends", f"not within {timeout} s"])
        finally:
            process.kill()
            process.wait()
            ended.set()
            follower.join()
        return self._exit_code

    _exit_code = None

    def _follow(self, ended, on_result):
        with open(self.results, encoding="utf-8", errors="replace") as file:
            pending = ""
            while True:
                last = ended.is_set()
                pending += file.read()
                while "\n" in pending:
                    line, _, pending = pending.partition("\n")
                    self._one(line.rstrip("\r").split("\t"), on_result)
                if last:
                    return
                ended.wait(0.5)

    def _one(self, fields, on_result):
        if fields[0] == "exit":
            with contextlib.suppress(ValueError, IndexError):
                self._exit_code = int(fields[1])
        elif fields[0] in ("ok", "skip", "FAIL") and len(fields) >= 2:
            on_result([*fields, ""][:3])

    def tail(self, lines=40):
        """The end of log and console, for a failure."""
        text = ""
        for path in (self.console, self.log):
            shown = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            text += f"--- {path.name}\n" + "\n".join(shown) + "\n"
        return text
