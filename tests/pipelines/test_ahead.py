"""Reading ahead changes when pieces are made, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipelines.ahead import ahead


def test_the_next_piece_is_made_while_the_last_is_used() -> None:
    second_begun = threading.Event()

    def pieces() -> Iterator[int]:
        yield 1
        second_begun.set()
        yield 2

    found = ahead(pieces(), lambda piece: False)
    assert next(found) == 1
    assert second_begun.wait(10)
    assert list(found) == [2]


def test_nothing_is_made_beside_a_large_piece() -> None:
    made: list[int] = []

    def pieces() -> Iterator[int]:
        for i in range(4):
            made.append(i)
            yield i

    seen = []
    for piece in ahead(pieces(), lambda piece: True):
        seen.append(piece)
        assert made == seen
    assert seen == [0, 1, 2, 3]


def test_an_error_comes_after_the_pieces_before_it() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    found = ahead(pieces(), lambda piece: False)
    assert next(found) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_a_reader_that_stops_early_leaves_no_thread() -> None:
    found = ahead(iter(range(100)), lambda piece: False)
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("read ahead")]
