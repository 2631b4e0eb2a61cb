"""What was asked of a corpus before, and how much chance of a false alarm is left for asking again.

Each new look at a corpus is a new chance to be wrong, so the k-th different audit of it may be wrong with probability
alpha * 6 / (pi^2 k^2): over all audits that there may ever be, these sum to alpha (alpha spending by a convergent
series, as in Foster and Stine 2008 and Javanmard and Montanari 2018). The same question asked again gets the same
answer by the same seed, and spends nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.audit.settings import NOT_ASKED, AuditSettings
from schemas.digest import digest
from schemas.errors import BusyError

UNREADABLE = "unreadable"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class CorpusPrint:
    """Which corpus it is: its place, a digest over its files' names and bytes, how many files, how many bytes."""

    place: str
    digest: str
    files: int
    nbytes: int

    @property
    def seed(self) -> int:
        """What permutations are drawn by: a function of the corpus alone."""
        return int(self.digest[:15], 16)


@dataclass(frozen=True, slots=True)
class Spending:
    """Which different audit of its corpus this is, what it may spend, and whether it was asked before."""

    nth: int
    alpha: float
    asked_before: bool


def corpus_print(place: str, files: Iterable[tuple[str, str]]) -> CorpusPrint:
    """The print of a corpus from its files' (name, path); reads every byte, since an edit may leave size and time."""
    parts: list[str] = []
    nbytes = 0
    for name, path in sorted(files):
        size, sha256 = _sha256(path)
        parts += [name, str(size), sha256]
        nbytes += size
    return CorpusPrint(place, digest(*parts), len(parts) // 3, nbytes)


def stamps(files: Iterable[tuple[str, str]]) -> tuple[tuple[int, int] | None, ...]:
    """Size and time of each file, by which one sees that it changed while it was read."""
    found: list[tuple[int, int] | None] = []
    for _, path in files:
        try:
            status = os.stat(path)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_size, status.st_mtime_ns))
    return tuple(found)


def _sha256(path: str) -> tuple[int, str]:
    h = hashlib.sha256()
    size = 0
    try:
        with open(path, "rb", buffering=0) as f:
            while chunk := f.read(CHUNK):
                h.update(chunk)
                size += len(chunk)
    except OSError as error:
        return size, f"{UNREADABLE}: {error.strerror}"
    return size, h.hexdigest()


def question(
    settings: AuditSettings, corpus: CorpusPrint, store_contents: str, given: Sequence[str], version: str
) -> str:
    """The audit's id: a digest over all that its answer depends on.

    `given` are digests of the files that the settings name, in a fixed order; `version` is that of the code.
    """
    asked = settings.model_dump(mode="json", exclude=set(NOT_ASKED))
    return digest(corpus.digest, json.dumps(asked, sort_keys=True), store_contents, version, *given)


def spend(con: duckdb.DuckDBPyConnection, corpus: CorpusPrint, audit_id: str, alpha: float) -> Spending:
    """What this audit may spend, by the store's `audits`.

    Two audits are of one corpus if it lay in the same place or had the same bytes.
    """
    known = con.execute(
        "SELECT audit_id, max(nth) FROM audits WHERE corpus = ? OR corpus_digest = ? GROUP BY audit_id",
        [corpus.place, corpus.digest],
    ).fetchall()
    before = dict(known)
    nth = before.get(audit_id) or 1 + max([len(before), *before.values()])
    return Spending(nth, share(alpha, nth), audit_id in before)


def share(alpha: float, nth: int) -> float:
    """The part of alpha that the n-th audit may spend.

    >>> round(share(0.01, 1), 5), round(share(0.01, 2), 5)
    (0.00608, 0.00152)
    """
    return alpha * 6 / (math.pi**2 * nth**2)


@contextmanager
def alone(folder: Path, corpus: CorpusPrint) -> Iterator[None]:
    """Only one audit of a corpus at a time, or two would both be its second; raises `BusyError` for the other."""
    folder.mkdir(exist_ok=True)
    handle = os.open(folder / f".{digest(corpus.place)}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{corpus.place}: another audit of it is at work. Try again when it has ended.") from None
        yield
    finally:
        os.close(handle)
