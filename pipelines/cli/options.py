"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipelines.cli.output import FORMATS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def store_option(required: bool = True) -> Decorator:
    return click.option("--store", metavar="DIR", required=required, help="The store: a folder of alert tables.")


def format_option(default: str = "table") -> Decorator:
    return click.option(
        "--format",
        "format",
        type=click.Choice(FORMATS),
        default=default,
        show_default=True,
        help="How rows are printed.",
    )


def layout_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--layout` and `--map`, which say how columns are read as traces."""
    function = click.option(
        "--map",
        "rename",
        multiple=True,
        metavar="TARGET=SOURCE[,...]",
        help="Read column SOURCE as TARGET, e.g. reasoning=cot,output=answer, or a tool's argument: "
        "reasoning=tool:thoughts. May be repeated.",
    )(function)
    return click.option(
        "--layout",
        default=None,
        metavar="NAME",
        help="canonical, flat, messages or scout; without it each file's layout is detected from its columns.",
    )(function)


def parse_rename(values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`--map` values as (target, source) pairs.

    >>> parse_rename(("reasoning=cot,output=answer",))
    (('reasoning', 'cot'), ('output', 'answer'))
    """
    pairs: list[tuple[str, str]] = []
    for value in values:
        for part in value.split(","):
            target, sign, source = part.strip().partition("=")
            if not (sign and target and source):
                raise click.BadParameter(f"{part!r} is not TARGET=SOURCE", param_hint="--map")
            if target in dict(pairs):
                raise click.BadParameter(f"{target!r} is given twice", param_hint="--map")
            pairs.append((target, source))
    return tuple(pairs)


Directory = click.Path(file_okay=False, path_type=Path)
