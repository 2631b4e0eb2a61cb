"""JSONL rollouts become one Parquet file, in two readings: the first finds the columns, the second writes them."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.jsonshape import Shape, arrow_type, as_value, merge, shape_of
from schemas.errors import CotmonitorError, Fault, InputError
from schemas.layouts.detect import MESSAGE_COLUMNS

ROW_GROUP_BYTES = 8 << 20
MAX_LINE_BYTES = 512 << 20  # a longer line is no rollout, and would take the memory of several
MAX_COLUMNS = 2000  # more keys than this are data that somebody used as keys
TOLD_LINES = 20  # how many rejected lines are told one by one


@dataclass(frozen=True, slots=True)
class ConvertSettings:
    """`id_from_line` adds a trace_id of file name and line number, for files that have none."""

    id_from_line: bool = False
    overwrite: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class ConvertReport:
    """What was read and written; `told` describes the first rejected lines."""

    schema: pa.Schema
    rejects: Path
    lines: int = 0
    rows: int = 0
    rejected: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def share_rejected(self) -> float:
        return self.rejected / self.lines if self.lines else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, counted from 1: the object in it, or why there is none."""

    file: str
    number: int
    raw: bytes
    row: dict[str, object] | None
    fault: str = ""


def convert(files: Sequence[str], out: Path, settings: ConvertSettings) -> ConvertReport:
    """Write the rows of all files to `out`, by way of a temporary name, and rejected lines to `out`.rejected.jsonl.

    Raises InputError for what can be told before reading, CotmonitorError if not one line is good.
    """
    _check(files, out, settings)
    shapes, counts = _find_columns(files)
    if settings.id_from_line:
        if "trace_id" in shapes:
            raise InputError([Fault(files[0], None, "has a trace_id already", "leave --id-from-line out")])
        shapes = {"trace_id": Shape("string")} | shapes
    schema = pa.schema([(name, arrow_type(shape)) for name, shape in shapes.items()])
    report = ConvertReport(schema, out.with_name(out.name + ".rejected.jsonl"))
    lines = _good_lines(files, counts, report, settings.dry_run)
    if settings.dry_run:
        report.rows = sum(1 for _ in lines)
    else:
        report.rejects.unlink(missing_ok=True)
        _write(lines, out, shapes, report, settings)
    if not report.rows:
        raise CotmonitorError(
            "\n".join([*report.told, f"none of {report.lines:,} lines is a JSON object; nothing written"])
        )
    return report


def _check(files: Sequence[str], out: Path, settings: ConvertSettings) -> None:
    faults = []
    if out.exists() and not settings.overwrite and not settings.dry_run:
        faults.append(Fault(str(out), None, "is there already", "choose another name, or say --overwrite"))
    if not out.resolve().parent.is_dir():
        faults.append(Fault(str(out), None, "its folder does not exist", f"create {out.resolve().parent} first"))
    for file in files:
        if os.path.exists(out) and os.path.samefile(file, out):
            faults.append(Fault(file, None, "is both input and output", "choose another output"))
            continue
        with _open(file) as stream:
            try:
                start = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:4]
            except (OSError, EOFError, zlib.error):
                continue  # the line where it breaks is told later
        if start[:1] == b"[":
            todo = f"write an object a line, e.g. jq -c '.[]' {file}"
            faults.append(Fault(file, None, "is one JSON array, not JSON lines", todo))
        if start == b"PAR1":
            faults.append(Fault(file, None, "is Parquet already", "give it to `cotmonitor run` as it is"))
    if faults:
        raise InputError(faults)


