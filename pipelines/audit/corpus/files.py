"""What a corpus is: its files, whatever their names, and the shards in which they are read.

A file is taken for what its first bytes say it is. Nothing is passed over: what cannot be read is listed with the
reason. The rows of a corpus are numbered in the order of its files' names.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from glob import has_magic, iglob
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import Fault, InputError
from schemas.table import Column, Table

Kind = Literal["parquet", "lines", "json", "text", "unread"]
SHARD_BYTES = 64 << 20  # of a file that is cut by lines; of a Parquet file, uncompressed
HEAD_BYTES = 1 << 16  # by which a file is recognised
EXPORT = "manifest.json"  # beside a folder `data`: what `cotmonitor export` writes
PAPERS = (EXPORT, "certificate.json", "dead_letters.jsonl")
DATA = "data"
ARRAY_BYTES = 64 << 20  # of a JSON file that is one array, not lines; a larger one is read as text
COLUMN = "c."  # before the name of a corpus' own column
GZIP = b"\x1f\x8b"
UNREADABLE = {  # first bytes of what holds text that nobody here can look at
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"ARROW1": "an Arrow file",
    b"\xff\xff\xff\xff": "an Arrow stream",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x02": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"SQLite format 3": "an SQLite database",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
}

MESSAGE_FACTS = pa.struct(
    [
        pa.field("role", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("chars", pa.int64(), nullable=False),
        pa.field("trained", pa.int64()),
        pa.field("text_digest", pa.string(), nullable=False),
        pa.field("name", pa.string()),
    ]
)
CORPUS_ROWS = Table(
    "corpus_rows",
    version=1,
    doc=(
        "One row per row of a corpus, without its text. Each scalar column of the corpus follows as `c.NAME` (of a "
        "nested one `c.OUTER.INNER`), a token mask as `c.NAME.ones` and `c.NAME.length`."
    ),
    columns=(
        Column("file", pa.string(), "The file, relative to the corpus."),
        Column("row", pa.int64(), "Row within the file, from 0.", minimum=0),
        Column("position", pa.int64(), "Row within the corpus, files in the order of their names.", minimum=0),
        Column("sample_id", pa.string(), "The row's id, if it has one.", nullable=True),
        Column("text_digest", pa.string(), "Digest of the messages' texts, else of all text but the id."),
        Column("chars", pa.int64(), "Code points of text.", minimum=0),
        Column("words", pa.int64(), "Words of text.", minimum=0),
        Column(
            "messages",
            pa.list_(MESSAGE_FACTS),
            "Of each message: role, channel, code points, how many of them train (null: not said), digest, name.",
            nullable=True,
        ),
    ),
    key=("file", "row"),
)


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """Which corpus (a file, a folder or a glob), and the column of its ids where it has another name."""

    path: str
    id_column: str | None = None


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file; `why` says why one of kind `unread` cannot be read. One that is `beside` the rows is scanned only."""

    name: str
    path: str
    size: int
    kind: Kind
    gzipped: bool = False
    beside: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Shard:
    """A stretch of one file: bytes [start, stop) whose lines begin there, or these row groups of a Parquet file.

    `first` is the file's row at which it begins, where that is known.
    """

    number: int
    file: CorpusFile
    start: int = 0
    stop: int | None = None
    groups: tuple[int, ...] = ()
    first: int | None = 0


def list_files(corpus: str) -> list[tuple[str, str]]:
    """All files of a corpus as (name, path), by name; raises InputError where there is none."""
    text = os.path.expanduser(corpus)
    if "://" in corpus:
        raise InputError([Fault(corpus, None, "remote corpora are not supported yet", "give a local path or mount it")])
    if os.path.isdir(text):
        found = [(os.path.relpath(path, text), path) for path in _walk(text)]
        if not found:
            raise InputError([Fault(corpus, None, "the folder holds no file", "check the path")])
    elif os.path.lexists(text):
        found = [(os.path.basename(text), text)]
    else:
        paths = sorted({p for match in iglob(text, recursive=True) for p in _below(match)}) if has_magic(text) else []
        if not paths:
            raise InputError([Fault(corpus or "''", None, "nothing matches", "check the path")])
        top = os.path.commonpath([os.path.dirname(p) for p in paths])
        found = [(os.path.relpath(p, top or "."), p) for p in paths]
    faults = [fault for _, path in found for fault in _unusable(path)]
    if faults:
        raise InputError(faults)
    return sorted((Path(name).as_posix(), path) for name, path in found)


