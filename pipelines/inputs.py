"""Which files a run reads, under which names, and how each is recognised again.

Nothing here knows of monitors or alerts: an export reads its inputs through the same door.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.digest import digest
from schemas.errors import Fault, InputError

PARQUET_ENDINGS = (".parquet", ".parq", ".pq")
MAGIC = b"PAR1"
TAIL_BYTES = 64 * 1024  # what stands for the footer where there is none to be read
FOOTER_LIMIT = 64 * 1024 * 1024  # a longer footer is no footer


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file: `name` is its identity in every table, `path` is where it lies on this machine."""

    name: str
    path: str
    size: int
    fingerprint: str


def expand(patterns: Sequence[str], allow_empty: bool = False) -> list[str]:
    """Files, folders (searched for Parquet) and globs (`**` included) as sorted absolute paths, each once.

    A pattern without a single file is an error: an empty glob is a night in which nobody looked.
    """
    found: set[str] = set()
    faults = []
    for pattern in patterns:
        if "://" in pattern:
            faults.append(Fault(pattern, None, "remote inputs are not supported yet", "give a local path or mount it"))
            continue
        matched = {os.path.abspath(p) for p in _match(pattern)}
        if not matched:
            exists = os.path.isdir(pattern)
            what = "the folder holds no Parquet file" if exists else "nothing matches"
            faults.append(
                Fault(pattern, None, what, "check the path, or say --allow-empty if an empty night is all right")
            )
        found |= matched
    if faults and not (allow_empty and all("remote" not in f.what for f in faults)):
        raise InputError(faults)
    return sorted(found)


def _match(pattern: str) -> Iterator[str]:
    pattern = os.path.expanduser(pattern)
    if os.path.isdir(pattern):
        for folder, folders, files in os.walk(pattern):
            folders[:] = [f for f in folders if not _hidden(f)]
            yield from (os.path.join(folder, f) for f in files if f.endswith(PARQUET_ENDINGS) and not _hidden(f))
    elif os.path.exists(pattern):
        yield pattern
    else:
        for path in glob.iglob(pattern, recursive=True):
            # a transcript database keeps its index beside its traces; the index holds none
            if os.path.isfile(path) and not path.endswith(".idx"):
                yield path


def _hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def name_of(path: str, root: str | None) -> str:
    """A file's identity: its absolute path, or its path below `root` where one is given.

    Without a root the absolute path is used, since two nights' folders often hold files of the same name, and one
    of them would silently take the other's place in the store.
    """
    if root is None:
        return path
    relative = os.path.relpath(path, os.path.abspath(root))
    if relative.startswith(".."):
        raise InputError([Fault(path, None, f"lies outside the root {root}", "choose a root above every input")])
    return Path(relative).as_posix()


def fingerprint(paths: Iterable[str], root: str | None) -> Iterator[InputFile]:
    """Each file with a digest over its name, size and footer, read without parsing it.

    Rewriting a Parquet file changes its footer (sizes and offsets of every column chunk), so its content need not be
    read again each night. A file without a footer is recognised by its last 64 KiB.
    """
    for path in paths:
        name = name_of(path, root)
        try:
            with open(path, "rb") as f:
                size = os.fstat(f.fileno()).st_size
                tail = _footer(f, size)
        except OSError as error:  # unreadable is a dead letter later; here it only needs an identity
            size, tail = 0, f"unreadable: {error.strerror}".encode()
        yield InputFile(name, path, size, digest(name, size, tail))


def _footer(f: object, size: int) -> bytes:
    read, seek = f.read, f.seek  # type: ignore[attr-defined]
    seek(max(0, size - TAIL_BYTES))
    tail: bytes = read(TAIL_BYTES)
    if size >= 12 and tail[-4:] == MAGIC:
        length = int.from_bytes(tail[-8:-4], "little") + 8
        if TAIL_BYTES < length <= min(size, FOOTER_LIMIT):
            seek(size - length)
            tail = read(length)
    return tail
