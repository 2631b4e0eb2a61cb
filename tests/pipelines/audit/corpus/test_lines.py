from __future__ import annotations

import io
import random

import pytest

from pipelines.audit.corpus import lines as module
from pipelines.audit.corpus.lines import lines, stretches


def text(seed: int) -> bytes:
    chance = random.Random(seed)
    made = []
    for i in range(chance.randint(0, 40)):
        made.append(b"%d:" % i + b"x" * chance.choice([0, 1, 3, 20, 200]))
        made.append(chance.choice([b"\n", b"\n\n", b" \n", b"\r\n"]))
    return b"".join(made) + chance.choice([b"", b"last", b"\n"])


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_each_line_is_read_by_the_one_shard_in_which_it_begins(
    monkeypatch: pytest.MonkeyPatch, seed: int, size: int
) -> None:
    monkeypatch.setattr(module, "CHUNK", 16)
    data = text(seed)
    read: list[bytes] = []
    for start in range(0, max(len(data), 1), size):
        stop = start + size if start + size < len(data) else None
        read += [line for line in lines(io.BytesIO(data), start, stop) if isinstance(line, bytes)]
    assert read == [line for line in data.split(b"\n") if line.strip()]


@pytest.mark.parametrize("seed", range(20))
def test_a_long_line_comes_in_pieces_and_the_next_one_whole(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(module, "CHUNK", 16)
    monkeypatch.setattr(module, "LONG", 50)
    data = text(seed)
    read = [line if isinstance(line, bytes) else b"".join(line) for line in lines(io.BytesIO(data))]
    assert read == [line for line in data.split(b"\n") if line.strip()]


def test_a_long_line_is_read_by_the_shard_in_which_it_begins_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 16)
    monkeypatch.setattr(module, "LONG", 50)
    data = b"first\n" + b"x" * 500 + b"\nlast\n"
    read = [
        [line if isinstance(line, bytes) else b"".join(line) for line in lines(io.BytesIO(data), at, at + 100)]
        for at in range(0, 600, 100)
    ]
    assert read == [[b"first", b"x" * 500], [], [], [], [], [b"last"]]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [50, 1000])
def test_stretches_hold_all_of_a_text_but_blanks(monkeypatch: pytest.MonkeyPatch, seed: int, size: int) -> None:
    monkeypatch.setattr(module, "CHUNK", 16)
    monkeypatch.setattr(module, "STRETCH", 64)
    data = text(seed)
    read = []
    for start in range(0, max(len(data), 1), size):
        stop = start + size if start + size < len(data) else None
        read += list(stretches(io.BytesIO(data), start, stop))
    assert b"".join(b"".join(read).split()) == b"".join(data.split())
    assert all(len(r) <= 64 + 16 for r in read)


def test_a_text_without_a_single_line_break_is_cut_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 32)
    monkeypatch.setattr(module, "STRETCH", 64)
    data = ("größe " * 100).encode()
    read = list(stretches(io.BytesIO(data)))
    assert b"".join(read) == data
    assert all(set(r.decode().split()) == {"größe"} for r in read)
