"""The width of a match is known before anything is searched."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from monitors.rules.width import matches_single_bytes, unbounded_part, width
from tests.monitors.rules.making import regexes

WIDTHS = {
    "plain text": ("abc", 3, 3),
    "alternatives of different length": ("ab|cde|f", 1, 3),
    "an empty alternative": ("a(?:|bc)", 1, 3),
    "optional": ("ab?", 1, 2),
    "counted": ("a{3}", 3, 3),
    "from to": ("a{2,5}b", 3, 6),
    "lazy": ("a{2,5}?b??", 2, 6),
    "star": ("ab*", 1, None),
    "plus": ("ab+", 2, None),
    "open count": ("a{2,}", 2, None),
    "star over nothing but borders": (r"a\b*", 1, 1),
    "a brace that counts nothing": ("a{b}", 4, 4),
    "dot and class": ("[a-z].", 2, 2),
    "class that begins with its bracket": ("[]a]b", 2, 2),
    "negated class that begins with its bracket": ("[^]a]b", 2, 2),
    "class with an escaped bracket": (r"[\]a]{1,3}", 1, 3),
    "posix class": ("[[:alpha:]_]{1,4}", 1, 4),
    "negated posix class": ("[[:^alpha:]]x", 2, 2),
    "quantifier inside a class": ("[*+]{2}", 2, 2),
    "perl classes": (r"\d\w\s\D\W\S", 6, 6),
    "unicode classes": (r"\pL\p{Greek}\PN\p{^Lu}", 4, 4),
    "hexadecimal": (r"\x41\x{1F600}", 2, 2),
    "octal": (r"\101\07", 2, 2),
    "borders": (r"\b^a$\B", 1, 1),
    "text borders": (r"\Aa\z", 1, 1),
    "quoted": (r"\Qa*b|c\Ed", 6, 6),
    "quoted to the end": (r"\Qa*", 2, 2),
    "flags alone": ("(?i)ab", 2, 2),
    "flags turned off": ("(?i-s)ab", 2, 2),
    "flags for a group": ("(?i:ab)c", 3, 3),
    "groups": ("(a)(?:b)(?P<n>c)(?<m>d)", 4, 4),
    "a group repeated": ("(?:ab|c){1,3}", 1, 6),
    "nested": ("(?:a(?:bc){0,2}|d){2}", 2, 10),
    "escaped parentheses": (r"\(a\)\|\[", 5, 5),
    "characters beyond ASCII": ("é—😀{1,2}", 3, 4),
}


@pytest.mark.parametrize(("regex", "least", "most"), WIDTHS.values(), ids=WIDTHS)
def test_width(regex: str, least: int, most: int | None) -> None:
    re2.compile(regex)
    found = width(regex)
    assert (found.least, found.most) == (least, most)


@given(regexes(), st.text("abcdé😀 B", max_size=30))
def test_no_match_is_shorter_or_longer_than_its_width(regex: str, text: str) -> None:
    size = width(regex)
    assert size.most is not None
    for match in re2.finditer(regex, text):
        assert len(match.group()) <= size.most
        assert len(match.group()) >= size.least


UNBOUNDED = {
    "star": (r"a\s*b", r"\s*"),
    "plus after a class": ("[a-z]+", "[a-z]+"),
    "a group": ("(?:ab)+", "(...)+"),
    "open count": ("ab{12,}c", "b{12,}"),
    "bounded": ("a{2,5}", None),
    "an escaped star": (r"a\*", None),
    "a star in a class": ("[*]", None),
}


@pytest.mark.parametrize(("regex", "part"), UNBOUNDED.values(), ids=UNBOUNDED)
def test_the_unbounded_part_is_named(regex: str, part: str | None) -> None:
    assert unbounded_part(regex) == part


@pytest.mark.parametrize(
    ("regex", "found"), [(r"a\C", True), (r"\\C", False), (r"\Q\C\E", False), ("C", False)], ids=str
)
def test_single_bytes_are_noticed(regex: str, found: bool) -> None:
    assert matches_single_bytes(regex) is found
