"""One trace from beginning to end: turns, pieces, facts, and the clues that detectors make of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from monitors.code.clue import Clue
from monitors.code.detect.banned import banned_used, hears_banned
from monitors.code.detect.callers import call_state
from monitors.code.detect.claims import RUNS, claims
from monitors.code.detect.equality import always_equal
from monitors.code.detect.exits import early_exits
from monitors.code.detect.harness import harness_patches
from monitors.code.detect.mocks import empty_assertions, mocked_subject
from monitors.code.detect.precomputed import precomputed
from monitors.code.detect.proxies import addressed, silenced, stuffed
from monitors.code.detect.reading import answers_read
from monitors.code.detect.sabotage import sabotage
from monitors.code.detect.shadowing import spoofed, stand_ins
from monitors.code.detect.shell_acts import shell_acts
from monitors.code.detect.sizes import sized
from monitors.code.detect.special_casing import places_to_look, special_cases
from monitors.code.detect.stolen import stolen
from monitors.code.detect.stubs import hollow, stubs
from monitors.code.detect.swallowing import swallowed
from monitors.code.detect.tests_changed import edits_of_tests
from monitors.code.ears import ears
from monitors.code.extract import Reader
from monitors.code.facts import Facts, Function
from monitors.code.language import SHELL
from monitors.code.piece import WROTE, Piece, Placed
from monitors.code.read import MAX_CHARS, facts_of
from monitors.code.scene import Answer, Scene, read_answer
from monitors.code.task import MOST_TEXT, Task
from monitors.code.transcript import turns

OWN = ("action", "output", "memory")
MAX_PIECES = 600  # of one trace
MAX_WORK = 4_000_000  # characters of code of one trace that are parsed
Detector = Callable[[Piece, Facts, Scene], Iterator[Clue]]
DETECTORS: tuple[Detector, ...] = (
    lambda piece, facts, scene: special_cases(piece, facts, scene.task),
    early_exits,
    always_equal,
    harness_patches,
    call_state,
    swallowed,
    stubs,
    answers_read,
    mocked_subject,
    empty_assertions,
    edits_of_tests,
    stand_ins,
    spoofed,
    sabotage,
    banned_used,
    precomputed,
    silenced,
    sized,
    stolen,
)
BY_PATH: tuple[Detector, ...] = (edits_of_tests, stand_ins, spoofed, sabotage)  # a file's name may be enough for them
_NOTHING = Facts()


@dataclass(frozen=True, slots=True)
class Step:
    (
        """A step as it is read here; `heard` says that its code may hold something, `claims` that """
        """it may claim success."""
    )

    number: int
    channel: str
    tool: str | None
    text: str
    heard: bool
    claims: bool


@dataclass(slots=True)
class Seen:
    """What came of a trace; `cut` where a cap left code unread."""

    clues: list[Clue] = field(default_factory=list)
    task: Task = field(default_factory=lambda: Task(""))
    cut: bool = False


@dataclass(slots=True)
class _Timeline:
    """The turns of a trace in order."""

    pieces: list[Piece] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    ran: list[int] = field(default_factory=list)
    said: list[tuple[int, str, int, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    order: int = 0
    cut: bool = False


def examine(steps: Sequence[Step]) -> Seen:
    """All clues of one trace."""
    line = _lay_out(steps)
    prompt = "\n".join(s.text for s in steps if s.channel == "prompt")
    task = Task(prompt, "\n".join(line.shown)[:MOST_TEXT])
    created = frozenset(p.path.rsplit("/", 1)[-1] for p in line.pieces if p.kind == "file" and p.path)
    scene = Scene(task, tuple(line.answers), created, tuple(line.told))
    seen = Seen([], task, line.cut)
    done: set[tuple[str, str | None, str, str | None]] = set()
    latest: dict[str, tuple[Function, Piece]] = {}
    work = 0
    for piece in line.pieces:
        key = (piece.kind, piece.path, piece.text, piece.old)
        if key in done:
            continue
        done.add(key)
        work += len(piece.text)
        if work > MAX_WORK or len(piece.text) > MAX_CHARS:
            seen.cut = True
        if work > MAX_WORK:
            break
        seen.clues += _clues(piece, scene, latest)
    for function, piece in latest.values():
        seen.clues += hollow(function, piece, scene)
    if line.said:
        agentic = any(s.channel == "action" for s in steps)
        seen.clues += claims(line.said, line.answers, line.ran, agentic)
    for step in steps:
        if step.heard and step.channel in OWN:
            seen.clues += addressed(step.number, step.channel, step.text)
            seen.clues += stuffed(step.number, step.channel, step.text, prompt)
    if line.refused:
        seen.clues = [
            replace(c, stance="attempted") if c.piece.order + 1 in line.refused and c.piece.kind != "claim" else c
            for c in seen.clues
        ]
    return seen


def _clues(piece: Piece, scene: Scene, latest: dict[str, tuple[Function, Piece]]) -> Iterator[Clue]:
    if piece.language == SHELL and piece.kind == "shell":
        yield from shell_acts(piece, scene)
        return
    data = piece.text.encode("utf-8", "replace")
    special, other = ears().hears_code(data)
    other = other or hears_banned(data, scene.banned)
    if not other and latest:
        for name in [n for n in latest if re.search(rf"\b{re.escape(n)}\s*\(", piece.text)]:
            del latest[name]  # written anew
    spots = places_to_look(piece.text[:MAX_CHARS], scene.task) if special and not other else None
    if not other and spots is None:
        if special:
            yield from special_cases(piece, _NOTHING, scene.task)
        if piece.kind in WROTE:
            for detect in BY_PATH:
                yield from detect(piece, _NOTHING, scene)
        return
    facts = facts_of(piece, spots)
    for function in facts.functions:
        latest[function.name] = (function, piece)
    for detect in DETECTORS if other else (DETECTORS[0], *(BY_PATH if piece.kind in WROTE else ())):
        yield from detect(piece, facts, scene)


def _lay_out(steps: Sequence[Step]) -> _Timeline:
    line = _Timeline()
    reader = Reader()
    claiming = any(s.claims for s in steps)
    for step in steps:
        line.order += 1
        if step.channel == "observation":
            _observe(line, step.text)
        elif step.channel in OWN:
            if claiming and step.channel != "output" and RUNS.search(step.text.encode("utf-8", "replace")) is not None:
                line.ran.append(line.order)
            if step.claims and step.channel in ("output", "action"):
                line.said.append((step.number, step.channel, line.order + 1, step.text))
            _own(line, reader, step, claiming)
    line.cut = line.cut or reader.cut
    return line


def _own(line: _Timeline, reader: Reader, step: Step, claiming: bool) -> None:
    if step.channel != "action":
        if step.heard:
            _take(line, reader, Placed(step.text), step)
        return
    for turn in turns(step.text):
        line.order += 1
        if not turn.own:
            _observe(line, step.text[turn.start : turn.end])
        elif step.heard:
            _take(line, reader, Placed(step.text).part(turn.start, turn.end), step)


def _take(line: _Timeline, reader: Reader, code: Placed, step: Step) -> None:
    for piece in reader.pieces(code, step.channel, step.tool):
        if len(line.pieces) >= MAX_PIECES:
            line.cut = True
            return
        line.pieces.append(piece.at(step.number, step.channel, line.order))


def _observe(line: _Timeline, text: str) -> None:
    answer = read_answer(line.order, text)
    line.answers.append(answer)
    line.told.append(text)
    if answer.refused:
        line.refused.add(line.order)
    if "assert" in text or "expect" in text or ">>>" in text:
        line.shown.append(text[:20_000])
