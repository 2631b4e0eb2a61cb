"""One shard of a corpus looked at: canaries, ids, monitors' texts; and the index of its rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.audit.corpus.encoded import Inner, decoded
from pipelines.audit.corpus.facts import Facts
from pipelines.audit.corpus.files import Shard
from pipelines.audit.corpus.readers import read_shard
from pipelines.audit.corpus.row import OVERLAP, Around, Row, Unseen
from pipelines.audit.text.containment import Meeting, search_rows
from pipelines.audit.text.index import Arrays
from pipelines.audit.text.words import I64, Words, words_of
from pipelines.canaries import find_ids, scan, scan_chunks
from schemas.digest import DIGEST_CHARS

BLOCK_BYTES = 4 << 20  # of text that is looked at at once
BLOCK_ROWS = 20_000
MOST_MET = 5_000  # places in one shard that look like a monitor's text; beyond, it is told and not looked at further
AROUND = -1  # the row of what belongs to none
PLAIN = "as text"
RULE = "rule id"


@dataclass(frozen=True, slots=True)
class Seen:
    """A canary or an id, `how` disguised, in a row; AROUND: in a name or in metadata, and `where` says which."""

    row: int
    kind: str  # canary | id
    how: str
    text: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Met:
    """A text of a monitor that met a row, `how`: as text, or in which spelling."""

    row: int
    how: str
    where: str
    meeting: Meeting


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What is kept of a row."""

    row: int
    facts: Facts
    chars: int
    words: int
    digest: str


@dataclass(slots=True)
class ShardSeen:
    """What a shard gave. `rows` are those since it was last emptied, all else is of the whole shard so far."""

    shard: int
    counts: I64  # in how many rows each key of the index stands
    rows: list[RowFacts] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    met: list[Met] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    total: int = 0
    nbytes: int = 0
    error: str = ""

    @property
    def full(self) -> bool:
        """Whether so much was found that the rest of the shard is not searched for texts."""
        return len(self.met) >= MOST_MET


def scan_shard(shard: Shard, index: Arrays, id_column: str | None = None) -> Iterator[ShardSeen]:
    """What a shard holds; the same object again and again, whenever it has rows to be taken out of it, and at its end.

    A file that turns out damaged ends its shard with an `error`.
    """
    found = ShardSeen(shard.number, np.zeros(len(index.keys), np.int64))
    block = _Block(found, index)
    reads = read_shard(shard, id_column)
    while True:
        try:
            read = next(reads, None)
        except (OSError, ValueError, EOFError) as error:
            found.error = (str(error).strip() or type(error).__name__).splitlines()[0][:500]
            break
        if read is None:
            break
        if isinstance(read, Unseen):
            found.unseen.append(read.what)
        elif isinstance(read, Around):
            _around(found, index, read)
        elif read.pieces is not None:
            block.finish()
            _long(found, index, read)
        else:
            block.add(read)
        if len(found.rows) >= BLOCK_ROWS:
            yield found
            found.rows = []
    block.finish()
    yield found


class _Block:
    """Rows that are looked at together."""

    def __init__(self, found: ShardSeen, index: Arrays) -> None:
        self._found, self._index = found, index
        self._rows: list[Row] = []
        self._size = 0

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self._size += len(row.data)
        if self._size >= BLOCK_BYTES or len(self._rows) >= BLOCK_ROWS // 2:
            self.finish()

    def finish(self) -> None:
        if not self._rows:
            return
        rows, found = self._rows, self._found
        self._rows, self._size = [], 0
        first = found.total
        data = b"\n".join(row.data for row in rows)
        borders = np.cumsum([0, *(len(row.data) + 1 for row in rows)])
        for hit in scan(data):
            at = first + int(np.searchsorted(borders, hit.start, side="right")) - 1
            found.seen.append(Seen(at, "canary", hit.how, hit.text))
        words = _look(found, self._index, data, borders, first)
        counts = np.diff(np.searchsorted(words.starts, borders))
        for i, row in enumerate(rows):
            found.rows.append(RowFacts(first + i, row.facts, row.chars, int(counts[i]), row.digest))
            found.states[row.state] += 1
        found.total += len(rows)
        found.nbytes += len(data)


