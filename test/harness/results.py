"""One line a test, on the screen and, where CHECK_RESULTS names a file, in it for check.py to count.

ok NAME / skip NAME: reason / FAIL NAME, after which the reason was printed.
"""

import os


class Results:
    """Counts the tests of one suite. exit_code() is what its runner ends with."""

    def __init__(self, suite):
        self.suite = suite
        self.counts = {"ok": 0, "skip": 0, "FAIL": 0}
        self.file = os.environ.get("CHECK_RESULTS")

    def ok(self, name, note=""):
        self._add("ok", name, note)

    def skip(self, name, reason):
        self._add("skip", name, reason)

    def fail(self, name, reason):
        self._add("FAIL", name, reason)

    def exit_code(self):
        return 1 if self.counts["FAIL"] else 0

    def _add(self, outcome, name, note):
        self.counts[outcome] += 1
        print(f"{outcome:<5}{self.suite}:{name}" + (f": {note}" if note else ""), flush=True)
        if self.file:
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(f"{outcome}\t{self.suite}:{name}\t" + " ".join(note.split()) + "\n")
