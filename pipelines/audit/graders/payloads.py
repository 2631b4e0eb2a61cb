"""What graders were sent: whether it holds reasoning, by tag and by name, and word by word from the lake.

What is found word by word is what was pasted, wherever and without any tag. A paraphrase is out of reach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from monitors.measure.figure import share
from pipelines.audit.corpus.encoded import decoded
from pipelines.audit.corpus.facts import IDS
from pipelines.audit.corpus.files import CorpusFile, Shard, recognised, shards_of
from pipelines.audit.corpus.readers import read_shard
from pipelines.audit.corpus.row import Row
from pipelines.audit.finding import NAMED_ROWS, Finding, RowRef, Verdict
from pipelines.audit.graders.marked import marked
from pipelines.audit.graders.reasoning import LEAST_RUNS, LEAST_WORDS, RUN, Reasonings, kept, reasonings, runs_of
from pipelines.audit.text.words import U64, words_of
from pipelines.canaries import scan
from pipelines.stage import Place
from pipelines.store import Store

NAMES = (*IDS, "custom_id", "trace_key", "episode_id", "request_id")  # under which an id may stand
WITHIN = ("metadata", "extra", "extra_info", "info", "request", "body")
TEMPLATE_TRACES = 200  # by whose payloads the grader's own words are known ...
TEMPLATE_SHARE = 0.5  # ... if they stand in this share of them, and in those of TEMPLATE_LEAST at least
TEMPLATE_LEAST = 5
LEAST_SAMPLED = 2  # where only one run in several is looked at
CHECK, CHANNEL = "payload", "L0"
SAYS: dict[str, tuple[Verdict, str]] = {
    "words": ("leak", "payloads hold the words of their trace's reasoning, which stand nowhere else in the trace"),
    "tag": ("leak", "payloads hold text that is tagged as reasoning"),
    "field": ("leak", "payloads hold a field for reasoning"),
    "named": ("not_identifiable", "payloads hold a field for reasoning with words that are not their trace's"),
    "canary": ("leak", "payloads hold the mark of what monitors wrote"),
}


@dataclass(frozen=True, slots=True)
class _Known:
    """The traces that an id stands for, several if it is an episode's, and the episode."""

    traces: tuple[str, ...]
    episode: str


@dataclass(slots=True)
class _Tally:
    """What was found so far: rows by kind, the first of each, and the episodes that were sent and those affected."""

    rows: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[RowRef]] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    affected: set[str] = field(default_factory=set)
    payloads: int = 0
    unjoined: int = 0
    raw: int = 0

    def add(self, kind: str, ref: RowRef) -> None:
        self.rows[kind] += 1
        held = self.first.setdefault(kind, [])
        if len(held) < NAMED_ROWS:
            held.append(ref)


def check_payloads(
    files: Sequence[tuple[str, str]], store: Store, traces: str | None, place: Place | None = None
) -> list[Finding]:
    """What payloads (name, path) say about whether graders were shown reasoning; `traces` is the lake."""
    shards, known = shards_of([recognised(name, path) for name, path in files])
    broken: dict[str, str] = {f.name: f.why for f in known if f.kind == "unread"}
    ids, template = _first_look(shards, broken)
    with store.connect() as con:
        joined = _joined(con, ids)
        thoughts = None
        if traces is not None:
            every = any(not any(i in joined for i in given) for given in ids)
            thoughts = reasonings(
                con, traces, None if every else sorted({t for k in joined.values() for t in k.traces})
            )
    tally = _Tally()
    number = {t: i for i, t in enumerate(thoughts.traces)} if thoughts else {}
    for shard, at, row in _rows(shards, broken):
        _look(tally, shard.file, at, row, joined, thoughts, number, template)
    return [*_findings(tally, thoughts), *_unread(broken, tally)]


