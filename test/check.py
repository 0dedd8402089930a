#!/usr/bin/python3
"""Builds and runs the suites in order; called by contrib/dev/check, which sets the machine up first.

Every suite appends its tests to one results file. At the end each skip is shown with its reason, and one that
test/expected-skips.txt does not list counts as a failure, as does a suite that ended badly without a failed test.
"""

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
SANITIZED = ROOT / "build-asan"


class Check:
    def __init__(self, long, results):
        self.long = long
        self.results = Path(results)
        self.environment = os.environ | {"CHECK_RESULTS": str(results), "PYTHONDONTWRITEBYTECODE": "1"}

    def record(self, outcome, name, note=""):
        with self.results.open("a", encoding="utf-8") as file:
            file.write(f"{outcome}\t{name}\t{note}\n")

    def lines(self):
        return [line.split("\t") for line in self.results.read_text(encoding="utf-8").splitlines()]

    def run(self, *command, environment=None):
        return subprocess.run(
            [str(part) for part in command], cwd=ROOT, env=self.environment | (environment or {}), check=False
        ).returncode

    def try_again(self, before, step):
        """Runs the failed tests of a step a second time. Most of these suites race real processes on a machine that may be
        busy; a test that fails twice fails, one that passes then is named, so that nobody overlooks it."""
        first = self.lines()[before:]
        failed = [line for line in first if line[0] == "FAIL"]
        if not failed:
            return
        print(f"== {step.__name__}: again, because of {', '.join(line[1] for line in failed)}", flush=True)
        mark = before + len(first)
        REPEATED[step](self, [line[1] for line in failed])
        second = self.lines()[mark:]
        clean = not any(line[0] == "FAIL" for line in second)
        outcomes = {line[1]: line for line in second}
        merged = [outcomes.get(line[1], ["ok", line[1], ""] if clean else line) if line in failed else line for line in first]
        for line in failed:
            if outcomes.get(line[1], ["ok" if clean else "FAIL"])[0] == "ok":
                print(f"flaky {line[1]}: {line[2]}", flush=True)
        kept = self.lines()[:before] + merged
        self.results.write_text("".join("\t".join(line) + "\n" for line in kept), encoding="utf-8")

    def single(self, name, *command):
        """A step that is one test."""
        ok = self.run(*command) == 0
        self.record("ok" if ok else "FAIL", name)
        return ok

    def suite(self, name, *command):
        """A step that records its own tests; it must record some, and end well when none failed."""
        before = len(self.lines())
        code = self.run(*command)
        new = self.lines()[before:]
        if not new:
            self.record("FAIL", name, "ran no test")
        elif code != 0 and not any(line[0] == "FAIL" for line in new):
            self.record("FAIL", name, f"ended with {code}")

    def meson(self, name, folder, suites, environment=None):
        logs = folder / "meson-logs" / f"check-{name}.junit.xml"
        logs.unlink(missing_ok=True)
        chosen = [part for suite in suites for part in ("--suite", suite)]
        code = self.run(
            *("meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--logbase", f"check-{name}"),
            *chosen,
            environment=environment,
        )
        failed = 0
        cases = list(ElementTree.parse(logs).iter("testcase")) if logs.exists() else []
        for case in cases:
            test = f"{name}:{case.get('classname', '')}.{case.get('name')}"
            bad = case.find("failure") is not None or case.find("error") is not None
            skipped = case.find("skipped")
            if skipped is not None or case.get("result") == "skipped":
                self.record("skip", test, " ".join((skipped.get("message") or "").split()) if skipped is not None else "")
            else:
                self.record("FAIL" if bad else "ok", test)
            failed += bad
        if code != 0 and not failed:
            self.record("FAIL", name, f"meson test ended with {code}")
        if not cases:
            self.record("FAIL", name, "ran no test")


def lint(check):
    check.single("lint:format", "test/lint/format.py")
    check.single("lint:include-direction", "test/lint/include_direction.py")
    check.single("lint:keys", "test/lint/keys.py")
    check.single("lint:rollback", "test/lint/rollback.py")
    check.single("lint:scripts", "test/lint/scripts.py")


def build(check):
    """False stops the run: nothing below means anything without the executables."""
    return check.single("build", "contrib/dev/build", BUILD)


def tidy(check):
    check.single("lint:tidy", "test/lint/tidy.py", BUILD, *(["--all"] if check.long else []))


def unit(check):
    check.meson("unit", BUILD, ["unit", "api"])


def rooms(check):
    """Rooms by themselves on what they are for: liblxc, the kernel's network, filesystems."""
    check.meson("rooms", BUILD, ["system"])


