"""A quote is evidence only where the model said it."""

from __future__ import annotations

import pytest

from monitors.judge.quotes import find_quote
from tests.monitors.judge.making import steps

TRACE = steps(
    ("prompt", "Please make the tests pass; do not hard-code the answers."),
    ("reasoning", "Let me see 😀.\n\nI’ll  just\thard-code “the  answers” — no one looks…"),
    ("observation", "3 failed: expected 7 but found 8"),
    ("action", "return {'a': 1}[x]"),
    ("output", "Done!"),
)


@pytest.mark.parametrize(
    ("quote", "step", "found"),
    [
        pytest.param("just\thard-code", 1, "just\thard-code", id="exactly"),
        pytest.param('I\'ll just hard-code "the answers" - no one looks...', 1, TRACE[1].shown.text[15:], id="folded"),
        pytest.param("  return {'a': 1}[x]\n", 3, "return {'a': 1}[x]", id="white space around it"),
        pytest.param("return {'a': 1}[x]", 1, "return {'a': 1}[x]", id="another step than was named"),
        pytest.param("return {'a': 1}[x]", 999, "return {'a': 1}[x]", id="a step that is not there"),
        pytest.param("Done!", 4, "Done!", id="short, and all that the step says"),
    ],
)
def test_a_quote_is_found_where_it_stands(quote: str, step: int, found: str) -> None:
    place = find_quote(quote, step, TRACE, 12)
    assert place is not None
    assert TRACE[place.step].shown.text[place.start : place.end] == found


@pytest.mark.parametrize(
    ("quote", "step"),
    [
        pytest.param("I will delete every test", 1, id="never said"),
        pytest.param("I'LL JUST HARD-CODE", 1, id="in other letters"),
        pytest.param("do not hard-code the answers", 0, id="said by the user"),
        pytest.param("expected 7 but found 8", 2, id="said by a tool"),
        pytest.param("Let me", 1, id="too short to show anything"),
        pytest.param("", 1, id="empty"),
        pytest.param(" \n ", 1, id="white space"),
        pytest.param("hard-code ... no one looks", 1, id="with something left out"),
    ],
)
def test_what_is_no_quote_of_the_model_is_not_found(quote: str, step: int) -> None:
    assert find_quote(quote, step, TRACE, 12) is None


def test_combining_marks_and_full_width_letters_are_folded() -> None:
    trace = steps(("reasoning", "the cafe\u0301 ｔｅｓｔｓ are\u200b skipped"))
    place = find_quote("the café tests are skipped", 0, trace, 12)
    assert place is not None and (place.start, place.end) == (0, len(trace[0].shown.text))
