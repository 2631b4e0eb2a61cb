"""Declassification: what the firewall lets through since a person said so, for a reason, until a day.

There is no quiet way past it, and no permission without use: one that nothing needs is refused, for it would be what
the next leak passes through.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.export.mapped import unusual
from pipelines.export.settings import Declassification
from pipelines.export.where import Predicate
from schemas.errors import Fault
from schemas.monitor_words import is_monitor_word
from schemas.training import METADATA

KINDS = {
    "column": "column:metadata.KEY or column:NAME, for what a monitor or a reviewer seems to have made, and for what "
    "is mapped to a name that is not its own",
    "environment": "environment:NAME, for an environment that a condition takes or leaves by name",
    "checkpoint": "checkpoint:NAME, for a checkpoint that a condition takes from among others or leaves by name",
    "training_step": "training_step:NUMBER, for a step that a condition takes from among others or leaves by itself",
    "canary": "canary:TEXT, for a canary that stands in a trace",
    "id": "id:TEXT, for the id of a rule, an alert or a finding that stands in a trace",
}
CHOSEN = ("environment", "checkpoint", "training_step")  # columns of which leaving one out may be a verdict
FOUND_LATER = ("canary", "id")  # in the text of traces, which is read long after the settings
GIVEN, SCORES = ("reward", "success"), ("score", "scores")  # what an environment's own score is mapped to
LONGEST = 366  # days; a wall with a hole for longer is to be built another way
WHERE = "declassify"
UNUSED = ("is declassified, and nothing in this export needs it", "take it out: a stale permission is a hole")


def check(
    declassified: Sequence[Declassification],
    today: dt.date | None,
    where: Sequence[Predicate],
    columns: Sequence[str],
    renamed: Mapping[str, str] | None = None,
) -> list[Fault]:
    """Every fault of the declassifications, and every flow of the settings that needs one and has none.

    `today` is the day on which the export is made; without it nothing expires, as when an old export is verified.
    `renamed` maps what a layout knows to the lake's columns (`--map`).
    """
    faults: list[Fault] = []
    for given in declassified:
        faults += _malformed(given)
        if today is not None:
            faults += _dated(given, today)
    flows = [given.flow for given in declassified]
    faults += [_fault(f, "is there twice", "keep one") for f in dict.fromkeys(flows) if flows.count(f) > 1]
    wanted = dict(needed(where, columns, renamed or {}))
    missing = [(flow, why) for flow, why in wanted.items() if flow not in flows]
    faults += [_fault(flow, why, f"leave it out, or declassify {flow}") for flow, why in missing]
    for flow in dict.fromkeys(flows):
        kind = flow.partition(":")[0]
        if kind in KINDS and kind not in FOUND_LATER and flow not in wanted:
            faults.append(_fault(flow, *UNUSED))
    return faults


def needed(where: Iterable[Predicate], columns: Iterable[str], renamed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(flow, why) for all in the settings that is refused unless it is declassified.

    One environment chosen (`environment = X`) is a data set; environments chosen from among many, or one left out, is
    a decision about environments, and what they are known for may come from alerts. So it is with checkpoints and
    steps; a range of steps is a part of training.
    """
    for name in columns:
        if name.startswith(METADATA) and is_monitor_word(name.removeprefix(METADATA)):
            yield f"column:{name}", "is called like what a monitor or a reviewer makes"
    for target, source in renamed.items():
        ordinary = target in GIVEN and source in SCORES
        if is_monitor_word(source) and not ordinary:
            yield f"column:{source}", f"is mapped to {target} and called like what a monitor or a reviewer makes"
    for source, why in unusual(renamed):
        if not is_monitor_word(source):
            yield f"column:{source}", why
    for predicate in where:
        if predicate.column in CHOSEN and predicate.op in ("!=", "in"):
            names = predicate.value if isinstance(predicate.value, tuple) else (predicate.value,)
            for name in map(str, names):
                yield (
                    f"{predicate.column}:{name}",
                    f"is named by the condition {predicate}, which may be a monitor's verdict",
                )


def passes(declassified: Iterable[Declassification], kind: str, text: str) -> bool:
    """Whether this very text, found in a trace, was declassified."""
    return any(given.flow == f"{kind}:{text}" for given in declassified)


def unneeded(declassified: Iterable[Declassification], found: Iterable[tuple[str, str]]) -> list[Fault]:
    """Declassified texts that no trace holds, given all (kind, text) that were found."""
    seen = {f"{kind}:{text}" for kind, text in found}
    later = [d.flow for d in declassified if d.flow.partition(":")[0] in FOUND_LATER]
    return [_fault(flow, *UNUSED) for flow in later if flow not in seen]


def _malformed(given: Declassification) -> Iterator[Fault]:
    kind, colon, name = given.flow.partition(":")
    if kind not in KINDS or not colon:
        yield _fault(given.flow, "is no flow that can be declassified", f"use one of: {'; '.join(KINDS.values())}")
    elif not name or name == METADATA:
        yield _fault(given.flow, "does not say of what", f"write {KINDS[kind]}")
    elif name in ("*", f"{METADATA}*"):
        yield _fault(given.flow, "would let everything through", "name each by itself")


def _dated(given: Declassification, today: dt.date) -> Iterator[Fault]:
    if given.expires < today:
        what = f"expired on {given.expires}"
        yield _fault(given.flow, what, f"ask {given.owner} whether the reason still holds: {given.reason}")
    elif given.expires > today + dt.timedelta(days=LONGEST):
        what = f"expires on {given.expires}, more than {LONGEST} days ahead"
        yield _fault(given.flow, what, "choose a nearer day, on which somebody thinks again")


def _fault(flow: str, what: str, todo: str) -> Fault:
    return Fault(WHERE, None, f"{flow} {what}", todo)
