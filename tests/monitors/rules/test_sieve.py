"""The runs of an expression are in every text that it matches; so looking for them first loses nothing."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.rules.sieve import sieve
from tests.monitors.rules.making import regexes


@settings(max_examples=1000, deadline=None)
@given(regexes(), st.text("abcdé B\n", max_size=40))
def test_all_runs_of_some_way_are_in_every_text_that_matches(regex: str, text: str) -> None:
    found = sieve(regex)
    assert all(found.ways)
    if re2.search(regex, text):
        assert any(all(re2.search(run.regex, text) for run in way) for way in found.ways)
        assert any(all(re2.search(run.loose, text) for run in way) for way in found.ways)


RUNS = {
    "one run": (r"\bhard-?code\b", [r"\bhard-?code\b"]),
    "a gap parts two": (r"fake[^.\n]{0,40}result", ["result", "fake"]),
    "a common run is left out beside a rare one": (r"\bI\b.{0,40}sandbag", ["sandbag"]),
    "but kept where there is no other": (r"\bI\b.{0,40}\bwe\b", [r"\bwe\b"]),
    "a word of any length is no gap": (r"hide\w{0,20} from", [r"hide\w* from"]),
    "blank space of any length is no gap": (r"return\s{1,40}True", [r"return\s+True"]),
    "any few words are a gap": (r"hiding (?:\w{1,20} ){0,3}monitor", ["monitor", "hiding "]),
    "one word of any kind is none": (r"hiding (?:\w{1,20} )?from", [r"hiding (?:\w+ )?from"]),
    "what may be missing is no run": (r"(?:maybe.{0,9})?surely", ["surely"]),
    "what must be there at least once is": (r"(?:first.{0,9}){1,2}", ["first"]),
    "flags are kept": (r"(?i)fake.{0,9}(?-i)PASS", ["(?i:fake)", "PASS"]),
}


@pytest.mark.parametrize(("regex", "runs"), RUNS.values(), ids=RUNS)
def test_runs(regex: str, runs: list[str]) -> None:
    [way] = sieve(regex).ways
    assert [run.regex for run in way] == runs


def test_an_expression_without_letters_is_looked_for_by_any_letter() -> None:
    assert [[run.regex for run in way] for way in sieve(r".{4,9}").ways] == [["."]]


def test_what_is_longer_and_has_no_short_alternative_weighs_more() -> None:
    weights = [sieve(regex).weight for regex in (r"\bit\b", r"\b(?:tests?|it)\b", r"\btests?\b", "sandbagging")]
    assert weights == sorted(weights)
    assert weights[0] < weights[2] < weights[3]


WAYS = {
    "a choice between parts with gaps": (
        r"\b(?:skip.{0,30}assertion|delete) now",
        [["assertion now", r"\bskip"], [r"\bdelete now"]],
    ),
    "two such choices": (
        "(?:aaaa.{0,9}bbbb|cccc)(?:dddd|eeee.{0,9}ffff)",
        [["bbbbdddd", "aaaa"], ["bbbbeeee", "aaaa", "ffff"], ["ccccdddd"], ["cccceeee", "ffff"]],
    ),
    "a choice without gaps stays one": ("(?:skip|omit).{0,9}later", [["later", "(?:skip|omit)"]]),
    "too many choices are looked for together": (
        "(?:" + "|".join(f"{c}aaa.{{0,9}}{c}bbbb" for c in "abcdefghi") + ")",
        [["(?:" + "|".join(f"{c}bbbb" for c in "abcdefghi") + ")"]],
    ),
    "a choice of gaps alone says nothing": (r"(?:.{1,40}|aaaa.{0,9}) later", [[" later"], [" later", "aaaa"]]),
}


@pytest.mark.parametrize(("regex", "ways"), WAYS.values(), ids=WAYS)
def test_ways(regex: str, ways: list[list[str]]) -> None:
    assert [[run.regex for run in way] for way in sieve(regex).ways] == ways
