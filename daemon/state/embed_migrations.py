"""Writes the numbered SQL files as a C++ table: embed_migrations.py OUTPUT INPUT..."""

import pathlib
import sys

DELIMITER = "sql"


def row(path: pathlib.Path) -> str:
    number, _, name = path.stem.partition("_")
    return f'    {{{int(number)}, "{name}", R"{DELIMITER}({path.read_text()}){DELIMITER}"}},\n'


def main() -> None:
    output, *inputs = map(pathlib.Path, sys.argv[1:])
    rows = [row(path) for path in inputs]
    numbers = [int(path.stem.partition("_")[0]) for path in inputs]
    if numbers != list(range(1, len(inputs) + 1)):
        sys.exit(f"migrations must be numbered 1, 2, 3 ... in order: {numbers}")
    output.write_text(
        '#include "daemon/state/migrations.h"\n\n#include <array>\n\nnamespace state {\n\nnamespace {\n\n'
        f"constexpr std::array<Migration, {len(rows)}> table{{{{\n{''.join(rows)}}}}};\n\n"
        "} // namespace\n\nstd::span<const Migration> migrations() noexcept {\n    return table;\n}\n\n"
        "} // namespace state\n"
    )


main()