def _look(found: ShardSeen, index: Arrays, data: bytes, borders: I64, first: int) -> Words:
    """Look for ids and texts in rows that lie side by side between `borders` (n + 1), and return their words."""

    def row_at(at: int) -> int:
        return first + int(np.searchsorted(borders, at, side="right")) - 1

    for hit in find_ids(data):
        found.seen.append(Seen(row_at(hit.start), "id", hit.how, hit.text))
    words = words_of(data)
    counts = np.diff(np.searchsorted(words.starts, borders))
    _search(found, index, words, np.repeat(np.arange(len(counts)), counts), first, PLAIN)
    hidden = list(decoded(data))
    _spelled(found, hidden, row_at)
    if hidden and not found.full:
        # each hidden text is a row to the search, which must not find half a text in each of two
        each = [words_of(inner.text) for inner in hidden]
        owner = np.repeat(np.arange(len(each)), [len(w) for w in each])
        flat = Words(np.concatenate([w.hashes for w in each]), np.concatenate([w.starts for w in each]))
        rows = np.array([row_at(inner.start) for inner in hidden])
        for meeting in search_rows(index, flat, owner).meetings:
            found.met.append(Met(int(rows[meeting.row]), f"in {hidden[meeting.row].how}", "", meeting))
    return words


def _spelled(found: ShardSeen, hidden: Sequence[Inner], row_at: Callable[[int], int], where: str = "") -> None:
    """Canaries and ids in texts that stand there in another spelling."""
    for inner in hidden:
        row = row_at(inner.start)
        for hit in scan(inner.text)[:1]:
            found.seen.append(Seen(row, "canary", f"{hit.how} in {inner.how}", hit.text, where))
        for hit in find_ids(inner.text):
            how = hit.how if hit.how == RULE else f"{hit.how} in {inner.how}"
            found.seen.append(Seen(row, "id", how, hit.text, where))


def _search(found: ShardSeen, index: Arrays, words: Words, rows: I64, first: int, how: str, where: str = "") -> None:
    if found.full:
        return
    result = search_rows(index, words, rows)
    found.counts[result.keys] += result.counts
    found.met += (Met(first + m.row, how, where, m) for m in result.meetings)


def _long(found: ShardSeen, index: Arrays, row: Row) -> None:
    """A row in pieces. What stands on a border is in the overlap, so it may be found twice; it is told once."""
    number, words, chars, before = found.total, 0, 0, 0
    hashed = hashlib.sha256()
    seen: set[Seen] = set()
    met: dict[tuple[str, int], Met] = {}

    def fresh() -> Iterator[bytes]:
        """Look at each piece, and hand on what is new in it: canaries are searched over all borders."""
        nonlocal words, chars, before
        for piece in row.pieces or ():
            old = min(before, OVERLAP)
            part = ShardSeen(found.shard, found.counts)
            found_words = _look(part, index, piece, np.array([0, len(piece)]), number)
            seen.update(part.seen)
            for m in part.met:
                known = met.get((m.how, m.meeting.piece))
                if known is None or known.meeting.share < m.meeting.share:
                    met[m.how, m.meeting.piece] = m
            words += int((found_words.starts >= old).sum())
            new = piece[old:]
            chars += int((np.frombuffer(new, np.int8) >= -64).sum())
            hashed.update(new)
            before += len(new)
            yield new

    seen.update(Seen(number, "canary", hit.how, hit.text) for hit in scan_chunks(fresh()))
    found.seen += sorted(seen, key=lambda s: (s.kind, s.text, s.how))
    found.met += met.values()
    found.rows.append(RowFacts(number, row.facts, chars, words, hashed.hexdigest()[:DIGEST_CHARS]))
    found.states[row.state] += 1
    found.total += 1
    found.nbytes += before


def _around(found: ShardSeen, index: Arrays, read: Around) -> None:
    for hit in scan(read.data):
        found.seen.append(Seen(AROUND, "canary", hit.how, hit.text, read.where))
    for hit in find_ids(read.data):
        found.seen.append(Seen(AROUND, "id", hit.how, hit.text, read.where))
    _spelled(found, list(decoded(read.data)), lambda at: AROUND, read.where)
    words = words_of(read.data)
    _search(found, index, words, np.zeros(len(words), np.int64), AROUND, PLAIN, read.where)
