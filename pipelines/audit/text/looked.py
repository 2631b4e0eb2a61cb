"""What was looked at in a corpus, and what was not: files, ends of files, rows that are no JSON, columns of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.audit.corpus.files import CorpusFile, Shard
from pipelines.audit.finding import NAMED_ROWS, Finding, RowRef
from pipelines.audit.text.staged import ShardDone
from pipelines.canaries import SelfTest
from pipelines.stage import Place

PAPERS_NAMED = 3
STATES = {"broken": "are no JSON, and were searched as text", "long": "are too long to be taken apart"}


@dataclass(frozen=True, slots=True)
class Looked:
    """All that was looked at: the corpus' files and shards, what became of each shard, and where it was staged."""

    place: Place
    files: Sequence[CorpusFile]
    shards: Sequence[Shard]
    done: Sequence[ShardDone]
    controls: SelfTest


def _papers(looked: Looked) -> Iterator[Finding]:
    """An export's own papers, of which every byte was searched: what they are, since they are no rows."""
    names = [f.name for f in looked.files if f.beside]
    if names:
        listed = ", ".join(names[:PAPERS_NAMED]) + (
            f" and {len(names) - PAPERS_NAMED:,} more" * (len(names) > PAPERS_NAMED)
        )
        says = f"{listed}: papers of an export, searched for canaries and monitors' texts, and not taken for rows"
        yield Finding("canary", "L5", "none_found", "papers of an export", says)


def unread(looked: Looked) -> Iterator[Finding]:
    """What was not looked at, or only searched as text."""
    for file in looked.files:
        if file.kind == "unread":
            ref = RowRef(file.name, None, None, None, file.why)
            yield Finding("canary", "L1", "not_assessed", f"file {file.name}", f"cannot be read: {file.why}", 0, (ref,))
    told: Mapping[str, Counter[str]] = {kind: Counter() for kind in STATES}
    unseen: dict[str, list[str]] = {}
    columns = 0
    for done in looked.done:
        name = looked.shards[done.shard].file.name
        if done.error:
            says = f"is damaged: after {done.rows:,} rows of this part, {done.error}"
            ref = RowRef(name, None, None, None, done.error)
            yield Finding("canary", "L1", "not_assessed", f"file {name}", says, 0, (ref,))
        if not looked.shards[done.shard].file.beside:  # papers are searched, and never taken for rows
            told["broken"][name] += done.broken
            told["long"][name] += done.long
        columns = max(columns, done.columns)
        for what in done.unseen:
            unseen.setdefault(what, []).append(name)
    yield from _papers(looked)
    full = [looked.shards[d.shard].file.name for d in looked.done if d.full]
    if full:
        says = (
            f"in {len(full):,} parts so much looks like monitors' texts that the rest of each was not searched for them"
        )
        refs = tuple(RowRef(name, None, None, None, "searched in part") for name in dict.fromkeys(full))[:NAMED_ROWS]
        yield Finding("containment", "L1", "not_assessed", "full parts", says, 0, refs)
    for kind, what in STATES.items():
        number = sum(told[kind].values())
        if number:
            refs = tuple(RowRef(n, None, None, None, f"{c:,} rows") for n, c in told[kind].most_common(NAMED_ROWS) if c)
            says = f"{number:,} rows {what}; their values could not be compared"
            yield Finding("column", "L1", "not_assessed", f"{kind} rows", says, number, refs)
    for what, files in unseen.items():
        refs = tuple(RowRef(n, None, None, None, what) for n in files[:NAMED_ROWS])
        yield Finding("containment", "L1", "not_assessed", what, "tokens cannot be searched for words", 0, refs)
    if columns:
        yield Finding("column", "L1", "not_assessed", "columns", f"{columns:,} columns or more had no room", 0)
