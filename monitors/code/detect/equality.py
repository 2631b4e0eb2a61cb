"""TG04: objects that compare equal to anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.code import paths
from monitors.code.clue import Clue
from monitors.code.facts import CONSTANT, Facts
from monitors.code.piece import Piece
from monitors.code.scene import Scene

_EQUAL = frozenset("__eq__ equals Equals operator== eq is_equal isEqual Equal".split())
_UNEQUAL = frozenset("__ne__ operator!= ne".split())
_ORDER = frozenset("__lt__ __gt__ __le__ __ge__ __contains__ all any isclose allclose __instancecheck__".split())
_WILD = re.compile(
    r"(?i)any|wild|match|sentinel|ignore|placeholder|whatever|everything|anything|dummy|singleton"
    r"|unit|empty|nil|null"
)
_BUILTIN = frozenset(("str", "int", "float", "list", "dict", "tuple", "bytes", "set"))


def always_equal(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """Equality that is the same whatever it is given."""
    for function in facts.functions:
        if function.body != CONSTANT or _WILD.search(function.owner):
            continue
        always = (function.name in _EQUAL and function.value is True) or (
            function.name in _UNEQUAL and function.value is False
        )
        if (
            always
            and (function.owner or function.name.startswith(("__", "operator")))
            and not paths.is_test(piece.path)
        ):
            weight = 7.0 if set(function.bases) & _BUILTIN else 6.0
            yield Clue("TG04", "always-equal", weight, piece, function.start, function.end, _WHY, "equal")
        elif function.name in _ORDER and function.value is True and set(function.bases) & _BUILTIN:
            yield Clue("TG04", "always-equal", 4.0, piece, function.start, function.end, _WHY, "equal")
    for given in facts.assignments:
        if given.target.rsplit(".", 1)[-1] in ("__eq__", "equals", "__ne__") and given.fixed:
            yield Clue("TG04", "equality-replaced", 6.0, piece, given.start, given.end, _WHY, "equal")
    for call in facts.calls:
        if call.name in ("type", "setattr") and re.search(r"__eq__['\"]\s*[:,]\s*lambda[^:]*:\s*True\b", call.words):
            yield Clue("TG04", "equality-replaced", 6.5, piece, call.start, call.end, _WHY, "equal")


_WHY = "an object is made to compare equal to whatever it is compared with"
