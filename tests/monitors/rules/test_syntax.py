"""An expression taken apart and put together again is the same expression."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.rules.syntax import emit, parse, without_borders
from tests.monitors.rules.making import regexes

TEXTS = st.text("abcdé B\n", max_size=30)


@settings(max_examples=500)
@given(regexes(), TEXTS)
def test_emitted_again_it_matches_the_same_texts(regex: str, text: str) -> None:
    again = emit(parse(regex))
    for start in range(len(text)):  # laziness, which decides only where a match ends, is not kept
        assert (re2.match(again, text[start:]) is None) == (re2.match(regex, text[start:]) is None)


@settings(max_examples=300)
@given(regexes(), TEXTS)
def test_without_borders_it_is_heard_wherever_it_was(regex: str, text: str) -> None:
    if re2.search(regex, text):
        assert re2.search(emit(without_borders(parse(regex))), text)


EMITTED = {
    "letters": ("abc", "abc"),
    "flags go where they hold": ("a(?i)b|c", "(?:a(?i:b)|(?i:c))"),
    "flags end with their group": ("(?:(?i)a)b", "(?i:a)b"),
    "flags of a group": ("(?is:a.)b", "(?is:a.)b"),
    "flags taken back": ("(?i)a(?-i)b(?i-s:c)", "(?i:a)b(?i:c)"),
    "captures are not kept": ("(a)(?P<n>b)(?<m>c)", "abc"),
    "groups stay where they bind": ("(?:ab)?c(?:d|e)f", "(?:ab)?c(?:d|e)f"),
    "counts": ("a*b+c?d{2}e{2,}f{2,3}g{0,1}", "a*b+c?d{2}e{2,}f{2,3}g?"),
    "a count that is none": ("a{x}", r"a\{x\}"),
    "quotation": (r"\Qa*b\E+", r"a\*b+"),
    "borders with their flag": ("(?m)^a$", "(?m:^)a(?m:$)"),
    "classes as written": (r"[^]a-z[:digit:]\]]\pL\x{e9}\d", r"[^]a-z[:digit:]\]]\pL\x{e9}\d"),
}


@pytest.mark.parametrize(("regex", "emitted"), EMITTED.values(), ids=EMITTED)
def test_emitted(regex: str, emitted: str) -> None:
    assert emit(parse(regex)) == emitted
    re2.compile(emitted)


WITHOUT_BORDERS = {
    "word borders": (r"\bab\B", "ab"),
    "anchors": (r"^a$|\Ab\z", "(?:a|b)"),
    "signs in a class stay": (r"[$^]a", "[$^]a"),
    "escaped signs stay": (r"\^a\$", r"\^a\$"),
    "an escaped backslash is no border": (r"\\b", r"\\b"),
}


@pytest.mark.parametrize(("regex", "loose"), WITHOUT_BORDERS.values(), ids=WITHOUT_BORDERS)
def test_without_borders(regex: str, loose: str) -> None:
    assert emit(without_borders(parse(regex))) == loose
