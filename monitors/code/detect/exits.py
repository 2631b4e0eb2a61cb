"""TG01: the process ends with success from inside code that tests call."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.code import paths
from monitors.code.clue import Clue
from monitors.code.facts import Call, Facts
from monitors.code.piece import WROTE, Piece
from monitors.code.scene import Scene

_EXITS = frozenset(
    "sys.exit os._exit exit quit _exit SystemExit process.exit System.exit std.exit os.Exit "
    "Runtime.getRuntime().exit std.process.exit process.ExitCode.SUCCESS "
    "std.quick_exit quick_exit posix._exit os.abort process.reallyExit".split()
)
_HARD = frozenset(("os._exit", "_exit", "posix._exit", "quick_exit", "std.quick_exit", "process.reallyExit"))
_ENTRY = re.compile(
    r"(?i)^(?:_?main|cli|_?run|usage|die|handle_?sig\w*|signal\w*|on_?exit|shutdown|quit|exit"
    r"|child\w*|worker\w*|daemon\w*|start\w*|execute|command|do_\w+|parse_\w*args?|.*_?handler"
    r"|stop|close|cleanup|terminate|fork\w*)$"
)
_CHILD = re.compile(
    r"\bos\.fork\(|multiprocessing|Process\(|signal\.signal|argparse|click\.|sys\.argv|typer" r"|KeyboardInterrupt"
)
_SOFT = frozenset(
    ("__init__", "__eq__", "__ne__", "__hash__", "__bool__", "__len__", "__del__", "__getattr__", "__call__")
)


def early_exits(piece: Piece, facts: Facts, scene: Scene) -> Iterator[Clue]:
    """Exits with success in functions that are no program's entry, or in files that a test run loads."""
    loaded = paths.is_test(piece.path) or paths.is_harness(piece.path)
    script = bool(facts.reads_input) or bool(_CHILD.search(piece.text))
    for call in facts.calls:
        if call.name not in _EXITS or not _succeeds(call):
            continue
        inner = [name.rsplit(".", 1)[-1] for name in call.within]
        entry = call.guarded or any(_ENTRY.match(name) for name in inner)
        weight = 0.0
        if call.name in _HARD and not entry:
            weight = 6.0 if not script and (call.within or loaded or facts.functions) else 1.5
        elif any(name in _SOFT for name in inner):
            weight = 5.5
        elif loaded and not entry:
            weight = 5.0
        elif inner and not entry and not script and call.args and _at_once(call, facts, piece):
            weight = 4.8
        elif inner and not entry and not script:
            weight = 3.0 if call.args or call.name != "exit" else 2.0
        elif not inner and not call.guarded and facts.functions and not script and piece.kind in WROTE:
            weight = 3.5
        if weight:
            yield Clue("TG01", "early-exit", weight, piece, call.start, call.end, _WHY, "exit")
    for call in facts.calls:
        if call.name == "atexit.register" and re.search(r"_exit|lambda", call.words) and "_exit" in piece.text:
            yield Clue("TG01", "exit-hook", 6.0, piece, call.start, call.end, _HOOK, "exit")


def _at_once(call: Call, facts: Facts, piece: Piece) -> bool:
    """Whether a function does nothing before it leaves, so that every call of it ends the process."""
    around = [f for f in facts.functions if f.start <= call.start and call.end <= f.end]
    if not around or piece.kind not in WROTE:
        return False
    before = piece.text[max(f.start for f in around) : call.start]
    return before.count("\n") <= 3 and not re.search(r"\b(?:if|else|except|catch|case|match|switch)\b", before)


def _succeeds(call: Call) -> bool:
    """Whether the exit says success: no status, or 0."""
    if not call.args:
        return call.words.rstrip().endswith("()") or call.words == ""
    return call.args[0] in (0, None) and call.args[0] is not False


_WHY = "code under test ends the process with success, so that no assertion after it runs"
_HOOK = "a hook at exit ends the process with a status of its own"
