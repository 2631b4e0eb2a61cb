"""Label files: Parquet, JSONL or CSV with the columns of schemas.labels.LABELS, read with every fault told at once."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.behaviours import BEHAVIOURS
from schemas.canary import CANARY
from schemas.digest import trace_keys
from schemas.errors import Fault, InputError
from schemas.labels import ANSWERS, LABELS

ENDINGS = (".parquet", ".jsonl", ".csv")
CANARY_LINE = f"{CANARY}:labels"
MOST_FAULTS = 20  # told one by one
SAME_AS = {"1": "true", "0": "false", "yes": "true", "no": "false", "unknown": "unsure", "": "unsure"}


@dataclass(frozen=True, slots=True)
class Label:
    """One row of a label file; what its columns mean stands in schemas.labels."""

    trace_key: str
    category: str
    behaviour: str | None
    label: str
    origin: str
    labeller: str
    trace_id: str | None = None
    trace_digest: str | None = None
    stance: str | None = None
    sanctioned: str | None = None
    note: str | None = None
    canary: str = CANARY_LINE
    schema_version: int = LABELS.version


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is taken where a file does not say."""

    origin: str | None = None
    labeller: str | None = None


Keys = Mapping[str, tuple[tuple[str, str], ...]]  # trace_id -> (trace_key, trace_digest) of each trace that bears it


def read_labels(path: str, defaults: Defaults = Defaults(), keys: Keys | None = None) -> list[Label]:
    """The labels of a file. Raises InputError with every fault.

    A row names its trace by trace_key, by trace_id and trace_digest, or, where `keys` are given, by trace_id alone.
    """
    found: list[Label] = []
    faults: list[Fault] = []
    known = set(LABELS.names)
    for line, row in _rows(path):
        strange = sorted(set(row) - known)
        if strange:
            todo = f"the columns are {', '.join(LABELS.names)}"
            faults.append(Fault(path, line, f"unknown column {strange[0]!r}", todo))
            break
        label, wrong = _label(row, defaults, keys)
        faults += [Fault(path, line, what, todo) for what, todo in wrong]
        found += [label] if label is not None else []
    if faults:
        more = len(faults) - MOST_FAULTS
        raise InputError([*faults[:MOST_FAULTS], *([Fault(path, None, f"{more:,} more faults")] if more > 0 else [])])
    return found


