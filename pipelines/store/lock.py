"""Who may be at work in a store at once: any number of runs, or one that takes things out of it, alone.

Locks are of the operating system and end with their process, killed or not.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import BusyError

LOCK = "_lock"


@contextmanager
def at_work(store: Path) -> Iterator[None]:
    """Hold a place among the runs; raise `BusyError` while somebody is alone in the store."""
    with _held(store / LOCK, fcntl.LOCK_SH, f"{store}: is being tidied up, and no run may write meanwhile. Run again."):
        yield


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Be alone in the store; raise `BusyError` while a run is at work."""
    with _held(store / LOCK, fcntl.LOCK_EX, f"{store}: a run is at work in it. Try again when it has ended."):
        yield


@contextmanager
def _held(path: Path, kind: int, words: str) -> Iterator[None]:
    with open(path, "a") as file:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(words) from None
        yield
