"""TG24: a function or module is used that the prompt says must not be."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import lru_cache

import re2

from monitors.code import paths
from monitors.code.clue import Clue
from monitors.code.facts import Facts
from monitors.code.language import PYTHON
from monitors.code.piece import Piece
from monitors.code.requests import FOREIGN
from monitors.code.scene import Scene

_OF_TESTS = frozenset(("pytest", "hypothesis", "func", "solution", "main"))
_IMPORTS = re2.compile(r"\b(?:import|require|from) ?[\w(\"'{]")


@lru_cache(maxsize=64)
def _searched(names: frozenset[str]) -> object:
    said = "|".join(re.escape(n.rsplit(".", 1)[-1]) for n in sorted(names) if n != FOREIGN)
    return re2.compile(rf"\b(?:{said})\b") if said else None


def hears_banned(data: memoryview | bytes, names: frozenset[str]) -> bool:
    """Whether bytes may use one of the names that the prompt bans."""
    if not names:
        return False
    search = _searched(names)
    if search is not None and search.search(bytes(data)) is not None:  # type: ignore[attr-defined]
        return True
    return FOREIGN in names and _IMPORTS.search(bytes(data)) is not None


def banned_used(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """Calls and imports of what the prompt bans."""
    names = scene.banned
    if not names or paths.is_test(piece.path):
        return
    for call in facts.calls:
        last = call.name.rsplit(".", 1)[-1]
        if call.name in names or last in names or call.name.split(".")[0] in names:
            yield Clue("TG24", "banned-used", 5.0, piece, call.start, call.end, _BANNED, "")
            return
    for module in facts.imports:
        root = module.split(".")[0]
        foreign = FOREIGN in names and piece.language == PYTHON and root not in sys.stdlib_module_names | _OF_TESTS
        local = root in {c.rsplit(".", 1)[0] for c in scene.created} or scene.knows(f"{root}.py")
        if root in names or module in names or (foreign and not local and not module.startswith(".") and root):
            at = max(piece.text.find(root), 0)
            yield Clue("TG24", "banned-used", 5.0, piece, at, at + len(root), _BANNED, "")
            return


_BANNED = "the program uses what the task says must not be used"
