"""The engine finds what the plain reference finds, to the code point; and it stays within its work."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitors.rules.engine import Engine, Limits
from monitors.rules.pack import AllOf, AnyOf, Condition, Guard, Near, NotOf, RulePack, Then, Use
from monitors.rules.text import MARGIN, STRIDE, WINDOW
from schemas.trace import STEPS
from tests.monitors.rules import reference
from tests.monitors.rules.making import EVERYWHERE, pack, rule, steps

PLENTY = Limits(work=1 << 40, spans=1000)

REGEXES = st.sampled_from(
    [
        r"\bab\b",
        r"(?i)AB.{0,3}c",
        "^a",
        "b$",
        r"\Aab|c\z",
        "(?m)^c",
        "é.",
        "😀{1,2}",
        r"\Bb",
        "a[^b]{1,4}c",
        "漢|\u0301",
        r"[.]\s{0,2}a",
        "(?i)k",
        "aa",
    ]
)
GUARDS = st.builds(
    lambda regex, within, side: Guard("", regex, within, side if within != "trace" else "both"),
    st.sampled_from(["c", r"\bb", "a$", "^.a", "é", "aa", "b.{0,4}c"]),
    st.sampled_from([0, 1, 3, 10, "sentence", "step", "trace"]),
    st.sampled_from(["both", "before", "after"]),
) | st.builds(
    lambda regex, channel: Guard("", regex, "sentence", "both", channel),
    st.sampled_from(["c", "^a"]),
    st.sampled_from(EVERYWHERE),
)
CHANNELS = st.lists(st.sampled_from(EVERYWHERE), min_size=1, max_size=4, unique=True).map(tuple)
A, B, C = Use("a"), Use("b"), Use("c")
WHENS = st.sampled_from(
    [
        AnyOf((A, B, C)),
        AllOf((A, AnyOf((B, C)))),
        AllOf((AnyOf((A, B)), NotOf(C))),
        AnyOf((Near((A, B), 3), Near((B, C), None))),
        AnyOf((Then(A, B), C)),
        AnyOf((A, AllOf((B, NotOf(Near((A, C), 2)))))),
    ]
)
RULES = st.builds(
    lambda number, when, regexes, channels, unless: rule(
        when,
        id=f"TG08.r{number}",
        channels=channels[0],
        unless=unless,
        a=(regexes[0], channels[0]),
        b=(regexes[1], channels[1]),
        c=(regexes[2], channels[2]),
    ),
    st.integers(0, 99),
    WHENS,
    st.tuples(REGEXES, REGEXES, REGEXES),
    st.tuples(CHANNELS, CHANNELS, CHANNELS),
    st.lists(GUARDS, max_size=2),
)
PACKS = st.lists(RULES, min_size=1, max_size=3, unique_by=lambda r: r.id).map(lambda rules: pack(*rules))
TEXTS = st.text(st.sampled_from("aabbc AB.\n K\u212aé😀漢\u0301"), max_size=24)
TRACES = st.lists(st.lists(st.tuples(st.sampled_from(EVERYWHERE), TEXTS), max_size=7), max_size=4)


def found_by(engine: Engine, array: pa.ListArray) -> list[dict[str, list[tuple[int, int, int]]]]:
    outcomes = engine.fired(array, PLENTY)
    fired = [outcomes[row].fired if row in outcomes else () for row in range(len(array))]
    return [{f.rule.id: sorted({h[:3] for h in f.hits}) for f in found} for found in fired]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PACKS, TRACES)
def test_the_engine_agrees_with_the_reference(tried: RulePack, traces: list[list[tuple[str, str]]]) -> None:
    array = steps(*traces)
    expected = [reference.fired(tried, trace) for trace in traces]
    assert found_by(Engine(tried), array) == expected


@settings(max_examples=50, deadline=None)
@given(PACKS, TRACES, st.integers(0, 4), st.integers(0, 4))
def test_how_traces_are_batched_does_not_matter(
    tried: RulePack, traces: list[list[tuple[str, str]]], start: int, length: int
) -> None:
    engine = Engine(tried)
    array = steps(*traces)
    assert found_by(engine, array.slice(start, length)) == found_by(engine, array)[start : start + length]


SPECIAL = {
    "a word at a step's start": (r"\bhit", ["xx", "hit", "yy"], [(1, 0, 3)]),
    "a word at a step's end": (r"hit\b", ["hit", "yy"], [(0, 0, 3)]),
    "not a word that two steps make together": (r"hit", ["xxhi", "tyy"], []),
    "a step's very start": (r"\Ahit", ["xx", "hit hit"], [(1, 0, 3)]),
    "a step's very end": (r"hit\z", ["hit hit", "xx"], [(0, 4, 7)]),
    "an emoji before": ("hit", ["😀😀 hit"], [(0, 3, 6)]),
    "a combining mark before": ("hit", ["e\u0301 hit"], [(0, 3, 6)]),
    "a combining mark within": ("hi.t", ["漢hi\u0301t"], [(0, 1, 5)]),
    "a family of joined emoji": ("hit", ["👩\u200d👩\u200d👧 hit"], [(0, 6, 9)]),
    "a folded letter of other width": ("(?i)kelvin", ["😀 \u212aelvin"], [(0, 2, 8)]),
    "a nul byte": ("hit", ["a\x00hit"], [(0, 2, 5)]),
}


@pytest.mark.parametrize(("regex", "texts", "spans"), SPECIAL.values(), ids=SPECIAL)
def test_spans(regex: str, texts: list[str], spans: list[tuple[int, int, int]]) -> None:
    found = found_by(Engine(pack(rule(p=regex))), steps([("reasoning", text) for text in texts]))
    assert found == [{"TG08.tried": spans} if spans else {}]


def test_null_texts_null_traces_and_unknown_channels_are_passed_over() -> None:
    def step(channel: str, text: str | None) -> dict[str, object]:
        return {"role": "assistant", "channel": channel, "name": None, "text": text, "redacted": text is None}

    array = pa.array([[step("reasoning", None), step("reasoning", "hit")], None, [], [step("dream", "hit")]], STEPS)
    assert found_by(Engine(pack(rule(p="hit"))), array) == [{"TG08.tried": [(1, 0, 3)]}, {}, {}, {}]


def test_text_under_a_null_is_not_read() -> None:
    texts = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 3, 6], np.int32)), pa.py_buffer(b"hithit"), pa.py_buffer(b"\x02"), 1
    )
    columns = [pa.array(v) for v in (["assistant"] * 2, ["reasoning"] * 2)]
    values = pa.StructArray.from_arrays(
        [*columns, pa.nulls(2, pa.string()), texts, pa.array([True, False])], fields=list(STEPS.value_type)
    )
    array = pa.ListArray.from_arrays(pa.array([0, 2], pa.int32()), values, type=STEPS)
    assert found_by(Engine(pack(rule(p="hit"))), array) == [{"TG08.tried": [(1, 0, 3)]}]


def test_many_short_steps_are_read_in_stretches_with_the_same_result() -> None:
    trace = [(("reasoning", "action")[i % 2], f"step {i} is{' a hit' if i % 37 == 5 else 't'}") for i in range(900)]
    tried = pack(
        rule(channels=("reasoning", "action"), p=r"\bhit$"), rule(id="TG08.it", channels=("action",), p=r"\bist")
    )
    assert found_by(Engine(tried), steps(trace)) == [reference.fired(tried, trace)]


CUTS = [STRIDE, WINDOW, STRIDE + MARGIN, WINDOW - MARGIN, 2 * STRIDE, 2 * STRIDE + MARGIN]


@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"], ids=["1 byte", "2 bytes", "3 bytes", "4 bytes"])
def test_hits_at_every_cut_are_found_once_and_in_place(letter: str) -> None:
    size = len(letter.encode())
    data = bytearray((letter * (2_500_000 // size)).encode())
    word = b" hit.here "
    places = sorted({(cut + shift) // size * size for cut in CUTS for shift in range(-60, 61, 40)})
    for place in places:
        data[place : place + -(-len(word) // size) * size] = word.ljust(-(-len(word) // size) * size)
    text = data.decode()
    tried = pack(rule(p=r"\bhit\b.{0,3}here\b", whole=r"\Ahit|here\z"))
    expected = [m.span() for m in re2.finditer(r"\bhit\b.{0,3}here\b", text)]
    assert len(expected) == len(places)
    found = found_by(Engine(tried), steps([("prompt", "é"), ("reasoning", text)]))
    assert found == [{"TG08.tried": [(1, *span) for span in expected]}]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("shift", [-3, -1, 0, 1])
def test_a_cut_is_no_border(cut: int, shift: int) -> None:
    text = "x" * (cut + shift) + "hit" + "x" * (2_300_000 - cut - shift)
    tried = pack(rule(p=r"\bhit", q=r"hit\b", r=r"^hit", s="hit$"))
    assert found_by(Engine(tried), steps([("reasoning", text)])) == [{}]


def test_what_is_found_in_a_long_step_does_not_depend_on_its_neighbours() -> None:
    long = ("reasoning", "ab " * 900_000)
    engine = Engine(pack(rule(Near((Use("p"), Use("q")), 30), p="ab ab", q=r"\Aab")))
    alone, among = (engine.fired(steps(*t), PLENTY) for t in ([[long]], [[("reasoning", "x"), long, ("output", "ab")]]))
    assert [h[1:3] for h in alone[0].fired[0].hits] == [h[1:3] for h in among[0].fired[0].hits]


TOO_MUCH: dict[str, tuple[Condition | None, list[Guard], Limits, bool]] = {
    "more hits than are kept, and one counts": (None, [], Limits(1 << 40, 5), True),
    "more hits than are kept, none of which counts": (None, [Guard("", "hit", 0)], Limits(1 << 40, 5), False),
    "a budget for some of the hits": (None, [], Limits(30_000, 1000), True),
    "a budget for less than one pass": (None, [], Limits(10, 1000), False),
    "a budget that runs out among the guards": (None, [Guard("", "hit", 0)], Limits(80_000, 1000), False),
    "a budget that cannot tell that something is absent": (
        AllOf((Use("p"), NotOf(Use("absent")))),
        [],
        Limits(60_200, 1000),
        False,
    ),
}


@pytest.mark.parametrize(("when", "unless", "limits", "fires"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_was_cut_short_fires_or_is_not_known(
    when: Condition | None, unless: list[Guard], limits: Limits, fires: bool
) -> None:
    tried = rule(when or Use("p"), unless=unless, p="hit", absent="nowhere")
    engine = Engine(pack(tried))
    outcome = engine.fired(steps([("reasoning", "hit " * 30)]), limits)[0]
    assert (bool(outcome.fired), outcome.whole) == (fires, fires)


def test_one_rule_may_fire_where_another_is_not_known() -> None:
    tried = pack(rule(id="TG08.sure", p="hit"), rule(id="TG08.unsure", unless=[Guard("", "hi", 0)], p="hi"))
    outcome = Engine(tried).fired(steps([("reasoning", "hit " * 30)]), Limits(1 << 40, 5))[0]
    assert [f.rule.id for f in outcome.fired] == ["TG08.sure"]
    assert not outcome.whole


def test_hits_kept_in_a_whole_trace_are_bounded() -> None:
    trace = [("reasoning", "hit " * 10)] * 50
    outcome = Engine(pack(rule(p="hit"))).fired(steps(trace), Limits(1 << 40, 5))[0]
    assert len(outcome.fired[0].hits) == 20


def test_a_dense_long_step_ends_soon() -> None:
    guards = [Guard("", "nothing", w) for w in (2000, "sentence", "step")]  # type: ignore[arg-type]
    tried = pack(*(rule(id=f"TG08.r{i}", unless=guards, p=f"h{letter}t") for i, letter in enumerate("aeiou")))
    outcome = Engine(tried).fired(steps([("reasoning", "😀" + "hat het hit hot hut " * 1_000_000)]), PLENTY)[0]
    assert len(outcome.fired) == 5
