"""Which files a run reads, under which names, and how each is recognised again.

Nothing here knows of monitors or alerts: an export reads its inputs through the same door.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from schemas.digest import digest
from schemas.errors import Fault, InputError

PARQUET_ENDINGS = (".parquet", ".parq", ".pq")
INDEX = ".idx"
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
    modified: float = field(default=0.0, compare=False)  # seconds since 1970; 0 where it cannot be told


def expand(patterns: Sequence[str], allow_empty: bool = False) -> list[str]:
    """Files, folders (searched for Parquet) and globs (`**` included) as sorted absolute paths, each once.

    A file that links reach by several names is read under one. A pattern without a single file is an error: an empty
    glob is a night in which nobody looked. So is a folder that cannot be listed. A link to nowhere is a file, which
    then cannot be read.
    """
    found: set[str] = set()
    faults: list[Fault] = []
    for pattern in patterns:
        if "://" in pattern:
            faults.append(Fault(pattern, None, "remote inputs are not supported yet", "give a local path or mount it"))
            continue
        matched = {os.path.abspath(p) for p in _match(pattern, faults)}
        if not matched:
            todo = "check the path, or say --allow-empty if an empty night is all right"
            faults += [] if allow_empty else [Fault(pattern or "''", None, _nothing(pattern), todo)]
        faults += [f for p in sorted(matched) for f in _unusable(p)]
        found |= matched
    if faults:
        raise InputError(faults)
    return sorted(_distinct(found))


def _match(pattern: str, faults: list[Fault]) -> Iterator[str]:
    pattern = os.path.expanduser(pattern)
    if os.path.isdir(pattern):
        yield from _search(pattern, faults)
    elif os.path.exists(pattern):
        yield pattern
    else:
        for path in glob.iglob(pattern, recursive=True):
            if os.path.isdir(path):  # many engines write a folder by the name of a file
                if is_parquet(path.rstrip(os.sep)):
                    yield from _search(path, faults)
            # a transcript database keeps its index beside its traces; the index holds none
            elif not path.endswith(INDEX):
                yield path


def _search(folder: str, faults: list[Fault]) -> Iterator[str]:
    """Parquet files in a folder and all below it, links followed; hidden ones and indexes left out."""

    def unlisted(error: OSError) -> None:
        faults.append(Fault(str(error.filename), None, f"cannot be listed: {error.strerror}", "check its permissions"))

    seen = set()
    for here, folders, files in os.walk(folder, onerror=unlisted, followlinks=True):
        real = os.path.realpath(here)
        folders[:] = [] if real in seen else [f for f in folders if not _hidden(f)]
        if real not in seen:
            yield from (os.path.join(here, f) for f in files if is_parquet(f) and not _hidden(f))
        seen.add(real)


def is_parquet(name: str) -> bool:
    return name.lower().endswith(PARQUET_ENDINGS)


def _nothing(pattern: str) -> str:
    """Why a pattern gave no file."""
    path = os.path.expanduser(pattern)
    if os.path.isdir(path):
        return "the folder holds no Parquet file"
    matched = list(itertools.islice(glob.iglob(path, recursive=True), 1_000))
    if not matched:
        return "nothing matches"
    if all(os.path.isdir(p) for p in matched):
        return "only folders match"
    return f"only indexes of transcript databases ({INDEX}) match, and they hold no traces"


def _distinct(paths: Iterable[str]) -> Iterator[str]:
    """Each file once: a glob that follows links may find one many times, in a circle of links forty times."""
    places: dict[tuple[int, int], list[str]] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            # at the end of a circle of links stands what has a shorter name
            if error.errno != errno.ELOOP or not os.path.exists(os.path.realpath(path)):
                yield path
            continue
        places.setdefault((status.st_dev, status.st_ino), []).append(path)
    for same in places.values():
        names: dict[str, str] = {}
        if len(same) > 1:  # file systems without numbers for files give all of them the same
            for path in sorted(same, key=lambda p: (os.path.islink(p), len(p), p)):
                names.setdefault(os.path.realpath(path), path)
        yield from names.values() or same


def _unusable(path: str) -> Iterator[Fault]:
    try:
        path.encode()
    except UnicodeEncodeError:
        yield Fault(repr(path), None, "the name is not UTF-8, so no table can hold it", "rename it")
    try:
        mode = os.stat(path).st_mode
    except OSError:  # the reader will make a dead letter of it
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        yield Fault(path, None, "is a pipe or a device, not a file", "copy what it gives into a file")


def _hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def refuse_output(folder: str, patterns: Sequence[str], paths: Iterable[str]) -> None:
    """Raise InputError where what is written below `folder` is, or on another night would be, among the inputs."""
    output = os.path.realpath(os.path.expanduser(folder))
    names = (output + os.sep, os.path.abspath(os.path.expanduser(folder)) + os.sep)
    faults = []
    for pattern in patterns:
        source = os.path.realpath(os.path.expanduser(pattern))
        if os.path.isdir(source) and (output + os.sep).startswith(source.rstrip(os.sep) + os.sep):
            faults.append(Fault(folder, None, f"lies inside the input folder {pattern}", "choose another place"))
        elif _would_match(source, os.path.join(output, "traces", "part.parquet")):
            what = f"what is written there would be read by {pattern}"
            faults.append(Fault(folder, None, what, "choose another place"))
    below = next((p for p in paths if p.startswith(names)), None)
    if below is not None and not faults:
        what = f"lies in {folder}, which this run writes to"
        faults.append(Fault(below, None, what, "give traces that lie elsewhere"))
    if faults:
        raise InputError(faults)


def _would_match(pattern: str, path: str) -> bool:
    """Whether a glob would find a file that is not there yet."""
    return _parts_match(pattern.split(os.sep), path.split(os.sep))


def _parts_match(patterns: list[str], parts: list[str]) -> bool:
    if not patterns or not parts:
        return not patterns and not parts
    if patterns[0] == "**":
        return _parts_match(patterns[1:], parts) or _parts_match(patterns, parts[1:])
    return fnmatch.fnmatchcase(parts[0], patterns[0]) and _parts_match(patterns[1:], parts[1:])


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


def fingerprint(
    paths: Iterable[str], root: str | None, opener: Callable[[str], BinaryIO] | None = None
) -> Iterator[InputFile]:
    """Each file with a digest over its name, size and footer, read without parsing it.

    Rewriting a Parquet file changes its footer (sizes and offsets of every column chunk), so its content need not be
    read again each night. A file without a footer is recognised by its last 64 KiB.
    """
    for path in paths:
        name = name_of(path, root)
        try:
            with opener(path) if opener else open(path, "rb") as f:
                status = os.fstat(f.fileno())
                size, modified = status.st_size, status.st_mtime
                tail = _footer(f, size)
        except OSError as error:  # unreadable is a dead letter later; here it only needs an identity
            size, modified, tail = 0, 0.0, f"unreadable: {error.strerror}".encode()
        yield InputFile(name, path, size, digest(name, size, tail), modified)


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
