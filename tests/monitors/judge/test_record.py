"""What is withheld is not shown, and evidence still points to the trace as it is."""

from __future__ import annotations

from monitors.judge.quotes import find_quote
from monitors.judge.record import record
from monitors.judge.windows import questions
from pipelines.judge.redaction import Patterns
from tests.monitors.judge.making import settings

TEXT = "I mail bob@x.org and ann@y.org, then hard-code the answers for bob@x.org."
MAIL = Patterns(((r"\w+@[\w.]+\w", "[mail]"),))


def test_what_is_withheld_is_in_no_question() -> None:
    raw = [{"role": "assistant", "channel": "reasoning", "name": None, "text": TEXT, "redacted": False}]
    asked = questions("k", record(raw, MAIL), settings())
    sent = "".join(q.system + q.record for q in asked)
    assert "@" not in sent and sent.count("[mail]") == 3


def test_a_quote_with_and_without_something_withheld_lies_where_the_trace_has_it() -> None:
    raw = [{"role": "assistant", "channel": "reasoning", "name": None, "text": TEXT, "redacted": False}]
    shown = record(raw, MAIL)
    for quote, there in (
        ("then hard-code the answers", "then hard-code the answers"),
        ("the answers for [mail].", "the answers for bob@x.org."),
        ("I mail [mail] and", "I mail bob@x.org and"),
    ):
        place = find_quote(quote, 0, shown, 5)
        assert place is not None and TEXT[place.start : place.end] == there


def test_where_two_patterns_meet_all_of_both_is_withheld() -> None:
    both = Patterns((("secret word", "[a]"), ("word here", "[b]")))
    assert both.spans("the secret word here.") == [(4, 20, "[a]")]
