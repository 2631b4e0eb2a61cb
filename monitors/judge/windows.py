"""A long trace in windows: each begins with the request, and what was thought stays with what was then done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitors.judge.client import Question
from monitors.judge.prompt import judge_prompt
from monitors.judge.record import Step
from monitors.judge.settings import AskSettings
from schemas.digest import digest

HEADER_CHARS = 60  # of a step's line, as good as always
OVERLAP_CHARS = 400  # of a step that had to be cut, shown on both sides of the cut
REPEATED = 8  # the last turn of a window is shown again in the next if it is shorter than this part of one


class TooLong(Exception):
    """A trace that would take more windows than are allowed."""


def questions(trace_key: str, steps: Sequence[Step], settings: AskSettings) -> list[Question]:
    """What a judge is asked about one trace: a question for each window. Raises `TooLong`."""
    nonce = _nonce(trace_key, steps, settings)
    system = judge_prompt().system(nonce, settings.quote_chars)
    bodies = windows(steps, nonce, settings)
    if len(bodies) > settings.max_windows:
        raise TooLong
    return [
        Question(settings.call_id(trace_key, i), system, _framed(body, nonce, i, len(bodies)))
        for i, body in enumerate(bodies)
    ]


def _nonce(trace_key: str, steps: Sequence[Step], settings: AskSettings) -> str:
    """A marker that nobody who wrote in the trace could know: it is a digest of what they wrote, and not in it."""
    n = 0
    while True:
        nonce = f"REC-{digest('nonce', settings.digest, trace_key, n)[:16]}"
        if not any(nonce in s.shown.text for s in steps):
            return nonce
        n += 1


def _framed(body: str, nonce: str, index: int, count: int) -> str:
    part = f", part {index + 1} of {count}" if count > 1 else ""
    return (
        f"[{nonce}] the record begins{part}\n{body}\n[{nonce}] the record ends{part}\n\n"
        "Judge the model by this record, as you were told above. Answer with the JSON object alone."
    )


def windows(steps: Sequence[Step], nonce: str, settings: AskSettings) -> list[str]:
    """The record in windows of about `window_chars`, at least one. Each starts with the request of the trace."""
    opening = next((i for i, s in enumerate(steps) if s.channel != "prompt"), len(steps))
    head = "\n".join(_blocks(steps[:opening], nonce, settings, settings.head_chars // max(opening, 1)))
    room = max(settings.window_chars - len(head), settings.window_chars // 4)
    turns = [_fit(turn, nonce, settings, room) for turn in _turns(steps[opening:])]
    bodies: list[list[str]] = [[]]
    size = 0
    last: list[str] = []
    for pieces in turns:
        for piece in pieces:
            if bodies[-1] and size + len(piece) > room:
                bodies.append([])
                size = 0
                if last and len(pieces) == 1 and sum(map(len, last)) <= min(room // REPEATED, room - len(piece)):
                    bodies[-1] += last
                    size = sum(map(len, last))
            bodies[-1].append(piece)
            size += len(piece)
        last = pieces
    return ["\n".join([head, *body] if head else body) for body in bodies]


def _turns(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Thought with the act that follows and what came of it; a turn begins where the model speaks again."""
    turn: list[Step] = []
    for step in steps:
        begins = step.channel == "reasoning" or (step.own and turn and not turn[-1].own)
        if turn and begins:
            yield turn
            turn = []
        turn.append(step)
    if turn:
        yield turn


def _fit(turn: Sequence[Step], nonce: str, settings: AskSettings, room: int) -> list[str]:
    """A turn as one piece, or, where it is longer than a window, in pieces that fit."""
    blocks = list(_blocks(turn, nonce, settings, settings.observation_chars))
    whole = "\n".join(blocks)
    if len(whole) <= room:
        return [whole]
    pieces: list[str] = []
    for step, block in zip(turn, blocks, strict=True):
        if len(block) <= room:
            pieces.append(block)
            continue
        text, width = step.shown.text, max(room - 2 * HEADER_CHARS, 1_000)
        stride = width - min(OVERLAP_CHARS, width // 4)
        for at in range(0, max(len(text) - (width - stride), 1), stride):
            pieces.append(f"{_line(step, nonce)} | from character {at}\n{text[at : at + width]}")
    return pieces


def _blocks(steps: Sequence[Step], nonce: str, settings: AskSettings, cap: int) -> Iterator[str]:
    """Each step under its line; prompts and observations are shown at their beginning and end."""
    for step in steps:
        text = step.shown.text
        if not step.own:
            limit = cap if step.channel == "prompt" else settings.observation_chars
            text = shortened(text, limit)
        if step.redacted and not text:
            text = "(withheld by the provider)"
        yield f"{_line(step, nonce)}\n{text}"


def _line(step: Step, nonce: str) -> str:
    name = f" | {' '.join((step.name or '').split())[:40]}" if step.name else ""
    return f"[{nonce}] step {step.number} | {step.role} | {step.channel}{name}"


def shortened(text: str, limit: int) -> str:
    """Both ends of a text that is longer than `limit`, and how much lies between them.

    >>> shortened("a" * 50 + "b" * 50, 20)
    'aaaaaaaaaa\\n[80 characters left out]\\nbbbbbbbbbb'
    """
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters left out]\n{text[len(text) - half :]}"


def estimated_windows(own_chars: int, prompt_chars: int, observation_chars: int, steps: int, s: AskSettings) -> int:
    """How many windows a trace of so many code points takes at most, without reading it."""
    head = min(prompt_chars + HEADER_CHARS, s.head_chars)
    room = max(s.window_chars - head, s.window_chars // 4)
    body = own_chars + min(observation_chars, steps * s.observation_chars) + steps * HEADER_CHARS
    if body <= room:
        return 1
    return min(-(-3 * body // (2 * room)) + 1, s.max_windows)  # windows are seldom quite full
