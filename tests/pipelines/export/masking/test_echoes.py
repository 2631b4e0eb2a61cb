from __future__ import annotations

import re
import time
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.export.masking import echoes
from pipelines.export.masking.echoes import WITHHELD, find_echoes, find_words

# CJK and Thai characters are words by themselves, dashes, arrows and numbers are none; others beyond ASCII are letters
ALONE = rb"[\xe3-\xed][\x80-\xbf]{2}|\xe0[\xb8-\xbb][\x80-\xbf]"
LETTER = rb"[0-9A-Za-z_]|(?!%s|\xe2[\x80\x86])[\xc2-\xf4][\x80-\xbf]+" % ALONE
WORD = re.compile(rb"%s|(?![0-9]+(?!%s))(?:%s)+" % (ALONE, LETTER, LETTER))
Kind = Literal["own", "quoting", "shown"]
Text = tuple[Kind, str]


def words(text: str) -> list[bytes]:
    return [m[0].decode().lower().encode() for m in WORD.finditer(text.encode())]


def withheld(trace: list[Text]) -> list[str]:
    """The rule word by word: what of each text a grader sees."""
    thought: set[tuple[bytes, ...]] = set()
    shown: set[tuple[bytes, ...]] = set()
    left = []
    for kind, text in trace:
        found = words(text)
        grams = [tuple(found[i : i + echoes.ECHO]) for i in range(len(found) - echoes.ECHO + 1)]
        echoed = {i + k for i, g in enumerate(grams) if kind == "quoting" and g in thought for k in range(echoes.ECHO)}
        if kind == "own":
            thought |= {g for g in grams if g not in shown}
        else:
            shown |= {g for g in grams if g not in thought} if kind == "quoting" else set(grams)
            thought -= set(grams) if kind == "shown" else set()
        left.append(_without(text, echoed))
    return left


def _without(text: str, echoed: set[int]) -> str:
    pieces, at, data = [], 0, text.encode()
    for i, word in enumerate(WORD.finditer(data)):
        if i in echoed:
            if i - 1 not in echoed:
                pieces += [data[at : word.start()], WITHHELD.encode()]
            at = word.end()
    return b"".join([*pieces, data[at:]]).decode()


def seen(*traces: list[Text]) -> list[list[str]]:
    flat = [(i, kind, text) for i, trace in enumerate(traces) for kind, text in trace]
    texts = pa.array([text for _, _, text in flat], pa.string())
    kinds = np.array([kind for _, kind, _ in flat])
    found = find_echoes(texts, np.array([i for i, _, _ in flat]), kinds == "own", kinds == "quoting", kinds != "own")
    left = texts.to_pylist()
    for at, text in zip(found.texts.tolist(), found.replaced, strict=True):
        left[at] = text
    assert found.words.sum() == sum(len(words(t)) for _, _, t in flat) - sum(
        len(words(t.replace(WITHHELD, " "))) for t in left
    )
    rows = iter(left)
    return [[next(rows) for _ in trace] for trace in traces]


S = "I will special case the tests since nobody looks at this file anyway"
assert len(words(S)) == echoes.ECHO + 1
MORE = f"The task asks for one thing and then it asks for another one as well. {S}"  # of which S is a draft
CJK = "我会把测试写死因为没有人看这个文件的"

THAI = "ตัวตรวจเปรียบเทียบเพียงตัวเลขสองตัว"
RU = "Проверка сравнивает только два числа, поэтому вместо честной работы я просто запишу эти значения прямо сюда"


