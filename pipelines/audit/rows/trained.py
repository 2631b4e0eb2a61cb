"""What of each row trains: channels that never may, and channels that train in some rows and not in others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.finding import Finding
from pipelines.audit.rows.case import Case, counted
from pipelines.audit.rows.columns import PREFIX
from pipelines.audit.rows.derive import Rows
from pipelines.audit.rows.judge import judge
from pipelines.audit.rows.population import numbers
from pipelines.audit.rows.provenance import tells
from schemas.trace import CHANNELS

NEVER = ("prompt", "reasoning", "observation", "memory")
MAY = tuple(c for c in CHANNELS if c not in NEVER)
ONES, LENGTH = ".ones", ".length"


@dataclass(frozen=True, slots=True)
class Trained:
    """Of each row (m) and one channel: whether it has text there, and whether any of it trains."""

    text: np.ndarray
    trains: np.ndarray


def never_findings(case: Case) -> list[Finding]:
    """Rows in which something trains that never may; which traces they are does not matter."""
    findings = []
    channels = _channels(case.table)
    for name in NEVER:
        if name in channels and (at := np.flatnonzero(channels[name].trains)).size:
            says = f"In {counted(len(at), 'row')} some of the {name} trains, and it never may."
            finding = Finding("mask", "L4", "leak", name, says, len(at))
            findings.append(replace(finding, examples=case.rows(at, f"{name} trains")))
    return findings


def mask_findings(case: Case, rows: Rows) -> list[Finding]:
    """Masks of all kinds that the rows carry: per message, or counts of a token mask."""
    findings = never_findings(case)
    channels = _channels(rows.table)  # what most rows do is told by traces, not by what they were mixed with
    unlike = [(n, _unlike(t)) for n in MAY if (t := channels.get(n)) is not None and t.text.any()]
    unlike += [(name, odd) for name, odd in _token_masks(rows.table)]
    level = case.level("mask", len(unlike))
    findings += [_inconsistent(case, rows, name, odd, level) for name, odd in unlike]
    told = {f.subject for f in findings if f.verdict == "leak"}
    findings += (f for name, f in _short(case, rows) if name not in told)
    if not findings:
        says = "The rows do not say what of them trains."
        return [Finding("mask", "L4", "not_assessed", "masks", says)]
    return findings


def _short(case: Case, rows: Rows) -> Iterator[tuple[str, Finding]]:
    """By channel, masks that leave out as many characters as tell who is flagged."""
    flat, row, told = _flat(rows.table)
    for name in MAY if told is not None else ():
        mine = (flat.field("channel").to_numpy(zero_copy_only=False) == name) & told
        left = flat.field("chars").to_numpy(zero_copy_only=False) - flat.field("trained").fill_null(0).to_numpy()
        short = np.bincount(row[mine], left[mine], minlength=len(rows.table))
        if mine.any() and tells(short, rows):
            says = f"How many characters of the {name} do not train is enough to tell who is flagged."
            flagged = np.flatnonzero(case.joined.joined & case.pop.flagged[np.maximum(case.joined.trace, 0)])
            named = case.rows(flagged, f"{name} of a flagged trace")
            yield name, Finding("mask", "L4", "leak", f"{name} in part", says, len(flagged), named)


def _flat(table: pa.Table) -> tuple[pa.StructArray, np.ndarray, np.ndarray | None]:
    """All messages, the row of each, and which of them say what trains; None if none does."""
    column = table["messages"].combine_chunks() if "messages" in table.column_names else None
    if column is None or column.null_count == len(column) or not len(flat := pc.list_flatten(column)):
        return pa.array([], pa.struct([])), np.zeros(0, np.int64), None
    told = flat.field("trained").is_valid().to_numpy(zero_copy_only=False)
    return flat, pc.list_parent_indices(column).to_numpy(zero_copy_only=False), told if told.any() else None


def _channels(table: pa.Table) -> dict[str, Trained]:
    """By channel, over all rows of the table; empty if nothing says what trains."""
    if "messages" not in table.column_names:
        return {}
    column = table["messages"].combine_chunks()
    if column.null_count == len(column) or not len(pc.list_flatten(column)):
        return {}
    row = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    flat = pc.list_flatten(column)
    trained = flat.field("trained")
    if trained.null_count == len(trained):
        return {}
    channel = np.array(flat.field("channel").to_pylist(), dtype=object)
    chars = flat.field("chars").to_numpy(zero_copy_only=False) > 0
    told = trained.is_valid().to_numpy(zero_copy_only=False)
    some = trained.fill_null(0).to_numpy(zero_copy_only=False) > 0
    found = {}
    for name in CHANNELS:
        mine = (channel == name) & told
        text, trains = np.zeros(len(column), dtype=bool), np.zeros(len(column), dtype=bool)
        text[row[mine & chars]] = True
        trains[row[mine & some]] = True
        if mine.any():
            found[name] = Trained(text, trains)
    return found


def _unlike(channel: Trained) -> np.ndarray:
    """Rows (m) unlike most others that have text in the channel: they train where those do not, or the reverse."""
    mostly = channel.trains[channel.text].mean() >= 0.5
    return channel.text & (channel.trains != mostly)


def _token_masks(table: pa.Table) -> Iterator[tuple[str, np.ndarray]]:
    """Rows (m) of a token mask that is all ones, or all zeros, where most others are neither."""
    for name in table.column_names:
        stem = name.removeprefix(PREFIX).removesuffix(ONES)
        if not (name.startswith(PREFIX) and name.endswith(ONES)) or f"{PREFIX}{stem}{LENGTH}" not in table.column_names:
            continue
        ones, length = numbers(table[name]), numbers(table[f"{PREFIX}{stem}{LENGTH}"])
        for words, odd in (("all ones", ones >= length), ("all zeros", ones == 0)):
            odd = odd & (length > 0)
            yield f"{stem}: {words}", odd if odd.mean() < 0.5 else ~odd & (length > 0)


def _inconsistent(case: Case, rows: Rows, name: str, odd: np.ndarray, level: float) -> Finding:
    if not odd.any():
        return Finding("mask", "L4", "none_found", name, f"{name.capitalize()}: all rows are alike in what trains.")
    unlike = np.zeros(len(case.pop), dtype=bool)
    unlike[rows.trace[odd]] = True
    judged = judge(case, ~unlike, case.present, case.present, level)
    flagged = int((unlike & case.pop.flagged).sum())
    number = int(odd.sum())
    told = counted(number, "row trains", "rows train")
    says = f"{name.capitalize()}: {told} unlike the others; {flagged:,} are flagged."
    finding = judged.finding(
        *("mask", "L4", name, says),
        rows=number,
        examples=case.rows(np.flatnonzero(case.joined.joined)[odd], "trains otherwise"),
    )
    present = case.present & case.pop.flagged
    exact = bool(case.pop.flagged[unlike].all() or unlike[present].all())
    if judged.verdict == "associated_unexplained" and exact:
        return replace(finding, verdict="leak", says=f"{says} That is too exact to be chance.")
    if judged.why:
        return replace(finding, says=f"{says} Whether that is tied to the alerts cannot be told: {judged.why}.")
    return finding