def test_targets(folder):
    """The executables of the unit and api tests and what they run, so that the sanitized build makes nothing else."""
    tests = json.loads(subprocess.check_output(["meson", "introspect", "--tests", folder]))
    wanted = [test for test in tests if any(suite.endswith((":unit", ":api")) for suite in test["suite"])]
    needed = {part for test in wanted for part in test["depends"]}
    targets = json.loads(subprocess.check_output(["meson", "introspect", "--targets", folder]))
    helpers = [file for target in targets if target["id"] in needed for file in target["filename"]]
    return sorted({os.path.relpath(file, folder) for file in [test["cmd"][0] for test in wanted] + helpers})


def sanitize(check, name, folder, sanitizers, environment):
    options = ["-Doptimization=0", f"-Db_sanitize={sanitizers}", "-Db_lundef=false"]
    if not check.single(f"{name}:configure", "contrib/dev/build", folder, *options, "--", "build.ninja"):
        return
    if check.single(f"{name}:build", "contrib/dev/build", folder, "--", *test_targets(folder)):
        check.meson(name, folder, ["unit", "api"], environment)


def sanitized(check):
    environment = {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    sanitize(check, "sanitized", SANITIZED, "address,undefined", environment)


def threads(check):
    sanitize(check, "threads", ROOT / "build-tsan", "thread", {"TSAN_OPTIONS": "halt_on_error=1"})


def system(check):
    check.suite("system", "test/system/run", *(["--long"] if check.long else []))


def system_again(check, failed):
    """Results are named `system:SCENARIO`."""
    scenarios = [name.partition(":")[2] for name in failed]
    check.suite("system", "test/system/run", *filter(None, scenarios))


def interop(check):
    check.suite("interop", "test/interop/run")


def interop_again(check, failed):
    """Results are named `interop:COMPARISON:FILE:NUMBER COMMAND`, and what broke a run off `interop:COMPARISON`. A file is
    run whole, as its commands build on each other."""
    parts = [name.split(":") for name in failed]
    files = {part[2] for part in parts} if all(len(part) > 2 for part in parts) else ()
    check.suite("interop", "test/interop/run", *(f"--only={file}" for file in sorted(files)))


def bench(check):
    check.suite("bench", "test/bench/run", *([] if check.long else ["--smoke"]))


def fuzz(check):
    check.suite("fuzz", "test/fuzz/run", "--seconds", "30")


def vm(check):
    check.suite("vm", "test/vm/run")


STEPS = [lint, build, tidy, unit, rooms, sanitized, threads, system, interop, bench, vm]
REPEATED = {  # how the failed tests of a step are run again
    unit: lambda check, _: unit(check),
    rooms: lambda check, _: rooms(check),
    sanitized: lambda check, _: sanitized(check),
    system: system_again,
    interop: interop_again,
}
LONG = [threads, fuzz, vm]  # only with --long, or by name


def expected_skips():
    with open("/etc/os-release", encoding="utf-8") as file:
        here = dict(line.rstrip().split("=", 1) for line in file if "=" in line).get("ID", "").strip('"')
    for line in (ROOT / "test/expected-skips.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, reason, where = line.split("\t")
            if where in ("any", here):
                yield name, reason


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="the long scenarios, tidy over everything, the full bench")
    names = [step.__name__ for step in STEPS]
    parser.add_argument("--only", action="append", choices=names, help="this suite (and the build); may be repeated")
    options = parser.parse_args()

    with tempfile.NamedTemporaryFile(prefix="check-") as results:
        check = Check(options.long, results.name)
        for step in STEPS:
            wanted = step.__name__ in options.only if options.only else options.long or step not in LONG
            if not wanted and step is not build:
                continue
            print(f"\n== {step.__name__}", flush=True)
            start = time.monotonic()
            before = len(check.lines())
            go_on = step(check)
            if step in REPEATED:
                check.try_again(before, step)
            print(f"== {step.__name__}: {time.monotonic() - start:.0f} s", flush=True)
            if go_on is False:
                break
        return report(check.lines())


def report(lines):
    expected = list(expected_skips())
    failures = [line for line in lines if line[0] == "FAIL"]
    skips = [line for line in lines if line[0] == "skip"]
    passed = sum(line[0] == "ok" for line in lines)
    print()
    for _, name, reason in skips:
        known = any(fnmatch.fnmatch(name, test) and fnmatch.fnmatch(reason, why) for test, why in expected)
        print(f"skipped {name}: {reason}" + ("" if known else " (not in test/expected-skips.txt)"))
        if not known:
            failures.append(["FAIL", name, "skipped unexpectedly"])
    for _, name, reason in failures:
        print(f"failed {name}" + (f": {reason}" if reason else ""))
    print(f"{passed} passed, {len(failures)} failed, {len(skips)} skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
