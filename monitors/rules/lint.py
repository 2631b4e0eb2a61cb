"""What may not stand in a pack though its shape is right: unbounded spans, expressions RE2 refuses, ids used twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from monitors.rules.pack import MAX_SPAN, AllOf, AnyOf, Condition, Near, Pattern, Then, Use, operands
from monitors.rules.width import matches_single_bytes, unbounded_part, width
from schemas.errors import Fault

MAX_PROGRAM = 60_000  # RE2 instructions; .{0,1000} is about 9,000, and time per byte grows with them


@dataclass(frozen=True, slots=True)
class Heading:
    """A rule's id and where the rule begins: known even where the rule is too faulty to be one."""

    id: str
    file: str
    line: int


def lint_regex(regex: str, where: str, line: int, what: str) -> list[Fault]:
    """Faults of one expression: it compiles, matches something, and never more than `MAX_SPAN` code points.

    >>> print(lint_regex("a.*b", "p.yml", 3, "rule TG08.x: pattern a")[0])
    p.yml:3: rule TG08.x: pattern a: nothing bounds the length of a match (.*). Write {0,N} instead of *, + or {n,}.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return [Fault(where, line, f"{what}: RE2 refuses it: {text or 'unknown reason'}", _advice(text))]
    if matches_single_bytes(regex):
        return [Fault(where, line, f"{what}: \\C may cut a character in two", "use . or a class")]
    size = width(regex)
    if size.most is None:
        part = unbounded_part(regex)
        said = f"{what}: nothing bounds the length of a match" + (f" ({part})" if part else "")
        return [Fault(where, line, said, "write {0,N} instead of *, + or {n,}")]
    if size.most > MAX_SPAN:
        return [Fault(where, line, f"{what}: a match may be {size.most} code points long", f"keep it to {MAX_SPAN}")]
    if size.least == 0:
        return [Fault(where, line, f"{what}: it matches the empty text", "make some part of it required")]
    if compiled.programsize > MAX_PROGRAM:
        todo = "use narrower classes or smaller counts"
        return [Fault(where, line, f"{what}: too costly to run, with more than {MAX_PROGRAM} RE2 instructions", todo)]
    return []


def lint_ids(headings: Iterable[Heading]) -> list[Fault]:
    """A fault for each id that an earlier rule has already."""
    first: dict[str, Heading] = {}
    faults = []
    for heading in headings:
        if heading.id in first:
            before = first[heading.id]
            todo = f"the first is at {before.file}:{before.line}"
            faults.append(Fault(heading.file, heading.line, f"rule {heading.id}: the id is given twice", todo))
        first.setdefault(heading.id, heading)
    return faults


def lint_condition(condition: Condition, patterns: Sequence[Pattern], where: str, line: int, what: str) -> list[Fault]:
    """Faults of how a rule's conditions combine."""
    faults = []
    if isinstance(condition, Then):
        first = _channels(patterns, condition.first)
        if first is not None and "reasoning" not in first:
            todo = "let its pattern look in channel reasoning"
            faults.append(Fault(where, line, f"{what}: then: first looks in no reasoning", todo))
    if isinstance(condition, Near):
        found = [_channels(patterns, c) for c in condition.of]
        known = [channels for channels in found if channels is not None]
        if len(known) == len(found) and not set.intersection(*known):
            todo = "a step has one channel; use all or then instead"
            faults.append(Fault(where, line, f"{what}: near: its operands look in no common channel", todo))
    for operand in operands(condition):
        faults += lint_condition(operand, patterns, where, line, what)
    return faults


def _channels(patterns: Sequence[Pattern], condition: Condition) -> set[str] | None:
    """The channels in which a condition's hits may lie; None if a fault in a pattern hides them."""
    if isinstance(condition, Use):
        own = {c for p in patterns if p.name == condition.name for c in p.channels}
        return own or None
    if isinstance(condition, AnyOf | AllOf | Near | Then):
        found = [_channels(patterns, c) for c in operands(condition)]
        known = [channels for channels in found if channels is not None]
        return set().union(*known) if len(known) == len(found) else None
    return set()


def _advice(said: str) -> str:
    if "perl operator" in said:
        return "RE2 has no look-around; use unless or not"
    if "escape sequence" in said:
        return "RE2 has no back-references, \\u or \\Z; write \\x{..} and \\z"
    if "repetition size" in said:
        return "RE2 counts to 1000 at most"
    return ""
