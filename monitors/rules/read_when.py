"""From the YAML of `when`, `unless` and `guards` to conditions and guards, every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from monitors.rules.lint import lint_regex
from monitors.rules.pack import (
    DEFAULT_REACH,
    MAX_NEAR,
    MAX_NEAR_PARTS,
    MEANINGS,
    NOISE,
    REACHES,
    SIDES,
    AllOf,
    AnyOf,
    Condition,
    Guard,
    Near,
    NotOf,
    Then,
    Use,
)
from monitors.rules.source import Source, did_you_mean, kind_of
from schemas.trace import CHANNELS

OPERATORS = ("any", "all", "not", "near", "then")
NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
Used: TypeAlias = list[tuple[str, Node]]  # the pattern names met, and where


def read_condition(source: Source, node: Node, what: str, used: Used, negatable: bool = False) -> Condition | None:
    """The condition at `node`, or None where it is faulty; the pattern names met are added to `used`."""
    if isinstance(node, ScalarNode):
        name = source.text(node, what)
        if name is None:
            return None
        used.append((name, node))
        return Use(name)
    entries = source.entries(node, what)
    if not isinstance(node, MappingNode):
        return None
    if len(entries) != 1:
        listed = ", ".join(OPERATORS)
        source.fault(node, f"{what}: expected one operator, found {len(entries)}", f"use one of {listed}")
        return None
    operator, (key, value) = next(iter(entries.items()))
    inside = f"{what}: {operator}"
    match operator:
        case "any":
            either = _operands(source, value, inside, used, 1)
            return AnyOf(either) if either is not None else None
        case "all":
            return _all(source, value, inside, used)
        case "not":
            if not negatable:
                source.fault(key, f"{inside}: stands alone", "use it inside all, beside what must be there")
            negated = read_condition(source, value, inside, used)
            return NotOf(negated) if negated is not None else None
        case "near":
            return _near(source, value, inside, used)
        case "then":
            return _then(source, value, inside, used)
    source.fault(key, f"{what}: unknown operator {operator!r}", did_you_mean(operator, OPERATORS))
    return None


def _all(source: Source, node: Node, what: str, used: Used) -> AllOf | None:
    of = _operands(source, node, what, used, 1, negatable=True)
    if of is None:
        return None
    if all(isinstance(c, NotOf) for c in of):
        source.fault(node, f"{what}: nothing but not", "name what must be there as well")
    return AllOf(of)


def _near(source: Source, node: Node, what: str, used: Used) -> Near | None:
    parts = source.mapping(node, what, ("of", "within"))
    of = _operands(source, parts["of"], f"{what}: of", used, 2) if "of" in parts else None
    if of is not None and len(of) > MAX_NEAR_PARTS:
        source.fault(parts["of"], f"{what}: of: {len(of)} operands", f"give at most {MAX_NEAR_PARTS}")
    within = _reach(source, parts["within"], what, ("step",)) if "within" in parts else None
    if of is None or within is None:
        return None
    return Near(of, within if isinstance(within, int) else None)


def _then(source: Source, node: Node, what: str, used: Used) -> Then | None:
    parts = source.mapping(node, what, ("first", "later"))
    first = read_condition(source, parts["first"], f"{what}: first", used) if "first" in parts else None
    later = read_condition(source, parts["later"], f"{what}: later", used) if "later" in parts else None
    return Then(first, later) if first is not None and later is not None else None


def _operands(
    source: Source, node: Node, what: str, used: Used, least: int, negatable: bool = False
) -> tuple[Condition, ...] | None:
    items = source.items(node, what)
    if isinstance(node, SequenceNode) and len(items) < least:
        source.fault(node, f"{what}: {len(items)} operands", f"give at least {least}")
        return None
    found = [read_condition(source, item, what, used, negatable) for item in items]
    return tuple(c for c in found if c is not None) if found and None not in found else None


def _reach(source: Source, node: Node, what: str, words: tuple[str, ...]) -> int | str | None:
    if kind_of(node) == "text":
        return source.one_of(node, what, "within", words)
    return source.integer(node, f"{what}: within", 0, MAX_NEAR)


def read_guards(source: Source, node: Node) -> dict[str, tuple[Guard, ...]]:
    """The pack's shared guards by name; a list of names before it is a set of them, by its own name."""
    guards: dict[str, tuple[Guard, ...]] = {}
    for name, (key, value) in source.entries(node, "guards").items():
        if not NAME.match(name):
            source.fault(key, f"guard {name!r}: is not a name", "use lower-case letters, digits, - and _")
        if isinstance(value, SequenceNode):
            guards[name] = tuple(
                replace(guard, by=name)
                for item in value.value
                for guard in named_guards(source, item, f"guard {name}", guards)
            )
        elif (guard := read_guard(source, value, f"guard {name}", name)) is not None:
            guards[name] = (guard,)
    return guards


def named_guards(source: Source, node: Node, what: str, guards: Mapping[str, tuple[Guard, ...]]) -> tuple[Guard, ...]:
    """The guards of that name, of which there are several where it is a set."""
    name = source.text(node, what)
    if name is not None and name not in guards:
        source.fault(node, f"{what}: unknown guard {name!r}", did_you_mean(name, tuple(guards), "the pack has"))
    return guards.get(name or "", ())


def read_phrases(source: Source, node: Node) -> None:
    """Phrases by name, each of which may use those before it."""
    for name, (key, value) in source.entries(node, "phrases").items():
        if not NAME.match(name):
            source.fault(key, f"phrase {name!r}: is not a name", "use lower-case letters, digits, - and _")
        if (written := source.expression(value, f"phrase {name}")) is not None:
            source.phrases[name] = written


def read_guard(source: Source, node: Node, what: str, name: str) -> Guard | None:
    parts = source.mapping(node, what, ("regex",), ("within", "side", "channel", "means"))
    regex = source.expression(parts["regex"], what) if "regex" in parts else None
    within: int | str | None = DEFAULT_REACH
    if "within" in parts:
        within = _reach(source, parts["within"], what, REACHES)
    side = source.one_of(parts["side"], what, "side", SIDES) if "side" in parts else SIDES[0]
    channel = source.one_of(parts["channel"], what, "channel", CHANNELS) if "channel" in parts else None
    means = source.one_of(parts["means"], what, "means", MEANINGS) if "means" in parts else NOISE
    if "channel" in parts and ("within" in parts or "side" in parts):
        source.fault(parts["channel"], f"{what}: channel is searched as a whole", "leave out within and side")
    elif within == "trace" and "side" in parts:
        source.fault(parts["side"], f"{what}: a trace has no sides", "leave out side")
    if regex is None or within is None or side is None or means is None or ("channel" in parts and channel is None):
        return None
    line = parts["regex"].start_mark.line + 1
    source.faults += lint_regex(regex, source.where, line, what)
    return Guard(name, regex, within, side, channel, means, line=line)
