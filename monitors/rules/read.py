"""From the YAML of a rule to the `Rule` it describes, every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from monitors.rules.lint import Heading, lint_condition, lint_regex
from monitors.rules.pack import (
    LISTENABLE,
    STATUSES,
    Example,
    Guard,
    Pattern,
    Rule,
)
from monitors.rules.read_when import NAME, OPERATORS, Used, named_guards, read_condition, read_guard
from monitors.rules.source import Source, did_you_mean, kind_of, line_of
from schemas.behaviours import BEHAVIOURS, CATEGORIES
from schemas.errors import Fault
from schemas.results import LEVELS, SANCTIONED, STANCES
from schemas.trace import CHANNELS

ALERTING_STANCES = tuple(s for s in STANCES if s != "rejected")  # a model that says no is never alerted on
EXPECTED = ("stance", "sanctioned")  # beside the steps of a test: how it is to be read
_RULE_ID = re.compile(r"(?:TG|HO)\d\d\.[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_REQUIRED = (
    "id",
    "version",
    "status",
    "level",
    "confidence",
    "behaviour",
    "category",
    "description",
    "channels",
    "patterns",
    "when",
    "falsepositives",
    "references",
    "tests",
)


def read_rule(source: Source, node: Node, guards: Mapping[str, tuple[Guard, ...]]) -> Rule | None:
    """The rule, or None where a fault left a hole in it."""
    before = len(source.faults)
    line = line_of(node)
    what = f"rule {shown.value if (shown := _id_node(node)) else f'on line {line}'}"
    parts = source.mapping(node, what, _REQUIRED, ("stance", "unless"))
    reading = _Reading(source, what, guards, parts)
    rule_id = reading.rule_id()
    version = source.integer(parts["version"], f"{what}: version", 1) if "version" in parts else None
    status = reading.word("status", STATUSES)
    level = reading.word("level", LEVELS)
    stance = reading.word("stance", ALERTING_STANCES)
    confidence = source.share(parts["confidence"], f"{what}: confidence") if "confidence" in parts else None
    behaviour, category = reading.behaviour(rule_id)
    description = source.text(parts["description"], f"{what}: description") if "description" in parts else None
    channels = reading.channels(parts["channels"], f"{what}: channels", LISTENABLE) if "channels" in parts else ()
    patterns = reading.patterns(channels)
    when = read_condition(source, parts["when"], f"{what}: when", reading.used) if "when" in parts else None
    unless = reading.unless()
    falsepositives = (
        source.texts(parts["falsepositives"], f"{what}: falsepositives") if "falsepositives" in parts else ()
    )
    references = source.texts(parts["references"], f"{what}: references") if "references" in parts else ()
    match, no_match = reading.tests(channels)
    reading.names_agree(patterns, when is not None)
    if when is not None:
        source.faults += lint_condition(when, patterns, source.where, line, what)
    if len(source.faults) > before or when is None:
        return None
    return Rule(
        id=rule_id or "",
        version=version or 0,
        status=status or "",
        level=level or "",
        confidence=confidence or 0.0,
        behaviour=behaviour or "",
        category=category or "",
        description=description or "",
        channels=channels,
        stance=stance,
        patterns=patterns,
        when=when,
        unless=unless,
        falsepositives=falsepositives,
        references=references,
        match=match,
        no_match=no_match,
        file=source.where,
        line=line,
    )


def heading(source: Source, node: Node) -> Heading | None:
    """The id of the rule at `node`, whatever else is wrong with it; None if it has none."""
    given = _id_node(node)
    if given is None or kind_of(given) != "text":
        return None
    return Heading(str(given.value), source.where, line_of(node))


def _id_node(node: Node) -> ScalarNode | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == "id" and isinstance(value, ScalarNode):
                return value if value.value else None
    return None


@dataclass
class _Reading:
    """One rule on its way in."""

    source: Source
    what: str
    guards: Mapping[str, tuple[Guard, ...]]
    parts: Mapping[str, Node]
    used: Used = field(default_factory=list)

    def rule_id(self) -> str | None:
        if "id" not in self.parts:
            return None
        found = self.source.text(self.parts["id"], f"{self.what}: id")
        if found is not None and not _RULE_ID.match(found):
            self.source.fault(
                self.parts["id"],
                f"{self.what}: id {found!r} is not <behaviour>.<slug>",
                "write it like TG08.lookup-table",
            )
        return found

    def word(self, key: str, known: tuple[str, ...]) -> str | None:
        return self.source.one_of(self.parts[key], self.what, key, known) if key in self.parts else None

    def behaviour(self, rule_id: str | None) -> tuple[str | None, str | None]:
        behaviour = self.word("behaviour", tuple(BEHAVIOURS))
        category = self.word("category", CATEGORIES)
        if behaviour and category and BEHAVIOURS[behaviour].category != category:
            right = BEHAVIOURS[behaviour].category
            self.source.fault(
                self.parts["category"], f"{self.what}: {behaviour} is not {category}", f"its category is {right}"
            )
        if behaviour and rule_id and _RULE_ID.match(rule_id) and not rule_id.startswith(behaviour + "."):
            self.source.fault(
                self.parts["id"],
                f"{self.what}: id does not begin with its behaviour",
                f"call it {behaviour}.{rule_id[5:]}",
            )
        return behaviour, category

    def channels(self, node: Node, what: str, known: tuple[str, ...]) -> tuple[str, ...]:
        items = self.source.items(node, what)
        if isinstance(node, SequenceNode) and not items:
            self.source.fault(node, f"{what}: is empty", f"use some of {', '.join(known)}")
        found: list[str] = []
        misread = False
        for item in items:
            channel = self.source.one_of(item, what, "channel", known)
            if channel in found:
                self.source.fault(item, f"{what}: {channel} is given twice")
            elif channel is not None:
                found.append(channel)
            else:
                misread = True
        return () if misread else tuple(found)  # nothing follows from some of the channels meant

    def patterns(self, channels: tuple[str, ...]) -> tuple[Pattern, ...]:
        if "patterns" not in self.parts:
            return ()
        node = self.parts["patterns"]
        entries = self.source.entries(node, f"{self.what}: patterns")
        if isinstance(node, MappingNode) and not node.value:
            self.source.fault(node, f"{self.what}: patterns: is empty")
        found = []
        for name, (key, value) in entries.items():
            what = f"{self.what}: pattern {name}"
            if not NAME.match(name) or name in OPERATORS:
                self.source.fault(
                    key, f"{what}: is not a name", "use lower-case letters, digits, - and _, and no operator"
                )
            own = channels
            regex_node: Node | None = value
            if isinstance(value, MappingNode):
                parts = self.source.mapping(value, what, ("regex", "channels"))
                own = self.channels(parts["channels"], f"{what}: channels", CHANNELS) if "channels" in parts else ()
                regex_node = parts.get("regex")
            regex = self.source.expression(regex_node, what) if regex_node is not None else None
            if regex is not None and regex_node is not None:
                line = regex_node.start_mark.line + 1
                self.source.faults += lint_regex(regex, self.source.where, line, what)
                found.append(Pattern(name, regex, own, line))
        return tuple(found)

    def unless(self) -> tuple[Guard, ...]:
        if "unless" not in self.parts:
            return ()
        found: list[Guard] = []
        for i, item in enumerate(self.source.items(self.parts["unless"], f"{self.what}: unless")):
            if isinstance(item, ScalarNode):
                found += named_guards(self.source, item, f"{self.what}: unless[{i}]", self.guards)
            elif (guard := read_guard(self.source, item, f"{self.what}: unless[{i}]", "")) is not None:
                found.append(guard)
        return tuple(found)

    def tests(self, channels: tuple[str, ...]) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        if "tests" not in self.parts:
            return (), ()
        parts = self.source.mapping(self.parts["tests"], f"{self.what}: tests", ("match", "no_match"))
        return self._examples(parts, "match", channels), self._examples(parts, "no_match", channels)

    def _examples(self, parts: Mapping[str, Node], kind: str, channels: tuple[str, ...]) -> tuple[Example, ...]:
        if kind not in parts:
            return ()
        what = f"{self.what}: tests: {kind}"
        items = self.source.items(parts[kind], what)
        if isinstance(parts[kind], SequenceNode) and len(items) < 2:
            self.source.fault(parts[kind], f"{what}: {len(items)} given", "give at least two")
        found = []
        for i, item in enumerate(items):
            steps: list[tuple[str, str]] = []
            expected: list[str | None] = [None, None]  # stance, sanctioned
            if isinstance(item, ScalarNode):
                text = self.source.text(item, f"{what}[{i}]")
                steps = [(channels[0], text)] if text is not None and channels else []
            else:  # a mapping of steps in order, or a list of such where a channel comes twice
                for part in item.value if isinstance(item, SequenceNode) else [item]:
                    for channel, (key, value) in self.source.entries(part, f"{what}[{i}]").items():
                        if channel in EXPECTED:
                            expected[EXPECTED.index(channel)] = self._expected(channel, value, f"{what}[{i}]")
                            continue
                        if channel not in CHANNELS:
                            self.source.fault(
                                key, f"{what}[{i}]: unknown channel {channel!r}", did_you_mean(channel, CHANNELS)
                            )
                        text = self.source.text(value, f"{what}[{i}]: {channel}")
                        steps += [(channel, text)] if text is not None else []
            found.append(Example(tuple(steps), expected[0], expected[1], item.start_mark.line + 1))
        return tuple(found)

    def _expected(self, key: str, node: Node, what: str) -> str | None:
        known = STANCES if key == "stance" else SANCTIONED
        return self.source.one_of(node, what, key, known)

    def names_agree(self, patterns: tuple[Pattern, ...], complete: bool) -> None:
        """Names used must be patterns, and patterns must be used."""
        named = tuple(p.name for p in patterns)
        for name, node in self.used:
            if name not in named:
                self.source.fault(
                    node, f"{self.what}: unknown pattern {name!r}", did_you_mean(name, named, "the rule has")
                )
        if complete:
            used = {name for name, _ in self.used}
            for pattern in patterns:
                if pattern.name not in used:
                    what = f"{self.what}: pattern {pattern.name} is never used"
                    self.source.faults.append(
                        Fault(self.source.where, pattern.line, what, "name it in when, or remove it")
                    )
