"""What the benches share: rows of medians of both daemons, their ratios and aims, and taking turns."""

import statistics
import time


class Figure:
    """One row. The aim is for ours divided by the real one's, or with `absolute` for ours alone, or with `difference`
    for what ours has more; at most that much, or with `more_is_better` at least."""

    def __init__(self, name, unit, aim=None, absolute=False, more_is_better=False, difference=False):
        self.name = name
        self.unit = unit
        self.aim = aim
        self.absolute = absolute
        self.difference = difference
        self.more_is_better = more_is_better
        self.samples = {"ours": [], "real": []}

    def add(self, side, value):
        self.samples[side].append(value)

    def median(self, side):
        return statistics.median(self.samples[side]) if self.samples[side] else None

    @property
    def ratio(self):
        ours, real = self.median("ours"), self.median("real")
        return ours / real if ours is not None and real else None

    def measured(self):
        if self.absolute or self.ratio is None:
            return self.median("ours") if self.absolute else None
        return self.median("ours") - self.median("real") if self.difference else self.ratio

    def verdict(self):
        measured = self.measured()
        if self.aim is None or measured is None:
            return ""
        return "met" if (measured >= self.aim if self.more_is_better else measured <= self.aim) else "missed"

    def row(self):
        def number(value):
            return "-" if value is None else f"{value:.1f}" if value < 1000 else f"{value:.0f}"

        aim = ""
        if self.aim is not None:
            aim = ("at least " if self.more_is_better else "at most ") + (
                f"{self.aim:g} {self.unit}{' more' if self.difference else ''}" if self.absolute or self.difference else f"{self.aim:g}x"
            )
        ratio = "-" if self.ratio is None else f"{self.ratio:.3f}"
        counts = min(len(samples) for samples in self.samples.values())
        return [self.name, self.unit, str(counts), number(self.median("ours")), number(self.median("real")), ratio, aim, self.verdict()]


def timed(action, *arguments, **options):
    """Milliseconds."""
    start = time.perf_counter()
    action(*arguments, **options)
    return (time.perf_counter() - start) * 1000


def settle(daemon):
    """Until the daemon has removed in the background what was deleted, which must not slow the other one's turn."""
    while any(daemon.folder.glob("storage-pools/*/*/.partial-*")):
        time.sleep(0.01)


def in_turn(pair, repeats, action, *arguments):
    """Ours, the real one, ours ... so that a slow minute of the machine meets both."""
    for number in range(repeats):
        for side, daemon in pair.items():
            action(side, daemon, *(part(number) if callable(part) else part for part in arguments))
            settle(daemon)


def table(rows):
    heads = ["figure", "unit", "n", "ours", "real LXD", "ratio", "aim", ""]
    widths = [max(len(line[column]) for line in [heads, *rows]) for column in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in [heads, *rows])
