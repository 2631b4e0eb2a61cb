"""What the scanner finds, whole or in pieces, and what it leaves alone."""

from __future__ import annotations

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable

import pytest

from monitors.rules.load import load_pack
from pipelines.canaries import Hit, find_ids, scan, scan_chunks
from pipelines.canaries.disguises import DISGUISES, disguised
from pipelines.canaries.search import OVERLAP
from schemas.canary import CANARY, marked_id
from schemas.digest import digest

ALERT = marked_id("alert", digest("a finding", "a monitor"))
DIGITS = ALERT.removeprefix("alert-")


def around(text: str) -> bytes:
    return f'{{"text": "Before it, {text} and after it."}}'.encode()


@pytest.mark.parametrize("name", DISGUISES)
def test_a_canary_is_found_once_in_each_disguise(name: str) -> None:
    data = around(DISGUISES[name](CANARY))
    (hit,) = scan(data)
    assert 0 < hit.start < hit.end < len(data) - 10


@pytest.mark.parametrize("name", DISGUISES)
def test_no_canary_is_seen_where_one_letter_is_another(name: str) -> None:
    assert scan(around(DISGUISES[name](CANARY.replace("MONITOR", "MENTOR")))) == []


@pytest.mark.parametrize("name", ["as it is", "zero-width spaces, escaped", "base64 of base64", "base64 in lines"])
def test_a_canary_across_a_border_is_found_once_wherever_the_border_is(name: str) -> None:
    data = around(DISGUISES[name](CANARY))
    for border in range(1, len(data)):
        assert len(list(scan_chunks([data[:border], data[border:]]))) == 1, border
    assert len(list(scan_chunks(bytes([b]) for b in data))) == 1


def test_two_canaries_in_many_chunks_are_two_where_they_stand() -> None:
    filler = b"word " * OVERLAP
    one, two = CANARY.encode(), CANARY.lower().encode()
    data = filler + one + filler + two + filler
    chunks = [data[at : at + 7000] for at in range(0, len(data), 7000)]
    assert [(h.start, h.end) for h in scan_chunks(chunks)] == [
        (len(filler), len(filler) + len(one)),
        (2 * len(filler) + len(one), 2 * len(filler) + len(one) + len(two)),
    ]


def test_large_data_is_searched_in_windows_as_if_it_were_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"word " * 700 + b" and then ".join(text.encode() for _, text in disguised(CANARY)) + b" word" * 700
    whole = scan(data)
    monkeypatch.setattr("pipelines.canaries.search.WINDOW", 1_000)
    assert [h.start for h in scan(data)] == [h.start for h in whole]
    assert len(whole) > 30


def test_a_canary_says_what_it_marks() -> None:
    assert scan(f"x {CANARY}:pack:core y".encode()) == [Hit(2, 42, "plain", f"{CANARY}:pack:core")]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip in base64": lambda t: base64.b64encode(gzip.compress(t)),
    "zlib in base64": lambda t: base64.b64encode(zlib.compress(t, 9)),
    "gzip": gzip.compress,
    "gzip in gzip": lambda t: gzip.compress(gzip.compress(t)),
    "gzip in base64 in base64 in base64": lambda t: base64.b64encode(
        base64.b64encode(base64.b64encode(gzip.compress(t)))
    ),
    "base64 three times": lambda t: base64.b64encode(base64.b64encode(base64.b64encode(t))),
    "JSON escapes in base64 in lines": lambda t: base64.encodebytes(
        "".join(f"\\u{b:04x}" for b in t).encode() + b" " * 99
    ),
    "base64 of base64 in lines": lambda t: base64.encodebytes(base64.encodebytes(b"x" * 30 + t)),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_canary_is_found_in_what_is_packed(name: str) -> None:
    data = b'{"blob": "' + PACKED[name](CANARY.encode()) + b'", "more": 1}'
    assert scan(data)
    for border in (20, len(data) // 2, len(data) - 20):
        assert "gzip" in name or len(list(scan_chunks([data[:border], data[border:]]))) == 1


def test_broken_archives_and_base64_are_no_error() -> None:
    squeezed = gzip.compress(b"some text " * 1000)
    assert scan(squeezed[:40]) == []
    assert scan(b"\x1f\x8b\x08" + bytes(50)) == []
    assert scan(base64.b64encode(squeezed)[:-7] + b"=====") == []


def test_ordinary_text_has_no_canary_and_no_ids() -> None:
    """Words that share letters with the canary, code, escapes, digests, base64 of noise."""
    rng = random.Random(5)
    words = [*"cot canaries monitor monitors do not train trained training a co-training C.O.T. to-do contest".split()]
    lines = []
    for i in range(20_000):
        line = " ".join(rng.choices(words, k=20))
        noise = rng.randbytes(60)
        lines += [line, json.dumps({"line": line, "b": base64.b64encode(noise).decode(), "i": i}), noise.hex()[:32]]
        lines += [f"alert-{rng.randbytes(16).hex()} finding-{rng.randbytes(16).hex()} TG{i % 99:02}.csv"]
    data = "\n".join(lines).encode()
    assert scan(data) == []
    assert find_ids(data) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see TG08.lookup-table for it", [("rule id", "TG08.lookup-table")]),
        ("HO23.coerce", [("rule id", "HO23.coerce")]),
        ("['TG17.clock', 'HO01.own-aim']", [("rule id", "TG17.clock"), ("rule id", "HO01.own-aim")]),
        (f"in {ALERT}.", [("alert id", ALERT)]),
        (ALERT.upper(), [("alert id", ALERT.upper())]),
        (marked_id("finding", digest("k", "m")), [("finding id", marked_id("finding", digest("k", "m")))]),
        (f"alert_id={DIGITS}", [("alert or finding id", DIGITS)]),
        ("TG08.json HO01.mp4 TG12.html XTG08.lookup TG26.lookup-table TG08 lookup-table", []),
        (f"{DIGITS}0 0{DIGITS}", [("alert or finding id", DIGITS)] * 2),
        (f"\\\\u000a{DIGITS}", [("alert or finding id", DIGITS)]),
        ("\\\\nTG08.lookup-table \\\\\\\\tTG17.clock", [("rule id", "TG08.lookup-table"), ("rule id", "TG17.clock")]),
        ("\u00b5TG08.lookup-table", [("rule id", "TG08.lookup-table")]),
        ("nTG08.lookup-table 0TG08.lookup-table", []),
        (DIGITS + "0" * 32, []),
        (f"alert-{'0' * 32}", []),
        (f"alert-{DIGITS[:-1]}{'0' if DIGITS[-1] != '0' else '1'}", []),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_ids_are_known_by_form_and_check_digits(text: str, found: list[tuple[str, str]]) -> None:
    data = text.encode()
    hits = find_ids(data)
    assert [(h.how, h.text) for h in hits] == found
    assert [data[h.start : h.end].lower() for h in hits] == [t.lower().encode() for _, t in found]


def test_every_rule_of_the_core_pack_has_an_id_that_is_found() -> None:
    ids = {rule.id for rule in load_pack("core").rules}
    assert len(ids) > 40
    assert {hit.text for hit in find_ids("\n".join(ids).encode())} == ids