def _rows(shards: Sequence[Shard], broken: dict[str, str]) -> Iterator[tuple[Shard, int, Row]]:
    """All payloads with their shard and place in it; a damaged file is noted, and what came before it is kept."""
    for shard in shards:
        at = 0
        try:
            for read in read_shard(shard, values=True):
                if isinstance(read, Row):
                    yield shard, at, read
                    at += 1
        except (OSError, ValueError, EOFError) as error:
            broken[shard.file.name] = (str(error).strip() or type(error).__name__).splitlines()[0]


def _first_look(shards: Sequence[Shard], broken: dict[str, str]) -> tuple[set[tuple[str, ...]], U64]:
    """The ids that payloads carry, and the runs of words that are the grader's own."""
    ids: set[tuple[str, ...]] = set()
    groups: dict[tuple[str, ...], set[int]] = {}
    for shard, at, row in _rows(shards, broken):
        given = tuple(dict.fromkeys(_ids(row.value)))
        ids.add(given)
        group = given or (shard.file.name, str(at))
        if group in groups or len(groups) < TEMPLATE_TRACES:
            groups.setdefault(group, set()).update(runs_of(words_of(row.data).hashes).tolist())
        for _ in row.pieces or ():
            continue
    counts = Counter(run for runs in groups.values() for run in runs)
    least = max(TEMPLATE_LEAST, TEMPLATE_SHARE * len(groups))
    return ids, np.array(sorted(run for run, n in counts.items() if n >= least), np.uint64)


def _ids(value: object) -> Iterator[str]:
    """Whatever may be the id of a trace."""
    if isinstance(value, dict):
        for name in NAMES:
            if isinstance(given := value.get(name), str | int) and str(given):
                yield str(given)
        for name in WITHIN:
            yield from _ids(value.get(name))


def _joined(con: duckdb.DuckDBPyConnection, ids: set[tuple[str, ...]]) -> dict[str, _Known]:
    """What the ids stand for: a trace's id, else its key, else its episode."""
    flat = sorted({i.encode("utf-8", "replace").decode() for given in ids for i in given})
    con.register("sent", pa.table({"id": pa.array(flat, pa.string())}))
    kinds = " UNION ALL ".join(
        f"""SELECT s.id, t.trace_id, coalesce(t.episode_id, t.trace_id) AS episode, {rank} AS rank
            FROM sent s JOIN traces t ON s.id = t.{column}"""
        for rank, column in enumerate(("trace_id", "trace_key", "episode_id"))
    )
    found = con.execute(f"SELECT id, trace_id, episode FROM ({kinds}) ORDER BY id, rank, trace_id").fetchall()
    con.unregister("sent")
    traces: dict[tuple[str, str], list[str]] = {}
    for given, trace_id, episode in found:
        traces.setdefault((given, episode), []).append(trace_id)
    joined: dict[str, _Known] = {}
    for (given, episode), names in traces.items():
        joined.setdefault(given, _Known(tuple(dict.fromkeys(names)), episode))
    return joined


def _look(
    tally: _Tally,
    file: CorpusFile,
    at: int,
    row: Row,
    joined: dict[str, _Known],
    thoughts: Reasonings | None,
    number: dict[str, int],
    template: U64,
) -> None:
    known = next((joined[i] for i in _ids(row.value) if i in joined), None)
    name = known.traces[0] if known else row.facts.sample_id
    episode = known.episode if known else f"{file.name}:{at}"
    tally.payloads += 1
    tally.unjoined += known is None
    tally.sent.add(episode)
    found: dict[str, str] = {}
    owners = {number[t] for t in known.traces if t in number} if known else set()
    resolved = thoughts is not None and (known is None or bool(owners))
    for data in (row.data,) if row.pieces is None else row.pieces:
        if thoughts is not None and resolved and (words := _spelled_met(data, thoughts, owners, template)):
            found["words"] = words
        for hit in scan(data)[:1]:
            found["canary"] = f"{hit.text} ({hit.how})"
    tally.raw += row.pieces is not None
    for mark in marked(row.value):
        if mark.how == "tag":
            found["tag"] = f"{len(mark.text):,} characters in a tag{f' in {mark.name}' if mark.name else ''}"
        else:
            kind = "named" if resolved and known and "words" not in found else "field"
            found[kind] = f"{len(mark.text):,} characters in the field {mark.name}"
    for kind, detail in found.items():
        tally.add(kind, RowRef(file.name, at, name, None, detail))
    if any(SAYS[kind][0] == "leak" and kind != "canary" for kind in found):
        tally.affected.add(episode)