def write_labels(labels: Iterable[Label], path: Path, overwrite: bool = False) -> int:
    """Write labels to a file that appears whole or not at all; how many there were."""
    if path.suffix not in ENDINGS:
        raise InputError([Fault(str(path), None, "is no name for labels", f"end it in {', '.join(ENDINGS)}")])
    if path.exists() and not overwrite:
        raise InputError([Fault(str(path), None, "is there already", "choose another name, or say --overwrite")])
    if not path.resolve().parent.is_dir():
        raise InputError([Fault(str(path), None, "its folder does not exist", "create it first")])
    rows = [{name: asdict(label)[name] for name in LABELS.names} for label in labels]
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows, LABELS.arrow()), temporary, compression="zstd")
        else:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                if path.suffix == ".csv":
                    writer = csv.DictWriter(stream, LABELS.names, lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
                else:
                    stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return len(rows)


def without_canary(labels: Iterable[Label]) -> int:
    """How many rows carry no canary, and would be recognised in a corpus by nobody."""
    return sum(CANARY not in label.canary for label in labels)


def marked(labels: Iterable[Label]) -> list[Label]:
    """The labels, each with a canary."""
    return [label if CANARY in label.canary else replace(label, canary=CANARY_LINE) for label in labels]


def _rows(path: str) -> Iterator[tuple[int, dict[str, object]]]:
    """(line or row from 1, its values), nulls and empty cells left out."""
    ending = Path(path).suffix
    if ending not in ENDINGS:
        raise InputError([Fault(path, None, "is no label file", f"it ends in one of {', '.join(ENDINGS)}")])
    try:
        if ending == ".parquet":
            for number, row in enumerate(pq.read_table(path).to_pylist(), 1):
                yield number, _said(row)
        else:
            with open(path, encoding="utf-8-sig", newline="") as stream:
                if ending == ".csv":
                    reader = csv.DictReader(stream)
                    for row in reader:
                        yield reader.line_num, _said(row)
                else:
                    for number, line in enumerate(stream, 1):
                        if line.strip():
                            yield number, _said(_object(path, number, line))
    except (OSError, UnicodeDecodeError, pa.ArrowException, csv.Error) as error:
        what = f"cannot be read: {str(error).splitlines()[0]}"
        raise InputError([Fault(path, None, what, "check the path and that it is a label file")]) from error


def _object(path: str, number: int, line: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError([Fault(path, number, f"not JSON: {error}", "give one object a line")]) from None
    if not isinstance(row, dict):
        raise InputError([Fault(path, number, "not an object", "give one object a line")])
    return row


def _said(row: Mapping[Any, object]) -> dict[str, object]:
    extra = {"(a cell without a column)": row[None]} if None in row else {}
    return {str(k): v for k, v in row.items() if k is not None and v is not None and v != ""} | extra


def _label(
    row: Mapping[str, object], defaults: Defaults, keys: Keys | None
) -> tuple[Label | None, list[tuple[str, str]]]:
    """The label of a row, or what is wrong with it and what to do."""
    values = {name: str(value).strip() for name, value in row.items()}
    wrong: list[tuple[str, str]] = []
    trace_key, trace_digest = _trace(values, keys, wrong)
    behaviour = values.get("behaviour")
    if behaviour is not None and behaviour not in BEHAVIOURS:
        wrong.append((f"unknown behaviour {behaviour!r}", "use an id such as TG08"))
        behaviour = None
    category = values.get("category") or (BEHAVIOURS[behaviour].category if behaviour else None)
    if category is None:
        wrong.append(("names neither category nor behaviour", "give one of them"))
    elif behaviour and BEHAVIOURS[behaviour].category != category:
        wrong.append((f"{behaviour} is no {category}", f"its category is {BEHAVIOURS[behaviour].category}"))
    answer = values.get("label", "").lower()
    answer = SAME_AS.get(answer, answer)
    checked = {
        "category": category,
        "label": answer,
        "stance": values.get("stance"),
        "sanctioned": values.get("sanctioned"),
        "origin": values.get("origin") or defaults.origin or "presumed",
    }
    allowed = {c.name: c.one_of for c in LABELS.columns}
    for name, value in checked.items():
        if value is not None and value not in allowed[name]:
            wrong.append((f"unknown {name} {value!r}", f"use {', '.join(allowed[name])}"))
    if wrong:
        return None, wrong
    label = Label(
        trace_key,
        str(category),
        behaviour,
        answer if answer in ANSWERS else "unsure",
        str(checked["origin"]),
        values.get("labeller") or defaults.labeller or "unnamed",
        values.get("trace_id"),
        trace_digest,
        checked["stance"],
        checked["sanctioned"],
        values.get("note"),
        values.get("canary", ""),
    )
    return label, []


def _trace(values: Mapping[str, str], keys: Keys | None, wrong: list[tuple[str, str]]) -> tuple[str, str | None]:
    """The trace_key and trace_digest that a row means."""
    digest, trace_id = values.get("trace_digest"), values.get("trace_id")
    if values.get("trace_key"):
        return values["trace_key"], digest
    if trace_id and digest:
        return trace_keys([trace_id], [digest])[0], digest
    if not trace_id:
        wrong.append(("names no trace", "give trace_key, or trace_id and trace_digest"))
    elif keys is None:
        todo = "give trace_digest too, or look it up: cotmonitor labels import FILE --traces GLOB --out F"
        wrong.append((f"trace_id {trace_id[:80]!r} alone does not say which trace", todo))
    elif trace_id not in keys:
        wrong.append((f"no trace is called {trace_id[:80]!r}", "check --traces"))
    elif len(keys[trace_id]) > 1:
        wrong.append((f"{len(keys[trace_id])} traces are called {trace_id[:80]!r}", "give trace_digest too"))
    else:
        return keys[trace_id][0]
    return "", None
