"""Write docs/reference from the code: `make docs`. A test fails while they differ."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

import click

from pipelines.cli import main
from pipelines.summary import Findings, Group, MonitorCounts, RunSummary
from schemas.calibrations import CALIBRATIONS
from schemas.labels import LABELS
from schemas.ledger import DEAD_LETTERS, RUNS, UNITS
from schemas.results import ALERTS, ASSESSMENTS, AUDITS, JUDGEMENTS, REVIEWS
from schemas.trace import ADAPTED, CANONICAL, TRACES
from schemas.upkeep import FORGOTTEN, MUTES

REFERENCE = Path(__file__).parent / "reference"
STORED = (
    *(TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, DEAD_LETTERS, UNITS, REVIEWS, CALIBRATIONS, AUDITS, RUNS),
    *(MUTES, FORGOTTEN),
)
MOVING = (CANONICAL, ADAPTED)
FILES = (LABELS,)
JSON_TYPES: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    type(None): "null",
    dt.date: "date",
    dt.datetime: "time",
}
WIDTH = 110  # of the help texts, as on a wide terminal


def tables() -> str:
    """The reference of all tables."""
    parts = [
        "# Tables",
        "Generated from `schemas/` by `make docs`; edit the code instead.",
        "## In the store",
        "A row counts once its unit is in `units`; the views of the same names show only rows that count "
        "([store.md](../store.md)).",
        *(table.markdown().rstrip() for table in STORED),
        "## On the way",
        *(table.markdown().rstrip() for table in MOVING),
        "## In files of their own",
        *(table.markdown().rstrip() for table in FILES),
    ]
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """The `--help` of every command."""
    parts = ["# Commands", "Generated from the command line by `make docs`; edit the code instead."]
    for name, command, context in walk():
        parts.append(f"## `{name}`\n\n```text\n{command.get_help(context).rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def walk() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command with its full name, the groups before what is in them."""
    yield from _walk("cotmonitor", main, None)


def _walk(
    name: str, command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    context = click.Context(
        command,
        parent,
        name.split()[-1],
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield name, command, context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _walk(f"{name} {child}", found, context)


def run_summary() -> str:
    """The reference of the file that `run --summary` writes."""
    parts = [
        "# The summary of a run",
        "Generated from `pipelines/summary.py` by `make docs`; edit the code instead. `cotmonitor run --summary FILE` "
        "writes it as JSON when the run begins, and anew when it ends, however it ends. A scheduler reads `exit_code` "
        "and `status`; a pager may be sent all but `error`, `store` and `warnings`.",
    ]
    for model in (RunSummary, Findings, Group, MonitorCounts):
        rows = ["| key | type | what it is |", "|---|---|---|"]
        for name, info in model.model_fields.items():
            told = info.description or ""
            rows.append(f"| `{name}` | {_type(info.annotation)} | {told} |")
        parts += [f"## {model.__name__}", (model.__doc__ or "").strip(), "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _type(annotation: object) -> str:
    """A type as JSON has it: models by their headings, tuples as lists, choices spelt out."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{json.dumps(a)}`" for a in arguments)
    if get_origin(annotation) is tuple:
        return f"list of {_type(arguments[0])}"
    if arguments:
        return " or ".join(_type(a) for a in arguments)
    return JSON_TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


PAGES = {"tables.md": tables, "commands.md": commands, "run-summary.md": run_summary}

if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for page, text in PAGES.items():
        (REFERENCE / page).write_text(text(), encoding="utf-8")
