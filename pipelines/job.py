"""A job: what to read, which monitors to run, where to write. From YAML, from flags, or both."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from schemas.contracts.run.settings import ContractSettings
from schemas.errors import Fault, JobFileError
from schemas.layouts import LAYOUTS
from schemas.layouts.detect import TARGETS, TOOL

MONITOR_KINDS = ("rules",)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Job(Strict):
    """One run of the main job. Field names are the keys of a job file and, with dashes, the flags of `run`."""

    traces: tuple[str, ...] = Field(min_length=1)
    store: str = Field(min_length=1)
    root: str | None = None
    layout: str = "auto"
    map: dict[str, str] = Field(default_factory=dict)
    date: dt.date | None = None
    monitors: tuple[str, ...] = ("rules:core",)
    sample: int | None = Field(None, ge=1)
    workers: int | None = Field(None, ge=1, le=256)
    retry: bool = False
    allow_empty: bool = False
    keep_payloads: bool = True
    excerpt_chars: int = Field(200, ge=0, le=2000)
    threshold: float = Field(0.0, ge=0, le=1)
    contracts: ContractSettings = ContractSettings()
    batch_mb: float = Field(16, gt=0, le=1024)

    @field_validator("traces", "monitors", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("sample", "workers", "excerpt_chars", "threshold", "batch_mb", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if isinstance(value, bool):  # YAML reads yes as true, and true would do as 1
            raise ValueError("a number is needed")
        return value

    @field_validator("map")
    @classmethod
    def _known_targets(cls, value: dict[str, str]) -> dict[str, str]:
        for target, source in value.items():
            if target not in TARGETS:
                near = difflib.get_close_matches(target, TARGETS, 1) or TARGETS
                raise ValueError(f"nothing is called {target!r}; use {', '.join(near)}")
            if source.startswith(TOOL) and target != "reasoning":
                what = f"{target}={source}: a tool's argument is reasoning or nothing"
                raise ValueError(f"{what}; use reasoning={source}")
        return value

    @field_validator("layout")
    @classmethod
    def _known_layout(cls, value: str) -> str:
        if value not in ("auto", *LAYOUTS):
            raise ValueError(f"unknown layout {value!r}; use auto, {', '.join(LAYOUTS)}")
        return value

    @field_validator("monitors")
    @classmethod
    def _known_monitors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            kind, _, ref = name.partition(":")
            if kind not in MONITOR_KINDS:
                raise ValueError(f"unknown monitor {name!r}; use rules or rules:PACK, where PACK is core or a path")
            if name != kind and not ref:
                raise ValueError(f"monitor {name!r} names no pack; use rules or rules:PACK")
        if not value:
            raise ValueError("no monitor is named; use rules, or leave the key out")
        return value


# what a validator says in words of its own trade, by its type
NEEDED = {
    **dict.fromkeys(("date_from_datetime_parsing", "date_from_datetime_inexact"), "write it as YYYY-MM-DD"),
    "date_type": "write it as YYYY-MM-DD",
    **dict.fromkeys(("bool_parsing", "bool_type"), "say true or false"),
    **dict.fromkeys(("dict_type", "model_type"), "give keys and values, each on a line of its own"),
    "tuple_type": "give one or a list of them",
    "string_type": "give text",
    "string_too_short": "give a path",
}


def load_job(path: str | None, overrides: Mapping[str, Any]) -> Job:
    """The job of a file with the given flags on top; every fault is reported at once, with its line.

    Paths in a job file are relative to the folder in which the program is started, as they are in flags.
    """
    values: dict[str, Any] = {}
    lines: dict[tuple[object, ...], int] = {}
    if path is not None:
        values, lines = _read(Path(path))
    given = {k: v for k, v in overrides.items() if v is not None}
    merged = {**values, **given}
    if "contracts" in given and isinstance(values.get("contracts"), dict):
        merged["contracts"] = {**values["contracts"], **given["contracts"]}
    try:
        return Job.model_validate(merged)
    except ValidationError as error:
        raise JobFileError(_faults(error, path, lines, given)) from None


def _read(path: Path) -> tuple[dict[str, Any], dict[tuple[object, ...], int]]:
    where = str(path)
    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise JobFileError([Fault(where, None, f"cannot be read: {error.strerror}", "check the path")]) from None
    except UnicodeDecodeError:
        raise JobFileError([Fault(where, None, "is not UTF-8 text", "save it as UTF-8")]) from None
    except yaml.YAMLError as error:
        raise JobFileError([_not_yaml(where, error)]) from None
    except RecursionError:
        raise JobFileError([Fault(where, None, "is nested too deep", "mend the YAML")]) from None
    if not isinstance(node, yaml.MappingNode):
        found = (
            "an empty file" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        )
        fault = Fault(where, 1, f"a job file is a mapping, found {found}", "begin with `traces:` and `store:`")
        raise JobFileError([fault])
    lines: dict[tuple[object, ...], int] = {}
    faults: list[Fault] = []
    _index(node, (), lines, faults, where, set())
    if faults:
        raise JobFileError(faults)
    try:
        return yaml.SafeLoader("").construct_document(node), lines
    except yaml.YAMLError as error:
        raise JobFileError([_not_yaml(where, error)]) from None


def _not_yaml(where: str, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or f"is not YAML: {getattr(error, 'reason', error)}"
    if problem.startswith("but "):
        problem = f"{getattr(error, 'context', '')}, {problem}"
    return Fault(where, mark.line + 1 if mark else None, problem, "mend the YAML")


def _index(
    node: yaml.Node,
    at: tuple[object, ...],
    lines: dict[tuple[object, ...], int],
    faults: list[Fault],
    where: str,
    above: set[int],
) -> None:
    """The line of each key, and keys given twice, which YAML would silently drop."""
    lines[at] = node.start_mark.line + 1
    if id(node) in above:
        faults.append(Fault(where, lines[at], "an anchor holds itself", "leave it out"))
        return
    above = {*above, id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: dict[object, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                faults.append(
                    Fault(where, line, f"key {name!r} is given twice, first on line {seen[name]}", "keep one")
                )
            seen[name] = line
            _index(value, (*at, name), lines, faults, where, above)
            lines[(*at, name)] = line
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _index(value, (*at, i), lines, faults, where, above)


def _faults(
    error: ValidationError, path: str | None, lines: dict[tuple[object, ...], int], given: Mapping[str, Any]
) -> list[Fault]:
    faults = []
    for e in error.errors():
        loc = tuple(e["loc"])
        key = ".".join(map(str, loc))
        if loc and loc[0] in given:
            named = loc[-1] if loc[0] == "contracts" else loc[0]
            where, line = f"--{str(named).replace('_', '-')}", None
            key = ""
        else:
            where = path or "cotmonitor run"
            line = next((lines[loc[:n]] for n in range(len(loc), -1, -1) if loc[:n] in lines), None)
        faults.append(Fault(where, line, *_words(e, key, path)))
    return sorted(faults, key=lambda f: (f.where, f.line or 0, f.what))


def _words(e: Any, key: str, path: str | None) -> tuple[str, str]:
    """What is wrong and what to do, in our words rather than a validator's."""
    if e["type"] == "extra_forbidden":
        names = list(ContractSettings.model_fields if key.startswith("contracts.") else Job.model_fields)
        close = difflib.get_close_matches(key.split(".")[-1], names, 1)
        return f"unknown key {key!r}", f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(names)}"
    if e["type"] == "missing":
        flag = f"--{key.replace('_', '-')}"
        return f"{key!r} is missing", f"give {flag}" + (f" or add `{key}:` to the file" if path else " or a job file")
    reason = e["msg"].removeprefix("Value error, ")
    said = f"{key}: " if key else ""
    if ";" in reason:
        what, _, todo = reason.partition(";")
        return f"{said}{what}", todo.strip()
    return f"{said}found {e['input']!r}", NEEDED.get(e["type"], reason)


def job_json(job: Job, root: str | None) -> dict[str, Any]:
    """The job as it ran, for the `runs` table."""
    return {**job.model_dump(mode="json"), "root": root}
