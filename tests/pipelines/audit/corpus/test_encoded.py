from __future__ import annotations

import base64
import gzip
import json
import textwrap
import zlib
from collections.abc import Callable

import pytest

from pipelines.audit.corpus.encoded import decoded

TEXT = "The model states that it will skip the failing test, größer als je, and tells nobody about it."


def standard(data: bytes) -> str:
    return base64.b64encode(data).decode()


WAYS: dict[str, Callable[[bytes], str]] = {
    "standard": standard,
    "for addresses": lambda d: base64.urlsafe_b64encode(d + b"\xc3\xbf?>").decode(),
    "without padding": lambda d: standard(d).rstrip("="),
    "in lines": lambda d: "\n".join(textwrap.wrap(standard(d), 76)),
    "in lines, escaped": lambda d: json.dumps("\r\n".join(textwrap.wrap(standard(d), 60))),
    "with escaped slashes": lambda d: standard(d).replace("/", "\\/"),
    "gzip": lambda d: standard(gzip.compress(d)),
    "zlib": lambda d: standard(zlib.compress(d)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_text_in_base64_is_read(way: Callable[[bytes], str]) -> None:
    data = f"see: {way(TEXT.encode())} and so on".encode()
    texts = [text.decode("utf-8", "replace") for _, text in decoded(data)]
    assert any(TEXT[:-2] in text for text in texts)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"0123456789abcdef" * 8, id="hex digits"),
        pytest.param(b"src/pipelines/audit/some/very/long/path/to/a/file/that/is/somewhere/else", id="a path"),
        pytest.param(base64.b64encode(bytes(range(256))), id="bytes that are no text"),
        pytest.param(b"aXQgaXMgc2hvcnQ=", id="too short"),
    ],
)
def test_other_runs_of_letters_are_left_alone(data: bytes) -> None:
    assert list(decoded(b"x " + data + b" y")) == []


def test_it_is_told_where_the_run_begins() -> None:
    (found,) = decoded(b"0123456 " + base64.b64encode(TEXT.encode()))
    assert found == (8, TEXT.encode())