def _open(file: str) -> BinaryIO:
    try:
        with open(file, "rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
        return cast(BinaryIO, gzip.open(file, "rb")) if zipped else open(file, "rb")
    except OSError as error:
        raise InputError(
            [Fault(file, None, f"cannot be opened: {error.strerror}", "check the path and its rights")]
        ) from error


def _find_columns(files: Sequence[str]) -> tuple[dict[str, Shape], dict[str, int]]:
    """The shape of every column over all lines, and how many lines each file has."""
    shapes: dict[str, Shape] = {}
    counts = dict.fromkeys(files, 0)
    for file in files:
        for line in read_lines(file):
            counts[file] = line.number
            for name, value in (line.row or {}).items():
                shape = shape_of(value)
                if name in MESSAGE_COLUMNS and isinstance(value, list | dict):
                    shape = Shape("json")  # the adapters read it so, and tools fill a struct of all shapes with nulls
                shapes[name] = merge(shapes.get(name, Shape("null")), shape)
            if len(shapes) > MAX_COLUMNS:
                what = f"more than {MAX_COLUMNS} different keys by here"
                raise InputError([Fault(file, line.number, what, "move what varies below one key")])
    return shapes, counts


def read_lines(file: str) -> Iterator[Line]:
    """The lines of a file, plain or gzipped, each parsed; blank ones are passed over."""
    number = 0
    with _open(file) as stream:
        while True:
            try:
                raw = stream.readline(MAX_LINE_BYTES + 1)
            except (OSError, EOFError, zlib.error) as error:
                yield Line(file, number + 1, b"", None, f"the file cannot be read on: {error}")
                return
            if not raw:
                return
            number += 1
            if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
                yield Line(file, number, raw[:1000], None, f"longer than {MAX_LINE_BYTES:,} bytes; its start is kept")
                while raw and not raw.endswith(b"\n"):
                    raw = stream.readline(MAX_LINE_BYTES)
            elif raw.strip():
                yield _parse(file, number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)


def _parse(file: str, number: int, raw: bytes) -> Line:
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Line(file, number, raw, None, f"not UTF-8: {error.reason} at byte {error.start}")
    except (ValueError, RecursionError) as error:
        return Line(file, number, raw, None, f"not JSON: {error}")
    if not isinstance(row, dict):
        return Line(file, number, raw, None, f"a JSON {type(row).__name__}, and an object is needed")
    if not row:
        return Line(file, number, raw, None, "an object without keys")
    return Line(file, number, raw, row)


def _keep(line: Line, rejects: Path) -> None:
    """Add a rejected line to the file that keeps them; it exists only if there are any."""
    text = line.raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    record = {"file": line.file, "line": line.number, "reason": line.fault, "text": text}
    with open(rejects, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def _good_lines(files: Sequence[str], counts: dict[str, int], report: ConvertReport, dry_run: bool) -> Iterator[Line]:
    """The lines that hold a row, the others counted, told and kept; only those that the first reading saw."""
    for file in files:
        for line in read_lines(file):
            if line.number > counts[file]:
                break  # a rollout is still being written; what came since has columns nobody looked at
            report.lines += 1
            if line.row is not None:
                yield line
                continue
            report.rejected += 1
            if not dry_run:
                _keep(line, report.rejects)
            if report.rejected <= TOLD_LINES:
                report.told.append(f"{file}:{line.number}: {line.fault}")
            elif report.rejected == TOLD_LINES + 1:
                report.told.append("... and more")


def _write(
    lines: Iterator[Line], out: Path, shapes: dict[str, Shape], report: ConvertReport, settings: ConvertSettings
) -> None:
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with pq.ParquetWriter(temporary, report.schema, compression="zstd") as writer:
            for rows in _groups(lines, settings):
                columns = [
                    pa.array([as_value(row.get(name), shape) for row in rows], report.schema.field(name).type)
                    for name, shape in shapes.items()
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=report.schema))
                report.rows += len(rows)
        if report.rows:
            os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _groups(lines: Iterator[Line], settings: ConvertSettings) -> Iterator[list[dict[str, object]]]:
    """Rows in groups of about ROW_GROUP_BYTES of JSON."""
    rows: list[dict[str, object]] = []
    size = 0
    for line in lines:
        row = line.row or {}
        if settings.id_from_line:
            row = {"trace_id": f"{Path(line.file).name}:{line.number}"} | row
        rows.append(row)
        size += len(line.raw)
        if size >= ROW_GROUP_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows
