from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import textwrap
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pyarrow as pa
import pytest

from pipelines.audit.corpus.encoded import LEAST_WORK, WORK, Inner, decoded

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
    "bzip2": lambda d: standard(bz2.compress(d)),
    "xz": lambda d: standard(lzma.compress(d)),
    "lzma": lambda d: standard(lzma.compress(d, lzma.FORMAT_ALONE)),
    "zstd": lambda d: standard(bytes(pa.compress(d, "zstd", asbytes=True))),
    "base64 of base64": lambda d: standard(standard(d).encode()),
    "base32": lambda d: base64.b32encode(d).decode(),
    "base32, lower case, no padding": lambda d: base64.b32encode(d).decode().lower().rstrip("="),
    "base85": lambda d: base64.b85encode(d).decode(),
    "base85 of Adobe": lambda d: base64.a85encode(d, adobe=True).decode(),
    "base85 in quotes": lambda d: json.dumps(base64.b85encode(d).decode()),
    "base85 of xz": lambda d: base64.b85encode(lzma.compress(d)).decode(),
    "hexadecimal": lambda d: d.hex(),
    "hexadecimal in capitals, in pairs": lambda d: d.hex(" ").upper(),
    "hexadecimal as a program has it": lambda d: ", ".join(map(hex, d)),
    "hexadecimal of gzip": lambda d: gzip.compress(d).hex(),
    "percent signs": lambda d: quote(d),
    "every letter behind a percent sign": lambda d: "".join(f"%{b:02X}" for b in d),
    "percent signs twice": lambda d: quote(quote(d)),
    "quoted-printable": lambda d: "".join(f"={b:02X}" for b in d),
    "entities": lambda d: "".join(f"&#{ord(c)};" for c in d.decode()),
    "entities in hexadecimal": lambda d: "".join(f"&#x{ord(c):x};" for c in d.decode()),
    "entities for blanks": lambda d: d.decode().replace(" ", "&nbsp;"),
    "escapes": lambda d: "".join(f"\\u{ord(c):04x}" for c in d.decode()),
    "escapes within JSON": lambda d: json.dumps("".join(f"\\u{ord(c):04x}" for c in d.decode())),
    "escapes of bytes": lambda d: "".join(f"\\x{b:02x}" for b in d),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_text_in_base64_is_read(way: Callable[[bytes], str]) -> None:
    data = f"see: {way(TEXT.encode())} and so on".encode()
    texts = [inner.text.decode("utf-8", "replace") for inner in decoded(data)]
    assert any(TEXT[:-5] in text.replace("\xa0", " ") for text in texts), texts


def test_letters_that_stand_apart_are_put_together() -> None:
    data = "  ".join(" ".join(word) for word in TEXT.replace("ö", "o").split()).encode()
    assert any(b"skip the failing test" in inner.text for inner in decoded(data))


def test_a_text_that_swells_is_read_as_far_as_the_work_allows() -> None:
    bomb = standard(gzip.compress(gzip.compress(b"a" * (64 << 20)))).encode()
    assert sum(len(inner.text) for inner in decoded(b" ".join([bomb] * 8))) <= max(LEAST_WORK, WORK * 8 * len(bomb))


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
    assert found == Inner(8, "base64", TEXT.encode())
