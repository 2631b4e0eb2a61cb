"""Windows cover a step exactly once, and byte offsets become code points exactly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.rules import text as module
from monitors.rules.text import MARGIN, OVERLAP, WINDOW, StepText, window, window_count

MIB = 1 << 20
SIZES = [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW - OVERLAP, 2 * WINDOW - OVERLAP + 1, 5 * WINDOW + 17]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("character", ["a", "é", "—", "😀"], ids=["1 byte", "2 bytes", "3 bytes", "4 bytes"])
def test_windows_own_each_byte_once_and_part_no_character(size: int, character: str) -> None:
    data = memoryview(("x" + character * (size // len(character.encode()))).encode())
    windows = [window(data, i) for i in range(window_count(len(data)))]
    assert windows[0].own_start == windows[0].start == 0
    assert windows[-1].own_end == windows[-1].end == len(data)
    for one, following in pairwise(windows):
        assert one.own_end == following.own_start
        assert one.end - following.start >= OVERLAP - 4
        assert one.end - one.own_end >= MARGIN - 4
        assert following.own_start - following.start >= MARGIN
    for w in windows:
        assert w.end - w.start <= WINDOW + 4
        assert all(at in (0, len(data)) or data[at] & 0xC0 != 0x80 for at in (w.start, w.end))


TEXTS = st.text(st.sampled_from("ab é—😀\u0301漢"), max_size=60)


@given(TEXTS)
def test_code_points_are_those_of_the_decoded_text(text: str) -> None:
    data = text.encode()
    step = StepText(memoryview(data))
    for characters in range(len(text), -1, -1):
        assert step.code_point(len(text[:characters].encode())) == characters


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("letter", ["a", "漢", "😀"], ids=["ascii", "three bytes", "four bytes"])
def test_code_points_hold_across_chunks(size: int, letter: str) -> None:
    text = "é" + letter * size
    step = StepText(memoryview(text.encode()))
    for characters in (size, size // 2, 3, size + 1):
        assert step.code_point(len(text[:characters].encode())) == characters


@given(TEXTS, st.integers(0, 70), st.data())
def test_stepping_back_and_forward_counts_code_points(text: str, count: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    place = len(text[:at].encode())
    step = StepText(memoryview(text.encode()))
    assert step.back(place, count) == len(text[: max(0, at - count)].encode())
    assert step.forward(place, count) == len(text[: at + count].encode())


SENTENCES = {
    "between full stops": ("One. I HIT it. Two.", " I HIT it."),
    "a question before": ("Really? HIT", " HIT"),
    "closing quotes belong to the sentence": ('He said "no." HIT "yes!" Two', ' HIT "yes!"'),
    "a line is a sentence": ("- first\n- HIT\n- last", "- HIT\n"),
    "a point inside a name ends nothing": ("see os.HIT.path now. Next", "see os.HIT.path now."),
    "e.g. ends nothing": ("Use tricks, e.g. HIT, i.e. this. Next", "Use tricks, e.g. HIT, i.e. this."),
    "no ends at all": ("so HIT then", "so HIT then"),
    "full-width stops": ("一。HIT二。三", "HIT二。"),
    "a hit that ends its sentence": ("One. HIT. Two.", " HIT."),
    "no further than so many characters": ("a" * 500 + " HIT " + "b" * 500, "a" * 399 + " HIT " + "b" * 399),
}


@pytest.mark.parametrize(("text", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_sentence(text: str, sentence: str) -> None:
    data = text.encode()
    hit = "HIT." if "HIT. " in text else "HIT"
    low = data.index(hit.encode())
    start, end = StepText(memoryview(data)).sentence(low, low + len(hit))
    assert data[start:end].decode() == sentence


def test_the_margin_holds_the_longest_span() -> None:
    from monitors.rules.pack import MAX_SPAN

    assert 4 * MAX_SPAN < module.MARGIN
