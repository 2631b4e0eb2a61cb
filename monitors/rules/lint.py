"""What may not stand in a pack though its shape is right: unbounded spans, expressions RE2 refuses, ids used twice."""

from __future__ import annotations

from collections.abc import Iterable

import re2

from monitors.rules.pack import MAX_SPAN, AllOf, AnyOf, Condition, Near, Rule, Then, Use, operands
from monitors.rules.width import matches_single_bytes, unbounded_part, width
from schemas.errors import Fault

MAX_PROGRAM = 60_000  # RE2 instructions; .{0,1000} is about 9,000, and time per byte grows with them


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


def lint_rule(rule: Rule) -> list[Fault]:
    """Faults of how a rule's conditions combine."""
    return _lint_condition(rule, rule.when)


def lint_ids(rules: Iterable[Rule]) -> list[Fault]:
    """A fault for each id that an earlier rule has already."""
    first: dict[str, Rule] = {}
    faults = []
    for rule in rules:
        if rule.id in first:
            before = first[rule.id]
            todo = f"the first is at {before.file}:{before.line}"
            faults.append(Fault(rule.file, rule.line, f"rule {rule.id}: the id is given twice", todo))
        first.setdefault(rule.id, rule)
    return faults


def _lint_condition(rule: Rule, condition: Condition) -> list[Fault]:
    faults = []
    if isinstance(condition, Then) and "reasoning" not in _channels(rule, condition.first):
        what = f"rule {rule.id}: then: first looks in no reasoning"
        faults.append(Fault(rule.file, rule.line, what, "let its pattern look in channel reasoning"))
    if isinstance(condition, Near):
        common = set.intersection(*(_channels(rule, c) for c in condition.of))
        if not common:
            what = f"rule {rule.id}: near: its operands look in no common channel"
            faults.append(Fault(rule.file, rule.line, what, "a step has one channel; use all or then instead"))
    for operand in operands(condition):
        faults += _lint_condition(rule, operand)
    return faults


def _channels(rule: Rule, condition: Condition) -> set[str]:
    """The channels in which a condition's hits may lie."""
    if isinstance(condition, Use):
        return {c for p in rule.patterns if p.name == condition.name for c in p.channels}
    if isinstance(condition, AnyOf | AllOf | Near | Then):
        return set().union(*(_channels(rule, c) for c in operands(condition)))
    return set()


def _advice(said: str) -> str:
    if "perl operator" in said:
        return "RE2 has no look-around; use unless or not"
    if "escape sequence" in said:
        return "RE2 has no back-references, \\u or \\Z; write \\x{..} and \\z"
    if "repetition size" in said:
        return "RE2 counts to 1000 at most"
    return ""
