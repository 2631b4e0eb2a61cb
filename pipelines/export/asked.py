"""What an export is asked, checked as a whole before anything is read: every fault at once."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.parquet as pq

from pipelines.export import declassify
from pipelines.export.ids import key_print, read_key
from pipelines.export.listing import Lake
from pipelines.export.mapped import map_faults
from pipelines.export.masking.rows import RowSettings
from pipelines.export.masking.tokens import RoundTrip
from pipelines.export.papers.certify import stated
from pipelines.export.settings import ExportSettings
from pipelines.export.where import Predicate, parse_where
from pipelines.guard import Guard, reason
from schemas.errors import Fault, FirewallError, InputError
from schemas.layouts import LAYOUTS, LayoutSettings
from schemas.layouts.detect import TARGETS, TOOL

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Settings that were found to be in order, in the form in which they are used; the key is not shown."""

    settings: ExportSettings
    target: Path
    where: tuple[Predicate, ...]
    layout: LayoutSettings
    rows: RowSettings
    key: bytes | None = field(repr=False)
    key_file: str | None
    tokenizer: bytes | None = field(repr=False)
    stated: dict[str, Any]


def check(settings: ExportSettings, guard: Guard, today: dt.date | None) -> Asked:
    """Everything about the settings that can be seen without the lake.

    Raises FirewallError or InputError with all faults at once.
    """
    faults: list[Fault] = []
    walls: list[Fault] = []
    if settings.declassify and today is None:
        walls.append(Fault("declassify", None, "expires by a day that was not given", "pass today's date"))

    def gathered(work: Callable[[], T]) -> T | None:
        try:
            return work()
        except InputError as error:
            kind = walls if isinstance(error, FirewallError) else faults
            kind += error.faults or [Fault("export", None, str(error))]
            return None

    target = gathered(lambda: _target(guard, settings.out))
    where = gathered(lambda: parse_where(settings.where)) or ()
    key_file = gathered(lambda: _file(guard, settings.id_key_file, "--id-key-file"))
    key = gathered(lambda: read_key(key_file, guard.open)) if key_file else None
    tokenizer = gathered(lambda: _file(guard, settings.tokenizer, "--tokenizer"))
    words = gathered(lambda: _tokenizer(guard, tokenizer)) if tokenizer else None
    faults += _layout_faults(settings)
    choice = (settings.audience, settings.arguments, settings.plain_actions, settings.columns)
    rows = gathered(lambda: RowSettings(*choice))
    walls += map_faults(settings.map)
    walls += declassify.check(settings.declassify, today, where, settings.columns, settings.map)
    if faults or walls or target is None or rows is None:
        raise (FirewallError if walls else InputError)([*walls, *faults])
    digest = hashlib.sha256(words).hexdigest() if words is not None else None
    said = stated(settings, [str(p) for p in where], key_print(key) if key else None, digest)
    layout = LayoutSettings(settings.layout, tuple(sorted(settings.map.items())))
    return Asked(settings, target, where, layout, rows, key, str(key_file) if key_file else None, words, said)


def _target(guard: Guard, out: str) -> Path:
    if "://" in out:
        raise InputError([Fault(out, None, "remote folders are not supported yet", "give a local path or mount it")])
    target = guard.check(out, "--out")
    if target.parent == target:
        raise InputError([Fault(out, None, "is the root of the file system", "choose a new folder")])
    return target


def _file(guard: Guard, path: Path | None, what: str) -> Path | None:
    return guard.check(os.path.expanduser(path), what) if path else None


def _tokenizer(guard: Guard, path: Path) -> bytes:
    """A tokenizer's description, once it is sure that it is one."""
    try:
        data = guard.read(path)
    except OSError as error:
        raise InputError([Fault(str(path), None, f"the tokenizer cannot be read: {reason(error)}")]) from error
    RoundTrip.of(data, str(path))
    return data


def _layout_faults(settings: ExportSettings) -> Iterator[Fault]:
    if settings.layout not in ("auto", *LAYOUTS):
        yield Fault("--layout", None, f"unknown layout {settings.layout!r}", f"use auto, {', '.join(LAYOUTS)}")
    for target, source in settings.map.items():
        if target not in TARGETS:
            near = difflib.get_close_matches(target, TARGETS, 1) or TARGETS
            yield Fault("--map", None, f"nothing is called {target!r}", f"use {', '.join(near)}")
        elif source.startswith(TOOL) and target != "reasoning":
            what = f"{target}={source}: a tool's argument is reasoning or nothing"
            yield Fault("--map", None, what, f"use reasoning={source}")


def check_map(settings: ExportSettings, lake: Lake, guard: Guard) -> None:
    """A column to be renamed must be in some file, or a misspelt name would pass unnoticed."""
    sought = {source: target for target, source in settings.map.items() if not source.startswith(TOOL)}
    read = False
    for file in lake.files:
        if not sought:
            return
        try:
            with guard.open(file.path) as source:
                names = pq.read_schema(source).names
        except (OSError, ValueError):  # it will be a dead letter
            continue
        read = True
        sought = {source: target for source, target in sought.items() if source not in names}
    if read and sought:
        what, todo = "no file has a column of this name", "check its spelling with `cotmonitor traces validate`"
        raise InputError([Fault(f"--map {t}={s}", None, what, todo) for s, t in sought.items()])
