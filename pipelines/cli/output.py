"""How rows and prose leave the program: data on stdout, everything else on stderr."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import sys
from collections.abc import Sequence
from typing import TextIO

FORMATS = ("table", "json", "csv")


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[object]], format: str, out: TextIO | None = None
) -> None:
    """Write rows to stdout as a table for people, or as JSON lines in one array, or as CSV."""
    out = out or sys.stdout
    if format == "json":
        json.dump(
            [dict(zip(columns, map(_plain, row), strict=True)) for row in rows], out, ensure_ascii=False, indent=1
        )
        out.write("\n")
    elif format == "csv":
        writer = csv.writer(out, lineterminator="\n")  # ids are piped into other commands
        writer.writerow(columns)
        writer.writerows([[_cell(v) for v in row] for row in rows])
    else:
        _print_table(columns, rows, out)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], out: TextIO) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # a pipe or a file has no width: never cut what a script will read
    console = Console(file=out, width=None if out.isatty() else 240, soft_wrap=False, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for i, name in enumerate(columns):
        numeric = any(isinstance(row[i], int | float) and not isinstance(row[i], bool) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_cell(v))) for v in row))
    console.print(table)


def printable(text: str) -> str:
    """Text from a trace made safe for a terminal: control characters shown as symbols instead of obeyed.

    >>> printable("a\\x1b[31m")
    'a␛[31m'
    """
    return text.translate(SYMBOLS)


# what makes text read otherwise than it is written (direction marks, line separators), and halves of a character
HIDDEN = (range(0x200E, 0x2010), range(0x2028, 0x202F), range(0x2066, 0x206A), range(0xD800, 0xE000))
SYMBOLS = {c: chr(0x2400 + c) for c in range(32) if chr(c) not in "\n\t"} | {0x7F: "␡"}
SYMBOLS |= dict.fromkeys(range(0x80, 0xA0), "\ufffd")
SYMBOLS |= {c: f"\\u{c:04x}" for span in HIDDEN for c in span}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple | dict):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
