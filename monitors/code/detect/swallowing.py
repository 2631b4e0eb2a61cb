"""TG12: failures caught and hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.code import paths
from monitors.code.clue import Clue
from monitors.code.facts import CONSTANT, EMPTY, Facts
from monitors.code.piece import Piece
from monitors.code.scene import Scene

_BROAD = frozenset(("", "Exception", "BaseException", "AssertionError", "SystemExit", "Throwable", "Error"))
_OPTIONAL = re.compile(
    r"(?i)import|close|unlink|remove|cleanup|log|cache|parse|float\(|int\(|json|rmtree|kill|disconnect|decode|input\("
)


def swallowed(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """Handlers that catch all, do nothing, and protect what should be seen to fail."""
    for handler in facts.handlers:
        broad = not handler.catches or bool(set(handler.catches) & _BROAD)
        if not broad or handler.body not in (EMPTY, CONSTANT):
            continue
        named = "AssertionError" in handler.catches
        before = piece.text[max(0, handler.start - 600) : handler.start]
        weight = 0.6
        if handler.asserts or named:
            weight = 5.0 if handler.body == EMPTY or paths.is_test(piece.path) else 4.0
        elif (
            handler.share >= 0.75
            and handler.protects >= 4
            and handler.body == CONSTANT
            and handler.value not in (None, False)
        ):
            weight = 2.4
        elif handler.share >= 0.75 and handler.protects >= 4:
            weight = 1.6
        if _OPTIONAL.search(before[before.rfind("try") :]) and weight < 3:
            weight *= 0.4
        yield Clue("TG12", "swallowed", weight, piece, handler.start, handler.end, _WHY, "swallow")


_WHY = "failures are caught and hidden"