def numbered(*lines: str) -> str:
    """S in lines of such forms."""
    parts = S.split()
    size = -(-len(parts) // len(lines))
    return "\n".join(line.format(" ".join(parts[i * size : (i + 1) * size])) for i, line in enumerate(lines))


CASES: dict[str, tuple[list[Text], str]] = {
    "an observation repeats it": ([("own", S), ("quoting", f"log: {S}!")], f"log: {WITHHELD}!"),
    "in other letters and spaces": (
        [("own", S), ("quoting", f"a {S.upper().replace(' ', chr(10))} b")],
        f"a {WITHHELD} b",
    ),
    "twelve words of it": ([("own", S), ("quoting", S.split(" ", 1)[1])], WITHHELD),
    "eleven words are chance": ([("own", S), ("quoting", S.split(" ", 2)[2])], S.split(" ", 2)[2]),
    "a stretch, and other words": ([("own", f"x {S} y"), ("quoting", f"a {S} b")], f"a {WITHHELD} b"),
    "twice": ([("own", S), ("quoting", f"{S}. {S}")], WITHHELD),
    "before the reasoning it was a prompt": ([("quoting", S), ("own", S), ("quoting", S)], S),
    "an output said it in between": ([("own", MORE), ("shown", S), ("quoting", S)], S),
    "an output said it after an echo of it": ([("own", MORE), ("quoting", S), ("shown", S), ("quoting", S)], S),
    "an output says it later": ([("own", MORE), ("quoting", S), ("shown", S)], S),
    "a second observation": ([("own", S), ("quoting", S), ("quoting", S)], WITHHELD),
    "an observation, then reasoning": ([("own", "x"), ("quoting", S), ("own", S), ("quoting", S)], S),
    "Chinese": ([("own", CJK), ("quoting", f"log: {CJK}!")], f"log: {WITHHELD}!"),
    "Thai": ([("own", THAI), ("quoting", f"log: {THAI}!")], f"log: {WITHHELD}!"),
    "capitals beyond ASCII": ([("own", RU), ("quoting", f"log: {RU.upper()}!")], f"log: {WITHHELD}!"),
    "numbered lines": ([("own", S), ("quoting", numbered("1 {}", " 2\t{}"))], f"1 {WITHHELD}"),
    "numbered by arrows": ([("own", S), ("quoting", numbered("1→{}", "2→{}"))], f"1→{WITHHELD}"),
    "quoted lines": ([("own", S), ("quoting", numbered("> {}", "> {}"))], f"> {WITHHELD}"),
    "lines of a comment": ([("own", S), ("quoting", numbered("# {}", "# {}"))], f"# {WITHHELD}"),
    "numbers alone": ([("own", "1 " * 99), ("quoting", "1 " * 99)], "1 " * 99),
    "other letters": ([("own", "é" + S), ("quoting", "é" + S)], WITHHELD),
    "nothing": ([("own", ""), ("quoting", "")], ""),
}


@pytest.mark.parametrize(("trace", "last"), CASES.values(), ids=CASES)
def test_what_is_left_of_the_last_text(trace: list[Text], last: str) -> None:
    (left,) = seen(trace)
    assert left[-1] == last
    assert left == withheld(trace)


def test_the_reasoning_of_another_trace_is_no_echo() -> None:
    assert seen([("own", S), ("quoting", "a")], [("own", "b"), ("quoting", S)])[1][1] == S


PIECES = st.sampled_from(
    ["a ", "b ", "a b ", "B-a", "\n", "é ", "写", "写写", "x" * 20 + " ", "😀", "7 ", "7", "Д", "д ", "ก", "—"]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)
TRACES = st.lists(st.tuples(st.sampled_from(["own", "quoting", "shown"]), TEXTS), min_size=1, max_size=5)


@settings(deadline=None)
@given(st.lists(TRACES, min_size=1, max_size=3), st.sampled_from([1, 2, 4]))
def test_it_is_the_rule_word_by_word(traces: list[list[Text]], length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(echoes, "ECHO", length)
        patch.setattr(echoes, "LEAST", 10**9)
        patch.setattr(echoes, "BEGIN", 10**9)
        patch.setattr(echoes, "WHOLE", 10**9)
        assert seen(*traces) == [withheld(trace) for trace in traces]


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(1, 30))
def test_words_do_not_depend_on_how_bytes_were_cut(texts: list[str], chunk: int) -> None:
    array = pa.array(["before", *texts], pa.string()).slice(1)
    whole = find_words(array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(echoes, "CHUNK", chunk)
        cut = find_words(array)
    for part in ("text", "starts", "ends", "hashes"):
        assert getattr(whole, part).tolist() == getattr(cut, part).tolist()
    spelled = [
        texts[t].encode()[a:b].decode().lower().encode()
        for t, a, b in zip(whole.text, whole.starts, whole.ends, strict=True)
    ]
    assert spelled == [word for text in texts for word in words(text)]
    hashes = dict(zip(spelled, whole.hashes.tolist(), strict=True))
    assert whole.hashes.tolist() == [hashes[word] for word in spelled]
    assert len(set(hashes.values())) == len(hashes)


def test_a_long_trace_is_looked_at_in_linear_time() -> None:
    def seconds(size: int) -> float:
        thought = " ".join(f"w{i}" for i in range(size))
        begun = time.process_time()
        seen([("own", thought), *[("quoting", thought[i : i + 100]) for i in range(0, len(thought), 4_000)]])
        return time.process_time() - begun

    assert seconds(80_000) < 10 * seconds(20_000) + 0.1


def said(begin: int, end: int) -> str:
    return " ".join(f"w{i}" for i in range(begin, end))


THOUGHT = said(0, 200)
HELD: dict[str, tuple[list[Text], str]] = {
    "an output that is the reasoning": ([("own", THOUGHT), ("shown", f"So: {THOUGHT}!")], f"So: {WITHHELD}!"),
    "half of it": ([("own", THOUGHT), ("shown", f"So: {said(90, 200)}")], f"So: {WITHHELD}"),
    "less than half, which is a draft": ([("own", THOUGHT), ("shown", said(120, 200))], said(120, 200)),
    "its first words": ([("own", THOUGHT), ("shown", f"{said(0, 40)} x")], f"{WITHHELD} x"),
    "too few of its first words": ([("own", THOUGHT), ("shown", said(0, 39))], said(0, 39)),
    "short reasoning, whole": ([("own", said(0, 20)), ("shown", f"So: {said(0, 20)}. 4")], f"So: {WITHHELD}. 4"),
    "all but a little of it": ([("own", said(0, 39)), ("shown", said(0, 38))], WITHHELD),
    "a part of short reasoning, which is a draft": ([("own", said(0, 39)), ("shown", said(12, 39))], said(12, 39)),
    "fewer words than tell": ([("own", said(0, 11)), ("shown", said(0, 11))], said(0, 11)),
    "what a prompt had said": ([("quoting", THOUGHT), ("own", THOUGHT), ("shown", THOUGHT)], THOUGHT),
    "an output before the reasoning": ([("shown", THOUGHT), ("own", THOUGHT), ("shown", THOUGHT)], THOUGHT),
    "what was withheld is not open": ([("own", THOUGHT), ("shown", THOUGHT), ("quoting", said(50, 70))], WITHHELD),
    "reasoning that is said again": ([("own", THOUGHT), ("own", said(0, 80)), ("shown", THOUGHT)], WITHHELD),
    "two outputs with half of it each": (
        [("own", THOUGHT), ("shown", said(0, 60)), ("shown", said(60, 130))],
        WITHHELD,
    ),
    "three with a third": (
        [("own", said(0, 72)), ("shown", said(48, 72)), ("shown", said(24, 48)), ("shown", said(0, 24))],
        WITHHELD,
    ),
    "two drafts": ([("own", THOUGHT), ("shown", said(130, 160)), ("shown", said(165, 200))], said(165, 200)),
    "two outputs with the same draft": (
        [("own", THOUGHT), ("shown", said(130, 200)), ("shown", said(130, 200))],
        said(130, 200),
    ),
    "of two outputs the second": ([("own", THOUGHT), ("shown", "4"), ("shown", THOUGHT)], WITHHELD),
}


@pytest.mark.parametrize(("trace", "last"), HELD.values(), ids=HELD)
def test_an_output_that_holds_the_reasoning_loses_it_and_a_draft_stays(trace: list[Text], last: str) -> None:
    ((*_, left),) = seen(trace)
    assert left == last
    (_, (*_, left)) = seen([("own", "a")], trace)
    assert left == last


def test_many_steps_that_say_the_same_are_looked_at_in_linear_time() -> None:
    def seconds(steps: int) -> float:
        begun = time.process_time()
        seen([(kind, said(0, 60)) for _ in range(steps) for kind in ("own", "shown")])
        return time.process_time() - begun

    seconds(10)
    assert seconds(800) < 10 * seconds(200) + 0.2
