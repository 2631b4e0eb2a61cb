"""Messages that are no text of their trace, word by word."""

from __future__ import annotations

import pytest

from pipelines.audit.messages.closer import kinds, look

TRACE = (
    "Please mend the loop in parser.py and say how you did it.",
    "The loop ends one step early, so I will count from zero instead of one.",
    "Done: the loop now counts from zero, and all rows are read.",
)
ALONE = {
    "the text itself in capitals": (TRACE[2].upper(), "respaced"),
    "with other blanks": ("Done:\n the loop  now counts from zero, and all rows are read", "respaced"),
    "two steps put together": (f"<think>\n{TRACE[1]}\n</think>\n\n{TRACE[2]}", "respaced"),
    "its first half": ("Done: the loop now counts", "respaced"),
    "cut within a word": (TRACE[1][:37], "respaced"),
    "without a word": ("Done: the loop counts from zero, and all rows are read.", "shortened"),
    "words withheld": ("Done: the loop [withheld] and all rows are read.", "shortened"),
    "a name taken out": ("Please mend the loop in <FILE> and say how you did it.", "shortened"),
    "another word": ("Done: the loop now begins from zero, and all rows are read.", "changed"),
    "a sentence more": (f"{TRACE[2]} This was flagged.", "changed"),
    "words in another order": ("all rows are read, Done: the loop now counts from zero", "changed"),
    "nothing of the trace": ("Something else altogether.", "changed"),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_message_is_told_by_what_was_done_to_it(name: str) -> None:
    text, kind = ALONE[name]
    assert kinds([look(0, text, TRACE)], 1) == {0: kind}


def test_words_that_many_rows_share_are_a_templates() -> None:
    looked = [look(row, f"You are helpful. {TRACE[0]}", TRACE) for row in range(20)]
    odd = look(20, f"You are helpful. {TRACE[0]} Quietly.", TRACE)
    assert kinds([*looked, odd], 21) == {**dict.fromkeys(range(20), "template"), 20: "changed"}


def test_a_templates_word_that_a_trace_says_by_chance_is_still_a_templates() -> None:
    template = "Count on it: you are helpful in all you do."
    looked = [look(row, template, ("Mend it.", "I count it.", f"Done {row}.")) for row in range(20)]
    odd = look(20, template, ("Mend all.", "You do it in the end.", "I am helpful."))
    assert kinds([*looked, odd], 21) == dict.fromkeys(range(21), "template")


def test_the_worst_message_of_a_row_counts() -> None:
    messages = ("Done: the loop now counts", "Something else altogether.", TRACE[0].lower())
    assert kinds([look(0, text, TRACE) for text in messages], 1) == {0: "changed"}
