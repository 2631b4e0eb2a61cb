"""Read the next batch while the last one is judged: both spend their time in C code that lets other threads run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(pieces: Iterator[T], large: Callable[[T], bool]) -> Iterator[T]:
    """The same pieces in the same order, each made while the one before it is used.

    Never more than one ahead, and none beside a `large` one, so that memory stays that of two ordinary batches.
    An error comes out where its piece would have.

    >>> list(ahead(iter("abc"), lambda piece: False))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read ahead") as pool:
        coming = pool.submit(next, pieces, _END)
        while True:
            piece = coming.result()
            if piece is _END:
                return
            alone = large(piece)  # type: ignore[arg-type]
            if not alone:
                coming = pool.submit(next, pieces, _END)
            yield piece  # type: ignore[misc]
            if alone:
                del piece
                coming = pool.submit(next, pieces, _END)
