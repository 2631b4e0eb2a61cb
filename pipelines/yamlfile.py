"""Settings in YAML: every fault at once, each with its line, and no key that is silently dropped."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from schemas.errors import Fault, JobFileError

Line = dict[tuple[object, ...], int]  # a key's place in the file -> the line it stands on


@dataclass(frozen=True, slots=True)
class YamlKind:
    """What a file is called, two keys it begins with, what it must hold, and the command that reads it.

    `parts` are the keys that hold keys of their own, which flags may set one by one.
    """

    name: str
    first: str
    second: str
    model: type[BaseModel]
    command: str
    parts: Mapping[str, type[BaseModel]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file's values, and the line of each."""

    path: str
    values: dict[str, Any]
    lines: Line


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


def read_yaml(path: str, kind: YamlKind, read: Callable[[str], bytes] | None = None) -> YamlFile:
    """A mapping from a file; `read` is used in place of opening it outright.

    Raises JobFileError with all that keeps the file from being one.
    """
    try:
        text = (read(path) if read else Path(path).read_bytes()).decode("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise JobFileError([Fault(path, None, f"cannot be read: {error.strerror}", "check the path")]) from None
    except UnicodeDecodeError:
        raise JobFileError([Fault(path, None, "is not UTF-8 text", "save it as UTF-8")]) from None
    except yaml.YAMLError as error:
        raise JobFileError([_not_yaml(path, error)]) from None
    except RecursionError:
        raise JobFileError([Fault(path, None, "is nested too deep", "mend the YAML")]) from None
    if not isinstance(node, yaml.MappingNode):
        found = (
            "an empty file" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        )
        begin = f"begin with `{kind.first}:` and `{kind.second}:`"
        raise JobFileError([Fault(path, 1, f"{kind.name} is a mapping, found {found}", begin)])
    lines: Line = {}
    faults: list[Fault] = []
    _index(node, (), lines, faults, path, set())
    if faults:
        raise JobFileError(faults)
    try:
        return YamlFile(path, yaml.SafeLoader("").construct_document(node), lines)
    except yaml.YAMLError as error:
        raise JobFileError([_not_yaml(path, error)]) from None


def faults_of(error: ValidationError, kind: YamlKind, file: YamlFile | None, given: Mapping[str, Any]) -> list[Fault]:
    """A validator's complaints, each where its value came from: a line of the file, or one of the flags `given`."""
    faults = []
    for e in error.errors():
        loc = tuple(e["loc"])
        key = ".".join(map(str, loc))
        line = None
        if loc and loc[0] in given:
            named = loc[-1] if loc[0] in kind.parts else loc[0]
            where, key = f"--{str(named).replace('_', '-')}", ""
        else:
            where = file.path if file else kind.command
            lines = file.lines if file else {}
            line = next((lines[loc[:n]] for n in range(len(loc), -1, -1) if loc[:n] in lines), None)
        faults.append(Fault(where, line, *_words(e, key, kind, file is not None)))
    return sorted(faults, key=lambda f: (f.where, f.line or 0, f.what))


def _words(e: Any, key: str, kind: YamlKind, in_file: bool) -> tuple[str, str]:
    """What is wrong and what to do, in our words rather than a validator's."""
    if e["type"] == "extra_forbidden":
        names = list(kind.parts.get(key.split(".")[0], kind.model).model_fields)
        close = difflib.get_close_matches(key.split(".")[-1], names, 1)
        return f"unknown key {key!r}", f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(names)}"
    if e["type"] == "missing":
        if "." in key:
            return f"{key!r} is missing", f"add `{key.split('.')[-1]}:`"
        flag = f"--{key.replace('_', '-')}"
        return f"{key!r} is missing", f"give {flag}" + (
            f" or add `{key}:` to the file" if in_file else " or a job file"
        )
    reason = e["msg"].removeprefix("Value error, ")
    said = f"{key}: " if key else ""
    if e["type"] == "string_too_short" and "." in key:
        return f"{said}found {e['input']!r}", "say more"
    if ";" in reason:
        what, _, todo = reason.partition(";")
        return f"{said}{what}", todo.strip()
    return f"{said}found {e['input']!r}", NEEDED.get(e["type"], reason)


def _not_yaml(where: str, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or f"is not YAML: {getattr(error, 'reason', error)}"
    if problem.startswith("but "):
        problem = f"{getattr(error, 'context', '')}, {problem}"
    return Fault(where, mark.line + 1 if mark else None, problem, "mend the YAML")


def _index(
    node: yaml.Node,
    at: tuple[object, ...],
    lines: Line,
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
