"""From what the shards of a corpus gave to what an audit says of its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.audit.finding import NAMED_ROWS, Finding, RowRef, Verdict
from pipelines.audit.text.background import Background
from pipelines.audit.text.containment import LEAST_SHARE, STRONG, leaks
from pipelines.audit.text.index import PLAIN as WRITTEN
from pipelines.audit.text.index import SHORT, TextIndex
from pipelines.audit.text.looked import Looked, unread
from pipelines.audit.text.quoted import Quoted
from pipelines.audit.text.scan import AROUND, PLAIN, Met, Seen
from pipelines.audit.text.staged import firsts, read_counts, read_ids, read_met, read_seen
from pipelines.audit.text.words import I64

ROUNDS = 5  # in which rows that leaked are taken out of what counts as common
ABOUT = (":pack", ":prompt", ":rule", ":label", ":card")  # canaries of texts about monitors
WHOSE = {
    "alert": "rationales of alerts",
    "judgement": "verdicts of judges",
    "review": "notes of reviewers",
    "pack": "rule packs",
}
SAID = {source: f"{what} stand, whole or in part, in rows of the corpus" for source, what in WHOSE.items()}


@dataclass(slots=True)
class _Named:
    """Rows of which the same is to be said: how many, and the first few."""

    verdict: Verdict
    says: str
    rows: set[tuple[int, int]] = field(default_factory=set)  # shard, row
    first: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, shard: int, row: int, detail: str) -> None:
        if (shard, row) not in self.rows and len(self.first) < NAMED_ROWS:
            self.first.append((shard, row, detail))
        self.rows.add((shard, row))


Groups = dict[tuple[str, str, str], _Named]  # by check, channel and subject


def findings(looked: Looked, index: TextIndex, background: Background, quoted: Quoted) -> list[Finding]:
    """What the text of a corpus says: canaries, ids, monitors' texts, and what was not looked at."""
    rules = frozenset(index.rules)
    groups: Groups = {}
    for done in looked.done:
        for seen in read_seen(looked.place, done.shard):
            _add_seen(groups, done.shard, seen, rules)
    quoting = _add_met(groups, looked, index, background, quoted)
    found = [_finding(looked, key, group) for key, group in sorted(groups.items(), key=lambda g: g[0])]
    checked = {f.check for f in found if f.verdict == "leak"}
    return [*found, *_clean(looked, index, background, checked, quoting), *unread(looked)]


def _add_met(groups: Groups, looked: Looked, index: TextIndex, background: Background, quoted: Quoted) -> int:
    """Name the rows in which a text leaked, by the text most of which is there; returns how often one only quoted."""
    quoting = 0
    for shard, mets in leaked(looked, index, background, quoted):
        quoting += mets.quoting
        for (row, where, source), met in sorted(mets.best.items(), key=lambda b: b[0]):
            channel = "L5" if where else ("L7" if source == "pack" else "L1")
            group = _group(groups, "containment", channel, WHOSE[source], "leak", SAID[source])
            group.add(shard, row, f"{where}: {_detail(index, met)}" if where else _detail(index, met))
    return quoting


@dataclass(slots=True)
class Leaked:
    """Of one shard: by row, place around rows, and source of the text, the text most of which is there."""

    best: dict[tuple[int, str, str], Met] = field(default_factory=dict)
    quoting: int = 0


def leaked(looked: Looked, index: TextIndex, background: Background, quoted: Quoted) -> Iterator[tuple[int, Leaked]]:
    """What leaked into each shard, one shard at a time."""
    counts, rows = _counts(looked, index, background)
    for _ in range(ROUNDS if background.ours else 0):
        # rows in which a text leaked say nothing of how common its words are, or texts alike would hide each other
        fewer = counts.copy()
        for done in looked.done:
            _take_out(fewer, index, counts, rows, read_met(looked.place, done.shard))
        if np.array_equal(fewer, counts):
            break
        counts = fewer
    for done in looked.done:
        yield done.shard, _of_shard(index, quoted, counts, rows, read_met(looked.place, done.shard))


def _is_leak(index: TextIndex, met: Met, counts: I64, rows: int) -> bool:
    return leaks(met.meeting, index.arrays.own[index.arrays.piece(met.meeting.piece)], counts, rows)


def _take_out(fewer: I64, index: TextIndex, counts: I64, rows: int, mets: Sequence[Met]) -> None:
    """Take the keys of rows that hold a leak out of `fewer`, where these rows were counted."""
    by_row: dict[int, list[Met]] = {}
    for met in mets:
        if met.how == PLAIN:
            by_row.setdefault(met.row, []).append(met)
    for row in by_row.values():
        if any(_is_leak(index, met, counts, rows) for met in row):
            keys = np.unique(np.concatenate([met.meeting.keys for met in row]))
            spared = [met.meeting.keys for met in row if met.meeting.share >= STRONG]
            keys = np.setdiff1d(keys, np.concatenate(spared)) if spared else keys
            fewer[keys] = np.maximum(fewer[keys] - 1, 0)