def _spelled_met(data: bytes, thoughts: Reasonings, owners: set[int], template: U64) -> str:
    """How much of a reasoning stands in a payload as it is, or in base64 and whatever else an audit reads."""
    if plain := _words_met(data, thoughts, owners, template):
        return plain
    for inner in decoded(data):
        if words := _words_met(inner.text, thoughts, owners, template):
            return f"{words}, {inner.how}"
    return ""


def _words_met(data: bytes, thoughts: Reasonings, owners: set[int], template: U64) -> str:
    """How much of a reasoning stands in a payload, in words for people; empty if too little does.

    Without owners it may be anybody's reasoning.
    """
    runs = np.unique(runs_of(words_of(data).hashes))
    runs = runs[kept(runs, thoughts.width)]
    which, whose = thoughts.met(runs[~np.isin(runs, template)])
    if owners:
        its = np.isin(whose, sorted(owners))
        which, whose = which[its], whose[its]
    if not len(which):
        return ""
    best = int(np.bincount(whose).argmax())
    met = len(np.unique(which[whose == best]))
    least = LEAST_RUNS if thoughts.width == 1 else max(LEAST_SAMPLED, LEAST_RUNS // thoughts.width)
    if met < least:
        return ""
    return f"about {met * thoughts.width + RUN - 1:,} words that only the reasoning of {thoughts.traces[best]} has"


def _findings(tally: _Tally, thoughts: Reasonings | None) -> Iterator[Finding]:
    size = f"{tally.payloads:,} payloads"
    leaked = False
    for kind, (verdict, says) in SAYS.items():
        if tally.rows[kind]:
            leaked |= verdict == "leak"
            figure = ""
            if verdict == "leak" and kind != "canary":
                figure = f"; in all {share(len(tally.affected), len(tally.sent), 'episodes')} of episodes were affected"
            yield Finding(
                CHECK, CHANNEL, verdict, kind, says + figure, tally.rows[kind], tuple(tally.first.get(kind, ()))
            )
    if thoughts is None:
        says = "whether payloads hold reasoning without tags was not looked at: there are no --traces to compare with"
        yield Finding(CHECK, CHANNEL, "not_assessed", "words", says, tally.payloads)
    elif tally.payloads:
        if not leaked:
            says = f"none of {size} holds {LEAST_WORDS} words that only a reasoning has, or a tag or field for it"
            unseen = "a paraphrase would not be seen, nor words that change every few"
            yield Finding(CHECK, CHANNEL, "none_found", "reasoning", f"{says}; {unseen}")
        lost = thoughts.missing + thoughts.short + thoughts.common
        if lost:
            says = f"{thoughts.missing:,} traces are gone from the lake, {thoughts.short:,} reason in too few words"
            says += f", {thoughts.common:,} in words that they say elsewhere, or many others think"
            yield Finding(CHECK, CHANNEL, "not_identifiable", "traces", says, lost)
    if tally.unjoined:
        says = f"{tally.unjoined:,} of {size} carry no id of a trace that the store knows"
        says += " and were compared with all reasoning there is" if thoughts is not None else ""
        yield Finding(CHECK, CHANNEL, "not_identifiable", "ids", says, tally.unjoined)


def _unread(broken: dict[str, str], tally: _Tally) -> Iterator[Finding]:
    for name, why in broken.items():
        ref = RowRef(name, None, None, None, why)
        yield Finding(CHECK, CHANNEL, "not_assessed", f"file {name}", f"cannot be read: {why}", 0, (ref,))
    if tally.raw:
        says = f"{tally.raw:,} payloads are too long to be taken apart; they were searched for words, not for tags"
        yield Finding(CHECK, CHANNEL, "not_assessed", "long payloads", says, tally.raw)
