"""Takes from a command's output what two runs on two daemons can never have in common."""

import re

MASKS = [
    (r"(?<![-0-9a-f])([0-9a-f]{64}|[0-9a-f]{12})\b", "FINGERPRINT"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\d{4}/\d\d/\d\d \d\d:\d\d(:\d\d)? [A-Z]{3,4}", "TIME"),
    (r"[A-Z][a-z]{2} \d{1,2}, \d{4} at \d{1,2}:\d\d[ap]m \([A-Z]+\)", "TIME"),
    (r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "MAC"),
    (r"\b10\.77\.\d+\.\d+\b", "IPV4"),
    (r"[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d(?= )", "TIME"),
    (r"/tmp/lxd_config_\d+", "CONFIG"),
    (r"(SSH [^\n]*(?:127\.0\.0\.1|\[::\]):)\d+", r"\1PORT"),
    (r'(with username) "\w{8}"', r'\1 "WORD"'),
    (r'(and password) "\w{8}"', r'\1 "WORD"'),
    (r"\b\d+: (\w+)@if\d+", r"N: \1@ifN"),
    (r"(?<=\| )\d{3,}(?= +\|)", "N"),
    (r"\bfe80::[0-9a-f:]+\b", "IPV6"),
    (r"\bveth[0-9a-f]{8}\b", "VETH"),
    (r"\b(PID|Processes|Packets (received|sent)|CPU usage \(in seconds\)): -?\d+", r"\1: N"),
    (r"\b\d+(\.\d+)?(k|M|G|T|Ki|Mi|Gi|Ti)?B(/s)?\b", "SIZE"),
    (r"\b(used|total): \d+", r"\1: N"),
    (r'(space used|total space): "\d+"', r"\1: N"),
    (r'"(pid|processes|usage|usage_peak|swap_usage|bytes_\w+|packets_\w+|index|total|server_pid)": -?\d+', r'"\1": N'),
]
TABLE_LINE = re.compile(r"^([|+].*[|+]|  .*  )$")


def _tightened(line):
    """A table's line without the padding, which follows from the width of masked text."""
    if not TABLE_LINE.match(line):
        return line
    return re.sub(r"-+", "-", re.sub(r" +", " ", line))


def _drawn(line):
    """What a terminal shows in the end of a line that was drawn over; nothing where a progress line was wiped."""
    shown = line.rstrip("\r").rsplit("\r", 1)[-1]
    return None if "\r" in line and not shown.strip() else shown


def masked(text, places):
    """`places` maps paths of this run to names, such as its LXD_DIR."""
    for path, name in places.items():
        text = text.replace(str(path), name)
    drawn_lines = map(_drawn, text.removesuffix("\n").split("\n"))
    text = "\n".join(line for line in drawn_lines if line is not None)
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return [_tightened(line) for line in text.split("\n")] if text else []
