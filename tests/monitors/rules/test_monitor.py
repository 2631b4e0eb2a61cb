"""What a rule pack says of a trace, and when it says that it could not look."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from monitors.monitor import Scope, Verdict
from monitors.rules import RuleMonitor, RulePack, RuleSettings
from monitors.rules.monitor import MAX_EVIDENCE
from monitors.rules.pack import AllOf, Guard, NotOf, Then, Use
from schemas.errors import ControlMissed
from schemas.trace import STEPS
from tests.monitors.rules.making import pack, rule, steps

Step = tuple[str, str | None, bool]  # channel, text, redacted


def judged(monitor: RuleMonitor, *trace: Step) -> Verdict:
    rows = [{"role": "assistant", "channel": c, "name": None, "text": t, "redacted": r} for c, t, r in trace]
    [verdict] = monitor.judge(pa.array([rows], STEPS))
    return verdict


LISTENS = ("reasoning", "action")
BOTH = RuleMonitor(pack(rule(channels=LISTENS, p="hit")))
ACTIONS = RuleMonitor(pack(rule(channels=("action",), p="hit")))

SEEN: dict[str, tuple[RuleMonitor, list[Step], tuple[str, str | None, tuple[str, ...], float | None]]] = {
    "clean": (BOTH, [("reasoning", "fine", False)], ("assessed", None, ("reasoning",), 0.0)),
    "clean in two channels": (
        BOTH,
        [("action", "run", False), ("reasoning", "fine", False), ("prompt", "hit", False)],
        ("assessed", None, LISTENS, 0.0),
    ),
    "no steps": (BOTH, [], ("not_assessed", "no_reasoning", (), None)),
    "nothing that it listens to": (BOTH, [("prompt", "hit", False)], ("not_assessed", "no_reasoning", (), None)),
    "empty texts": (
        BOTH,
        [("reasoning", "", False), ("action", None, False)],
        ("not_assessed", "no_reasoning", (), None),
    ),
    "actions but no reasoning": (
        BOTH,
        [("action", "run", False)],
        ("assessed", "no_reasoning", ("action",), 0.0),
    ),
    "reasoning withheld": (BOTH, [("reasoning", None, True)], ("not_assessed", "redacted", (), None)),
    "reasoning withheld, actions there": (
        BOTH,
        [("reasoning", None, True), ("action", "run", False)],
        ("assessed", "redacted", ("action",), 0.0),
    ),
    "reasoning summarised": (BOTH, [("reasoning", "fine", True)], ("assessed", None, ("reasoning",), 0.0)),
    "some reasoning withheld, some not": (
        BOTH,
        [("reasoning", None, True), ("reasoning", "fine", False)],
        ("assessed", None, ("reasoning",), 0.0),
    ),
    "a pack that does not need reasoning": (ACTIONS, [("action", "run", False)], ("assessed", None, ("action",), 0.0)),
    "a pack for actions without any": (
        ACTIONS,
        [("reasoning", "fine", False)],
        ("not_assessed", "no_reasoning", (), None),
    ),
    "something withheld that is no reasoning": (
        BOTH,
        [("action", None, True), ("reasoning", "fine", False)],
        ("assessed", None, ("reasoning",), 0.0),
    ),
    "a hit without reasoning": (BOTH, [("action", "hit", False)], ("assessed", "no_reasoning", ("action",), 0.5)),
}


@pytest.mark.parametrize(("monitor", "trace", "verdict"), SEEN.values(), ids=SEEN)
def test_what_was_seen(
    monitor: RuleMonitor, trace: list[Step], verdict: tuple[str, str | None, tuple[str, ...], float | None]
) -> None:
    found = judged(monitor, *trace)
    assert (found.state, found.reason, found.channels, found.score) == verdict
    assert bool(found.findings) == bool(found.score)


def test_verdicts_come_in_the_order_of_traces() -> None:
    verdicts = BOTH.judge(steps([("reasoning", "a hit")], [], [("reasoning", "a")], [("action", "hit")]))
    assert [(v.state, len(v.findings)) for v in verdicts] == [
        ("assessed", 1),
        ("not_assessed", 0),
        ("assessed", 0),
        ("assessed", 1),
    ]
    assert BOTH.judge(steps()) == []


GRADED = {
    "reasoning alone leaves the stance open": ({}, "reasoning", ("low", "unclear")),
    "an action is an act": ({}, "action", ("medium", "executed")),
    "memory is an act": ({}, "memory", ("medium", "executed")),
    "an output is an act": ({}, "output", ("medium", "executed")),
    "a stance given holds": ({"stance": "planned"}, "reasoning", ("low", "planned")),
    "unclear costs a level, even if given": ({"stance": "unclear"}, "action", ("low", "unclear")),
    "an experiment informs": ({"status": "experimental", "level": "critical"}, "action", ("informational", "executed")),
    "no level below the lowest": ({"level": "informational"}, "reasoning", ("informational", "unclear")),
}


@pytest.mark.parametrize(("given", "channel", "graded"), GRADED.values(), ids=GRADED)
def test_level_and_stance(given: dict[str, str], channel: str, graded: tuple[str, str]) -> None:
    made = rule(channels=("reasoning", "action", "memory", "output"), p="hit", **given)  # type: ignore[arg-type]
    [finding] = judged(RuleMonitor(pack(made)), (channel, "a hit", False)).findings
    assert (finding.level, finding.stance) == graded


def test_intent_then_action_is_executed() -> None:
    made = rule(Then(Use("a"), Use("b")), a="plan", b=("act", ("action",)))
    [finding] = judged(RuleMonitor(pack(made)), ("reasoning", "plan", False), ("action", "act", False)).findings
    assert (finding.stance, finding.level, finding.channel) == ("executed", "medium", "reasoning")
    assert [(s.step, s.excerpt) for s in finding.evidence] == [(0, "plan"), (1, "act")]


def test_rules_of_one_behaviour_make_one_finding() -> None:
    tried = pack(
        rule(id="TG08.b", level="high", status="experimental", confidence=0.9, p="hit"),
        rule(id="TG08.a", level="low", stance="planned", confidence=0.2, p="hit"),
        rule(id="HO02.c", p="other"),
    )
    verdict = judged(RuleMonitor(tried), ("prompt", "x", False), ("reasoning", "é hit, other", False))
    assert [f.behaviour for f in verdict.findings] == ["HO02", "TG08"]
    finding = verdict.findings[1]
    assert finding.rules == ("TG08.a", "TG08.b")
    assert (finding.category, finding.level, finding.stance) == ("test_gaming", "low", "planned")
    assert finding.score == pytest.approx(0.81)  # unclear: nine tenths of it
    assert (finding.threshold, finding.sanctioned) == (0.0, "none")
    assert finding.rationale == "TG08.a: What TG08.a means; TG08.b: What TG08.b means"
    assert [(s.step, s.start, s.end, s.rule, s.excerpt) for s in finding.evidence] == [
        (1, 2, 5, "TG08.a", "hit"),
        (1, 2, 5, "TG08.b", "hit"),
    ]
    assert verdict.score == pytest.approx(0.81)


BY_CATEGORY = pack(
    rule(id="TG08.a", confidence=0.4, channels=LISTENS, stance="planned", p="hit"),
    rule(id="TG01.a", confidence=0.9, channels=("action",), stance="rejected", p="thought"),
    rule(id="HO02.b", confidence=0.8, channels=("reasoning",), stance="planned", p="seen"),
)
CATEGORY_SCORES: dict[str, tuple[list[Step], dict[str, float]]] = {
    "nothing found": ([("reasoning", "fine", False)], {"test_gaming": 0.0, "hidden_objective": 0.0}),
    "one of two": ([("reasoning", "hit", False)], {"test_gaming": 0.4, "hidden_objective": 0.0}),
    "both": ([("reasoning", "hit and seen", False)], {"test_gaming": 0.4, "hidden_objective": 0.8}),
    "one was not looked for": ([("action", "run", False)], {"test_gaming": 0.0}),
    "the other of what was looked for": ([("action", "hit", False)], {"test_gaming": 0.4}),
    "thought of and refused": ([("action", "thought", False)], {"test_gaming": 0.0}),
    "nothing was read": ([("output", "hit", False)], {}),
}


@pytest.mark.parametrize(("trace", "scores"), CATEGORY_SCORES.values(), ids=CATEGORY_SCORES)
@pytest.mark.parametrize("threshold", [0.0, 0.95])
def test_each_category_that_was_looked_for_has_a_score(
    trace: list[Step], scores: dict[str, float], threshold: float
) -> None:
    verdict = judged(RuleMonitor(BY_CATEGORY, RuleSettings(threshold=threshold)), *trace)
    assert dict(verdict.by_category) == scores


def test_findings_below_the_threshold_are_scored_and_not_reported() -> None:
    tried = pack(rule(id="TG08.a", confidence=0.4, p="hit"), rule(id="HO02.b", confidence=0.8, p="hit"))
    verdict = judged(RuleMonitor(tried, RuleSettings(threshold=0.5)), ("reasoning", "hit", False))
    assert [(f.behaviour, f.threshold) for f in verdict.findings] == [("HO02", 0.5)]
    assert verdict.score == pytest.approx(0.72)  # unclear: nine tenths of it


EXCERPTS = {"cut in characters": (3, "é😀a"), "whole": (200, "é😀abc"), "none kept": (0, None)}


@pytest.mark.parametrize(("chars", "excerpt"), EXCERPTS.values(), ids=EXCERPTS)
def test_excerpt(chars: int, excerpt: str | None) -> None:
    monitor = RuleMonitor(pack(rule(p="é😀a.{0,2}")), RuleSettings(excerpt_chars=chars))
    [finding] = judged(monitor, ("reasoning", "漢 é😀abcd", False)).findings
    [span] = finding.evidence
    assert (span.start, span.end, span.excerpt) == (2, 7, excerpt)


def test_much_evidence_is_cut_but_keeps_each_pattern() -> None:
    made = rule(Then(Use("a"), Use("b")), a="plan", b=("act", ("action",)))
    [finding] = judged(RuleMonitor(pack(made)), ("reasoning", "plan " * 50, False), ("action", "act", False)).findings
    assert len(finding.evidence) == MAX_EVIDENCE
    assert finding.evidence[-1].excerpt == "act"
    assert list(finding.evidence) == sorted(finding.evidence, key=lambda s: (s.step, s.start))


JOINED = {
    "patterns side by side": ("skip the failing test", [(0, 21)]),
    "patterns far apart": ("skip" + " " * 61 + "test", [(0, 4), (65, 69)]),
    "one after the other": ("skip test skip", [(0, 14)]),
    "the same pattern again is a hit of its own": ("skip skip test", [(0, 4), (5, 14)]),
}


@pytest.mark.parametrize(("text", "spans"), JOINED.values(), ids=JOINED)
def test_hits_that_read_as_one_are_one_stretch(text: str, spans: list[tuple[int, int]]) -> None:
    made = rule(AllOf((Use("a"), Use("b"))), a="skip", b="test")
    [finding] = judged(RuleMonitor(pack(made)), ("reasoning", text, False)).findings
    assert [(s.start, s.end) for s in finding.evidence] == spans
    assert all(s.excerpt == text[s.start : s.end] for s in finding.evidence)


UNSURE = [Guard("", "hit", 0)]


def test_what_was_cut_short_is_not_assessed_and_never_clean() -> None:
    monitor = RuleMonitor(pack(rule(unless=UNSURE, p="hit")), RuleSettings(max_spans=5))
    verdict = judged(monitor, ("reasoning", "hit " * 30, False))
    assert (verdict.state, verdict.reason, verdict.channels, verdict.score) == (
        "not_assessed",
        "over_budget",
        ("reasoning",),
        None,
    )


def test_what_fires_is_reported_though_something_else_was_cut_short() -> None:
    tried = pack(rule(id="TG08.sure", p="hit"), rule(id="HO02.unsure", unless=UNSURE, p="hit"))
    verdict = judged(RuleMonitor(tried, RuleSettings(max_spans=5)), ("reasoning", "hit " * 30, False))
    assert (verdict.state, verdict.reason) == ("assessed", "over_budget")
    assert [f.behaviour for f in verdict.findings] == ["TG08"]


def test_a_budget_is_the_same_everywhere() -> None:
    monitor = RuleMonitor(pack(rule(p="hit")), RuleSettings(work_budget=30_000))
    trace = ("reasoning", "hit " * 100, False)
    assert {judged(monitor, trace) for _ in range(3)} == {judged(RuleMonitor(monitor.pack, monitor.settings), trace)}


def test_it_pickles_small_and_judges_the_same() -> None:
    array = steps([("reasoning", "a hit")])
    before = BOTH.judge(array)
    data = pickle.dumps(BOTH)
    assert len(data) < 4000
    again = pickle.loads(data)
    assert again.judge(array) == before
    assert again.spec == BOTH.spec


def spec_of(tried: RulePack, settings: RuleSettings | None = None) -> str:
    return RuleMonitor(tried, settings or RuleSettings()).spec.digest


def test_the_digest_covers_pack_and_settings() -> None:
    one = pack(rule(p="hit"))
    others = [
        spec_of(pack(rule(p="hits"))),
        spec_of(one, RuleSettings(excerpt_chars=0)),
        spec_of(one, RuleSettings(threshold=0.1)),
        spec_of(one, RuleSettings(work_budget=1)),
        spec_of(one, RuleSettings(max_spans=1)),
    ]
    assert len({spec_of(one), *others}) == 6
    assert spec_of(one) == spec_of(pack(rule(p="hit")))


def test_scopes_say_where_each_behaviour_is_looked_for() -> None:
    tried = pack(
        rule(Then(Use("a"), Use("b")), id="TG08.a", a="x", b=("y", ("action",))),
        rule(id="TG08.b", channels=("output",), p="x"),
        rule(AllOf((Use("p"), NotOf(Use("q")))), id="HO02.c", p="x", q=("z", ("memory",))),
    )
    assert RuleMonitor(tried).spec.scopes == (
        Scope("HO02", ("reasoning",)),
        Scope("TG08", ("reasoning", "action", "output")),
    )
    assert RuleMonitor(tried).spec.id == "rules.tried"


def test_the_control_passes_where_rules_do_what_their_tests_say() -> None:
    RuleMonitor(pack(rule(p="hit", match=["a hit", "hit"], no_match=["miss", "hi"]))).control()


def test_the_control_names_the_rule_and_the_test() -> None:
    deaf = RuleMonitor(pack(rule(p="hit", match=["a hit", "a miss"], no_match=["a hat", "no hit"])))
    with pytest.raises(ControlMissed) as caught:
        deaf.control()
    assert "rules.tried fails its positive control" in str(caught.value)
    assert "rule TG08.tried: match test 2 does not fire on 'a miss'" in str(caught.value)
    assert "rule TG08.tried: no_match test 2 fires on 'hit' in 'no hit'" in str(caught.value)