def _of_shard(index: TextIndex, quoted: Quoted, counts: I64, rows: int, mets: Sequence[Met]) -> Leaked:
    found = Leaked()
    for met in mets:
        piece, source = met.meeting.piece, index.texts[index.pieces[met.meeting.piece]].source
        if not _is_leak(index, met, counts, rows):
            continue
        own = quoted.own(index, piece)
        if own is not None and not leaks(quoted.again(met.meeting, own), own, counts, rows):
            found.quoting += 1
            continue
        known = found.best.get((met.row, met.where, source))
        if known is None or known.meeting.share < met.meeting.share:
            found.best[met.row, met.where, source] = met
    return found


def _counts(looked: Looked, index: TextIndex, background: Background) -> tuple[I64, int]:
    """In how many rows of the background each key stands: in the lake, else in the corpus itself, sampled or whole."""
    if not background.ours:
        return background.counts, background.rows
    counts = np.where(index.arrays.common, background.counts, 0)
    for done in looked.done:
        keys, found = read_counts(looked.place, done.shard)
        counts[keys] += found
    return counts, sum(d.rows for d in looked.done)


def _add_seen(groups: Groups, shard: int, seen: Seen, rules: frozenset[str]) -> None:
    detail = f"{seen.where + ': ' if seen.where else ''}{seen.text}{'' if seen.how == 'plain' else f' ({seen.how})'}"
    about = any(word in seen.text.lower() for word in ABOUT)
    channel = "L5" if seen.row == AROUND else ("L7" if about else "L1")
    verdict: Verdict = "leak"
    if seen.kind == "canary":
        subject, says = "canaries", "the mark that everything written by or about monitors carries stands in the corpus"
    elif seen.how != "rule id":
        subject, says = "ids of alerts and findings", "ids of alerts or findings of a store stand in the corpus"
    elif seen.text in rules:
        subject, says = "ids of rules", "ids of rules of this store's packs stand in the corpus"
    else:
        subject, says, verdict = (
            "words like ids of rules",
            "what looks like a rule's id is none of this store's packs",
            ("not_identifiable"),
        )
    _group(groups, "canary", channel, subject, verdict, says).add(shard, seen.row, detail)


def _group(groups: Groups, check: str, channel: str, subject: str, verdict: Verdict, says: str) -> _Named:
    return groups.setdefault((check, channel, subject), _Named(verdict, says))


def _detail(index: TextIndex, met: Met) -> str:
    text = index.texts[index.pieces[met.meeting.piece]]
    size = int(np.diff(index.arrays.bounds)[met.meeting.piece])
    alike = f", or one of the {text.alike - 1:,} alike" if text.alike > 1 else ""
    form = index.forms[met.meeting.piece]
    how = met.how if form == WRITTEN else f"{form}, {met.how}"
    return f"{met.meeting.share:.0%} of {size} words of {text.source} {text.id}{alike}, {how}"


def _finding(looked: Looked, key: tuple[str, str, str], group: _Named) -> Finding:
    check, channel, subject = key
    examples = tuple(_refs(looked, group.first))
    return Finding(check, channel, group.verdict, subject, group.says, len(group.rows), examples)


def _refs(looked: Looked, named: Iterable[tuple[int, int, str]]) -> Iterable[RowRef]:
    begins = firsts(looked.shards, looked.done)
    done = {d.shard: d for d in looked.done}
    ids: dict[int, Sequence[str | None]] = {}
    for shard, row, detail in named:
        file = looked.shards[shard].file.name
        if row == AROUND or looked.shards[shard].file.beside:
            yield RowRef(file, None, None, None, detail)
            continue
        if shard not in ids:
            ids[shard] = read_ids(looked.place, done[shard])
        yield RowRef(file, begins[shard] + row, ids[shard][row].as_py(), None, detail)  # type: ignore[union-attr]


def _clean(
    looked: Looked, index: TextIndex, background: Background, leaked: set[str], quoting: int
) -> Iterable[Finding]:
    """What was looked for and not found, and what could not have been."""
    rows = sum(d.rows for d in looked.done)
    nbytes = sum(d.nbytes for d in looked.done)
    planted = sum(looked.controls.planted.values())
    size = f"{rows:,} rows, {nbytes / 1e6:,.1f} MB"
    if "canary" not in leaked:
        says = f"none in {size}; all of {planted} planted in {len(looked.controls.planted)} formats were found first"
        yield Finding("canary", "L1", "none_found", "canaries", says)
    if index.texts and "containment" not in leaked:
        says = f"none of {len(index.texts):,} texts in {size}, of each {LEAST_SHARE:.0%} and more would have been seen"
        yield Finding("containment", "L1", "none_found", "monitors' texts", says)
    if not index.texts:
        yield Finding("containment", "L1", "not_assessed", "monitors' texts", "the store holds no text long enough")
    short = sum(n for _, n in index.short)
    if short:
        who = ", ".join(f"{n:,} {WHOSE[source]}" for source, n in index.short)
        says = f"{who} have fewer than {SHORT} words of their own, which anybody may say"
        yield Finding("containment", "L1", "not_identifiable", "short texts", says, short)
    lost = index.unsearchable()
    if lost:
        whose = "the corpus" if background.ours else "the lake"
        says = f"{lost:,} texts say what {whose} says all over, and could not be told from it"
        yield Finding("containment", "L1", "not_identifiable", "common texts", says, lost)
    if quoting:
        says = f"{quoting:,} times a text was met that repeats its own trace, and not enough of it besides"
        yield Finding("containment", "L1", "none_found", "texts that quote their trace", says)
