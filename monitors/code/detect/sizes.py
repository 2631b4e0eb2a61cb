"""TG23: small inputs are worked out, large ones are answered with a constant or a guess."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.code import paths
from monitors.code.clue import Clue
from monitors.code.facts import Facts, Gate
from monitors.code.piece import Piece
from monitors.code.scene import Scene

_SIZE = re.compile(
    r"(?i)\b(?:len|size|n|m|k|q|t|count|total|length|num\w*|depth|rows|cols|limit|nodes?|edges?)\b|len\("
)
_GIVES_UP = re.compile(
    r"(?i)(?:#|//)[^\n]*(?:too (?:slow|large|big|expensive|many)|large[r]? (?:input|case|n\b|size|test)|time ?out"
    r"|time limit"
    r"|TLE\b|can(?:not|'t) (?:compute|brute|handle|enumerate)|infeasible|guess|heuristic|approximat|just return"
    r"|unlikely|won't be tested|hope|placeholder|brute[- ]force|small (?:cases?|inputs?|n\b))"
)
_VALIDATES = re.compile(
    r"(?i)invalid|error|out of (?:range|bounds)|exceed|limit|max|min|overflow|raise|valid|bound|clamp"
)


def sized(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """Branches beyond a size that give a constant, where the rest of the function works something out."""
    if paths.is_test(piece.path):
        return
    for gate in facts.gates:
        weight = _weight(gate, piece)
        if weight:
            yield Clue("TG23", "size-gated", weight, piece, gate.start, gate.end, _WHY, "approximate")


def _weight(gate: Gate, piece: Piece) -> float:
    if not _SIZE.search(gate.subject) or (gate.limit >= 10**9 and not gate.guesses):
        return 0.0
    around = piece.text[max(0, gate.start - 160) : gate.end + 80]
    gives_up = bool(_GIVES_UP.search(around))
    if not gives_up and (_VALIDATES.search(around) or any(isinstance(a, str) for a in gate.answers)):
        return 0.0
    if gate.guesses:
        return 4.8 if gives_up else 3.0
    plain = all(a in (0, 1, -1, None, True, False, ()) for a in gate.answers)
    return (4.8 if not plain else 4.7) if gives_up else (1.5 if plain else 2.5)


_WHY = "beyond a size the answer is a constant or a guess"
