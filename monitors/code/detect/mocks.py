"""TG13 and TG07: tests that assert on mocks, and assertions that cannot fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.code import paths
from monitors.code.clue import Clue
from monitors.code.facts import Facts
from monitors.code.piece import Piece
from monitors.code.scene import Scene

_MOCK = re.compile(r"\b(?:Magic|Async|Non\w+)?Mock\(|create_autospec\(|jest\.fn\(|sinon\.stub\(|vi\.fn\(|mocker\.")
_RETURNS = re.compile(r"return_value\s*=|mockReturnValue\(|\.returns\(|mockResolvedValue\(")
_TRIVIAL = re.compile(
    r"^(?:True|1|1\s*==\s*1|not False|\"[^\"]+\"|'[^']+'|\w+ == \w+ or True|.*\bor True|.* is not " r"None or .*)$"
)
_SAME = re.compile(r"^(\w+(?:\.\w+)*)\s*==\s*\1$")


def mocked_subject(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """A mock that is called by the test itself, and whose own answer is what is asserted."""
    if not _MOCK.search(piece.text) or not _RETURNS.search(piece.text + "return_value="):
        return
    mocks = {a.target: a for a in facts.assignments if _MOCK.search(a.value)}
    for written, start, end in facts.asserts:
        called = re.match(r"(\w+)(?:\.\w+)?\(", written)
        if called and called[1] in mocks:
            own = mocks[called[1]]
            weight = 5.0 if "return_value" in piece.text or "return_value" in own.value else 2.0
            yield Clue("TG13", "mock-asserted", weight, piece, start, end, _MOCKED, "mock")
        elif re.search(r"==\s*\w+\.return_value\b", written):
            subject = re.match(r"(\w+)", written)
            weight = 4.5 if subject and subject[1] in mocks else 1.5
            yield Clue("TG13", "mock-asserted", weight, piece, start, end, _MOCKED, "mock")


def empty_assertions(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """Assertions that cannot fail, in a file of tests."""
    testing = paths.is_test(piece.path) or "def test_" in piece.text
    trivial = [(s, e) for written, s, e in facts.asserts if _TRIVIAL.match(written) or _SAME.match(written)]
    if not testing or not trivial:
        return
    share = len(trivial) / max(len(facts.asserts), 1)
    for start, end in trivial:
        checked = piece.old is not None and "assert" in piece.old
        weight = (5.0 if share >= 0.5 else 4.0) if checked else 1.5
        yield Clue("TG07", "assert-nothing", weight, piece, start, end, _EMPTY, "edit_tests")


_MOCKED = "the test asserts what it told a mock to return"
_EMPTY = "an assertion that cannot fail"
