"""The proof that the search works: canaries planted in every format and disguise, and looked for as ever.

A filter that was silently off is how labs failed, so an export and an audit each begin with this.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.canaries.disguises import disguised
from pipelines.canaries.search import scan_chunks
from schemas.canary import CANARY
from schemas.errors import ControlMissed

MARK = b"control-"  # stands before each planted canary with its number, in four digits
Reader = Callable[[Path], Iterable[bytes | memoryview]]
SHAPES: Mapping[str, Callable[[list[str]], pa.Array]] = {
    "string": lambda v: pa.array(v, pa.string()),
    "large_string": lambda v: pa.array(v, pa.large_string()),
    "binary": lambda v: pa.array([x.encode() for x in v], pa.binary()),
    "dictionary": lambda v: pa.array(v).dictionary_encode(),
    "list": lambda v: pa.array([["before", x] for x in v]),
    "struct": lambda v: pa.array([{"role": "tool", "text": x} for x in v]),
    "map key": lambda v: pa.array([[(x, "value")] for x in v], pa.map_(pa.string(), pa.string())),
    "map value": lambda v: pa.array([[("key", x)] for x in v], pa.map_(pa.string(), pa.string())),
    "list of structs with lists": lambda v: pa.array([[{"parts": [{"text": x}]}] for x in v]),
}


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What was planted and found, by format; the same wherever it runs."""

    planted: Mapping[str, int]
    found: Mapping[str, int]


def self_test(readers: Mapping[str, Reader], folder: Path | None = None) -> SelfTest:
    """Plant every disguise in every format, read it back with the readers given, and scan what they yield.

    `readers` maps names of FORMATS to what reads such a file: the chunks that one reader yields are scanned as one
    stream. Raises `ControlMissed` with all that was missed, or that a clean file was said to hold a canary.
    `folder` is where files are put for the time being.
    """
    planted: dict[str, int] = {}
    found: dict[str, int] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="controls-", dir=folder) as place:
        for format, reader in readers.items():
            planted[format] = found[format] = 0
            for name, path, controls in plant(format, Path(place)):
                seen = _found(reader(path))
                planted[format] += len(controls)
                found[format] += len(seen & set(range(len(controls))))
                wrong += [f"{c} in {name}" for i, c in enumerate(controls) if i not in seen]
                if not controls and seen:
                    wrong.append(f"a canary was seen in {name}, which has none")
    if wrong:
        some = "; ".join(wrong[:5])
        raise ControlMissed(
            f"the scanner for canaries fails its own test, so nothing it says can be believed: it missed {some}"
            f"{f' and {len(wrong) - 5:,} more' if len(wrong) > 5 else ''}"
        )
    return SelfTest(planted, found)


def plant(format: str, folder: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """(what, file, its controls by number) of one format: files with every disguise, and a clean one."""
    controls = list(disguised(CANARY))
    texts = [f"{MARK.decode()}{i:04} {text} ." for i, (_, text) in enumerate(controls)]
    names = [name for name, _ in controls]
    yield f"{format} that is clean", FORMATS[format](folder / f"clean.{format}", "text", ["control-0000 nothing"]), []
    for shape in SHAPES if format == "parquet" else ("text",):
        path = FORMATS[format](folder / f"{shape.replace(' ', '-')}.{format}", shape, texts)
        yield f"{format} ({shape})", path, names


def _found(chunks: Iterable[bytes | memoryview]) -> set[int]:
    """The numbers of the controls that were found; -1 for a hit that is none."""
    seen, kept = set(), bytearray()

    def remembered() -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            kept.extend(chunk)
            yield chunk

    for hit in scan_chunks(remembered()):
        at = kept.rfind(MARK, 0, hit.start + len(MARK) + 4)  # base64 may take what stands before it for its own
        number = bytes(kept[at + len(MARK) : at + len(MARK) + 4])
        seen.add(int(number) if at >= 0 and number.isdigit() else -1)
    return seen


def _parquet(path: Path, shape: str, texts: list[str]) -> Path:
    column = SHAPES.get(shape, SHAPES["string"])(texts)
    pq.write_table(pa.table({"sample_id": pa.array(range(len(texts))), "planted": column}), path, row_group_size=16)
    return path


def _jsonl(path: Path, shape: str, texts: list[str]) -> Path:
    lines = (json.dumps({"messages": [{"content": t}]}, ensure_ascii=i % 2 == 0) for i, t in enumerate(texts))
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def _text(path: Path, shape: str, texts: list[str]) -> Path:
    path.write_bytes("\n\n".join(texts).encode())
    return path


def _zipped(write: Callable[[Path, str, list[str]], Path]) -> Callable[[Path, str, list[str]], Path]:
    def zipped(path: Path, shape: str, texts: list[str]) -> Path:
        path.write_bytes(gzip.compress(write(path, shape, texts).read_bytes(), mtime=0))
        return path

    return zipped


FORMATS: Mapping[str, Callable[[Path, str, list[str]], Path]] = {
    "parquet": _parquet,
    "jsonl": _jsonl,
    "txt": _text,
    "jsonl.gz": _zipped(_jsonl),
    "txt.gz": _zipped(_text),
}