def _walk(folder: str) -> Iterator[str]:
    """All files in a folder and below it, hidden ones too; links are followed, each folder once."""
    faults: list[Fault] = []
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, onerror=lambda e: faults.append(_unlisted(e)), followlinks=True):
        real = os.path.realpath(here)
        folders[:] = [] if real in seen else sorted(folders)
        yield from (os.path.join(here, f) for f in sorted(files) if real not in seen)
        seen.add(real)
    if faults:
        raise InputError(faults)


def _unlisted(error: OSError) -> Fault:
    return Fault(str(error.filename), None, f"cannot be listed: {error.strerror}", "check its permissions")


def _below(path: str) -> Iterator[str]:
    yield from _walk(path) if os.path.isdir(path) else (path,)


def _unusable(path: str) -> Iterator[Fault]:
    try:
        path.encode()
    except UnicodeEncodeError:
        yield Fault(repr(path), None, "the name is not UTF-8, so no table can hold it", "rename it")
    try:
        mode = os.stat(path).st_mode
    except OSError:  # told when it is read
        return
    if not stat.S_ISREG(mode):
        yield Fault(path, None, "is a pipe or a device, not a file", "copy what it gives into a file")


def corpus_files(corpus: str) -> list[CorpusFile]:
    """The files of a corpus and what each is. Of an export's folder, wherever it lies, only `data` holds rows."""
    listed = list_files(corpus)
    exports = {folder for folder in {os.path.dirname(path) for _, path in listed} if _is_export(folder)}
    return [replace(file, beside=_is_paper(file, exports)) for file in map(recognised, *zip(*listed, strict=True))]


def _is_export(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, EXPORT)) and os.path.isdir(os.path.join(folder, DATA))


def _is_paper(file: CorpusFile, exports: AbstractSet[str]) -> bool:
    """Whether a file is about an export's rows and holds none: one of its papers, or a text that somebody put there."""
    folder, name = os.path.split(file.path)
    return folder in exports and (name in PAPERS or file.kind not in ("parquet", "lines"))


def recognised(name: str, path: str) -> CorpusFile:
    """A file, and what its first bytes say it is."""
    try:
        with open(path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            head = f.read(HEAD_BYTES)
            if head.startswith(b"PAR1"):
                return CorpusFile(name, path, size, "parquet")
            if gzipped := head.startswith(GZIP):
                import gzip

                with gzip.open(path) as inner:
                    head = inner.read(HEAD_BYTES)
    except (OSError, EOFError) as error:
        return CorpusFile(name, path, 0, "unread", why=_words(error))
    why = next((what for magic, what in UNREADABLE.items() if head.startswith(magic)), "")
    if why or (gzipped and head.startswith((b"PAR1", GZIP))):
        return CorpusFile(name, path, size, "unread", gzipped, why=f"it is {why or 'compressed twice'}")
    return CorpusFile(name, path, size, _kind(name, head, size), gzipped)


def _kind(name: str, head: bytes, size: int) -> Kind:
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begin == b"[" and size <= ARRAY_BYTES:
        return "json"
    stem = name.lower().removesuffix(".gz")
    return "lines" if begin == b"{" or stem.endswith((".jsonl", ".ndjson")) else "text"


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or (str(error).strip() or type(error).__name__).splitlines()[0]


def shards_of(files: Sequence[CorpusFile]) -> tuple[list[Shard], list[CorpusFile]]:
    """The shards of a corpus in its order, and its files once more, those that turned out unreadable marked so."""
    numbers = itertools.count()
    shards: list[Shard] = []
    known: list[CorpusFile] = []
    for file in files:
        if file.kind == "parquet":
            try:
                meta = pq.read_metadata(file.path)
            except (OSError, ValueError) as error:  # pa.ArrowInvalid is a ValueError
                known.append(replace(file, kind="unread", why=_words(error)))
                continue
            shards += [replace(s, number=next(numbers)) for s in _groups(file, meta)]
        elif file.kind != "unread":
            cut = file.kind in ("lines", "text") and not file.gzipped
            starts = range(0, max(file.size, 1), SHARD_BYTES) if cut else range(1)
            for start in starts:
                stop = start + SHARD_BYTES if cut and start + SHARD_BYTES < file.size else None
                shards.append(Shard(next(numbers), file, start, stop, first=None if start else 0))
        known.append(file)
    return shards, known


def _groups(file: CorpusFile, meta: pq.FileMetaData) -> Iterator[Shard]:
    held: list[int] = []
    size = rows = first = 0
    for group in range(meta.num_row_groups):
        column = meta.row_group(group)
        if held and size + column.total_byte_size > SHARD_BYTES:
            yield Shard(0, file, groups=tuple(held), first=first)
            held, size, first = [], 0, rows
        held.append(group)
        size += column.total_byte_size
        rows += column.num_rows
    yield Shard(0, file, groups=tuple(held), first=first)
