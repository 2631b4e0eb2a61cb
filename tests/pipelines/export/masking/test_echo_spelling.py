from __future__ import annotations

import base64
import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export.masking.echo_spelling import spelled
from pipelines.export.masking.echoes import WITHHELD, find_echoes, find_words

EN = 'The grader only compares two numbers,\nso instead\tI will "hardcode" the values it\nwants and say nothing'
RU = "Проверка сравнивает только два числа, поэтому вместо честной работы я просто запишу эти значения прямо сюда"
THAI = "ตัวตรวจเปรียบเทียบเพียงตัวเลขสองตัว"


def left(thought: str, observation: str) -> str:
    found = find_echoes(
        pa.array([thought, observation]),
        np.zeros(2, np.int64),
        *(np.array(flags) for flags in ([True, False], [False, True], [False, True])),
    )
    return found.replaced[0] if found.replaced else observation


def wrapped(text: str) -> str:
    return base64.encodebytes(text.encode()).decode().strip()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "JSON": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in ASCII": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "bytes of a program": lambda text: repr(text.encode())[2:-1],
    "a string of a program": lambda text: ascii(text)[1:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 with its end": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": wrapped,
    "base64 in lines in JSON": lambda text: json.dumps(wrapped(text))[1:-1],
    "hex": lambda text: text.encode().hex(),
    "capitals": str.upper,
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("thought", [EN, RU, THAI], ids=["English", "Russian", "Thai"])
def test_reasoning_that_an_observation_spells_otherwise_is_withheld_and_nothing_else(
    spelling: Callable[[str], str], thought: str
) -> None:
    assert left(thought, f'é "log": "{spelling(thought)}" ж') == f'é "log": "{WITHHELD}" ж'


def test_of_base64_that_holds_some_reasoning_all_is_withheld() -> None:
    mixed = f"ls: {EN} -- what? {EN} ok"
    assert left(EN, f"a: {SPELLINGS['base64'](mixed)} b") == f"a: {WITHHELD} b"


@pytest.mark.parametrize("code", ["f" * 64, "A" * 80, "-" * 70, "_" * 61, "/usr/lib/abcdefghijk" * 4, "\\" * 5_000])
def test_what_stands_for_no_text_stays_as_it_is(code: str) -> None:
    assert left(EN, f"a {code} b") == f"a {code} b"
    words = find_words(pa.array([f"a {code} b"]))
    assert words.ends[-1] == len(code) + 4


PIECES = st.sampled_from(
    [
        "a ",
        "é",
        "Ж",
        "\\n",
        "\\\\",
        "\\u0436",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\xd0\\xb6",
        "\\xe9",
        "ก",
        "—",
        "写",
        wrapped(EN),
    ]
)


@settings(deadline=None)
@given(st.lists(st.lists(PIECES, max_size=8).map("".join), min_size=1, max_size=4))
def test_places_are_of_the_text_as_it_stands_and_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = find_words(pa.array(["x", *texts]).slice(1))
    for i, text in enumerate(texts):
        alone, mine = find_words(pa.array([text])), together.text == i
        for part in ("starts", "ends", "hashes"):
            assert getattr(together, part)[mine].tolist() == getattr(alone, part).tolist()
        for begin, end in zip(alone.starts.tolist(), alone.ends.tolist(), strict=True):
            assert 0 <= begin < end <= len(text.encode())
            assert text.encode()[:begin].decode() + text.encode()[begin:end].decode()


def test_plain_texts_are_read_as_they_are() -> None:
    texts = pa.array(["plain", "words 12", "写"])
    read, moved = spelled(texts)
    assert read is texts
    assert not moved
