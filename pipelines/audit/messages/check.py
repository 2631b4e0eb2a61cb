"""What an audit says of a corpus' messages: whether their words are the lake's, and whether graders are shown why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.audit.corpus.files import CorpusFile
from pipelines.audit.finding import Finding
from pipelines.audit.messages.closer import Kind, Looked, kinds, look
from pipelines.audit.messages.compare import Unknown, chosen, texts_of, unknown_messages
from pipelines.audit.messages.known import Audience
from pipelines.audit.messages.lake import Texts, staged_texts, whole_traces
from pipelines.audit.rows.case import Case, counted
from pipelines.audit.rows.judge import judge
from pipelines.audit.text.looked import Looked as Scan
from pipelines.stage import Place
from schemas.trace import CHANNELS

CERTIFICATE = "certificate.json"
TESTS = 12  # that may be made of how messages differ
NAME_CHARS = 40  # of a name that are told
LEFT = 0.9  # share of a channel's characters below which some of it is left out
MOSTLY = 0.5  # share of rows from which on texts are written in another way, rather than changed here and there
HIDDEN = ("reasoning", "memory")  # channels that graders never see
SAYS: dict[Kind, str] = {
    "respaced": "the lake's words, with other blanks, marks or capitals, or put together in another way",
    "shortened": "the lake's words, some of them left out",
    "template": "the lake's words, and others that many rows share",
    "changed": "words that their trace has not, or not in this order",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the comparison needs beside the rows: the lake, where to stage, and how to run."""

    lake: str
    staging: Place
    workers: int
    beam_args: Sequence[str]
    id_column: str | None


def audience_of(files: Sequence[CorpusFile], declared: str | None) -> Audience:
    """For whom a corpus is: as declared, else as the certificate of an export among its files says."""
    for file in files:
        if file.beside and file.name.rpartition("/")[2] == CERTIFICATE:
            try:
                with open(file.path, "rb") as stream:
                    settings = json.load(stream)["settings"]
                said = str(declared or settings["audience"])
                return Audience(said, tuple(settings["arguments"]), bool(settings["plain_actions"]))
            except (OSError, ValueError, KeyError, TypeError):  # the check of certificates says so
                continue
    return Audience(declared)


def lake_texts(case: Case, con: duckdb.DuckDBPyConnection, audience: Audience, asked: Asked) -> list[Texts]:
    """The digests of the lake's texts; none are read for rows that hold no messages."""
    if case.table["messages"].null_count == case.table.num_rows:
        return []
    return list(staged_texts(con, asked.lake, audience, asked.staging, asked.workers, asked.beam_args))


def message_findings(
    case: Case,
    scan: Scan,
    con: duckdb.DuckDBPyConnection,
    audience: Audience,
    asked: Asked,
    known: Sequence[Texts],
) -> list[Finding]:
    """Findings of the check `text`, by how a message differs."""
    spoken = case.table["messages"]
    if spoken.null_count == len(spoken):
        return [Finding("text", "L1", "not_assessed", "messages", "The rows hold no messages that could be compared.")]
    unknown = unknown_messages(case, known)
    found = [*_lost(unknown), *_moved(case, unknown), *_named(case, unknown)]
    if not audience.blind:  # graders are shown a part of each trace, by a policy
        found += _left_out(case, unknown)
    if not len(unknown.rows):
        return [*found, Finding("text", "L1", "not_identifiable", "messages", "No row's trace is in the lake.")]
    if not len(unknown.row):
        says = f"Every message of {counted(len(unknown.rows), 'row')} is, word for word, a text of its trace."
        return [*found, Finding("text", "L1", "none_found", "messages", says, len(unknown.rows))]
    rows = chosen(unknown, case)
    worst = kinds(_looked(case, scan, con, unknown, rows, asked), len(rows))
    different = len(np.unique(unknown.row))
    if len(worst) < different:
        says = f"{counted(different, 'row has', 'rows have')} messages that are no text of their trace, as they stand; "
        says += f"{len(worst):,} of them were looked at word by word, the others not."
        found.append(Finding("text", "L1", "not_assessed", "rows not looked at", says, different - len(worst)))
    for kind in dict.fromkeys(worst.values()):
        at = np.array([row for row, mine in worst.items() if mine == kind], np.int64)
        share = len(at) / max(len(worst), 1) * different / len(unknown.rows)
        found.append(_said(case, kind, np.sort(at), share, unknown))
    return found


def _lost(unknown: Unknown) -> Iterator[Finding]:
    if unknown.lost:
        says = f"The traces of {counted(unknown.lost, 'row')} are not in the lake as they were, so theirs is unknown."
        yield Finding("text", "L1", "not_assessed", "traces gone", says, unknown.lost)


def _moved(case: Case, unknown: Unknown) -> Iterator[Finding]:
    if len(unknown.moved):
        says = "the lake's texts, in another order than its steps"
        yield _tested(case, "messages in another order", says, unknown.moved, unknown.rows)


def _named(case: Case, unknown: Unknown) -> Iterator[Finding]:
    """Names that messages bear and their traces do not: a chat template puts them into what trains."""
    if len(unknown.named) > TESTS:
        says = f"Messages bear {len(unknown.named):,} names that no step of their trace has: too many to look at each."
        rows = np.unique(np.concatenate(list(unknown.named.values())))
        yield Finding("text", "L1", "not_identifiable", "names", says, len(rows))
        return
    for name, rows in sorted(unknown.named.items()):
        what = f"a message named {name[:NAME_CHARS]!r}, as no step of their trace is"
        yield _tested(case, f"name {name[:NAME_CHARS]}", what, rows, unknown.rows)


def _left_out(case: Case, unknown: Unknown) -> Iterator[Finding]:
    """Channels of a trace that are in some rows and not in others."""
    column = case.table["messages"].combine_chunks().take(pa.array(unknown.rows))
    flat = column.flatten()
    channel = np.array(flat.field("channel").to_pylist(), dtype=object)
    chars = flat.field("chars").to_numpy(zero_copy_only=False)
    counts = np.diff(column.offsets.to_numpy())
    row = np.repeat(np.arange(len(counts)), counts)
    trace = case.joined.trace[unknown.rows]
    for name in CHANNELS:
        there = np.bincount(row[channel == name], chars[channel == name], minlength=len(counts))
        has = case.pop.chars[name][trace] > 0
        less = has & (there < LEFT * case.pop.chars[name][trace])
        if less.any() and not less[has].all():
            says = f"less {name} than their trace has, where others have it whole"
            yield _tested(case, f"{name} left out", says, unknown.rows[less], unknown.rows[has])


def _tested(case: Case, subject: str, what: str, at: np.ndarray, rows: np.ndarray) -> Finding:
    """Rows (of the table) that differ, among `rows` that could: no leak by itself, but it may be tied to alerts."""
    differs, among = np.zeros((2, len(case.pop)), bool)
    differs[case.joined.trace[at]] = True
    among[case.joined.trace[rows]] = True
    flagged = int((differs & case.pop.flagged).sum())
    told = f"{counted(len(at), 'row holds', 'rows hold')} {what}; {flagged:,} of them are flagged"
    told += f", of all {case.pop.flagged[among].mean():.1%}."
    if differs[among].all():
        says = f"{told} All rows are so, and nothing tells one from another."
        return Finding("text", "L1", "none_found", subject, says, len(at))
    judged = judge(case, ~differs, among, among, case.level("text", TESTS))
    finding = judged.finding("text", "L1", subject, told, rows=len(at), examples=case.rows(np.sort(at), subject))
    if judged.verdict == "associated_unexplained":
        exact = bool(case.pop.flagged[differs].all() or differs[among & case.pop.flagged].all())
        told += " They are tied to the alerts."
        return replace(finding, verdict="leak" if exact else finding.verdict, says=told)
    if judged.why:
        return replace(finding, says=f"{told} Whether that is tied to the alerts cannot be told: {judged.why}.")
    return finding


def _looked(
    case: Case, scan: Scan, con: duckdb.DuckDBPyConnection, unknown: Unknown, rows: np.ndarray, asked: Asked
) -> Iterator[Looked]:
    """The messages of the chosen rows that differ, each beside its trace."""
    places: dict[int, set[int]] = {}
    for row, place in zip(unknown.row.tolist(), unknown.place.tolist(), strict=True):
        places.setdefault(row, set()).add(place)
    position = case.joined.position.astype(np.int64)
    row_at = {int(position[r]): int(r) for r in rows.tolist()}
    of_trace: dict[str, list[tuple[int, str]]] = {}
    for at, spoken in texts_of(scan, np.sort(position[rows]), asked.id_column):
        row = row_at[at]
        key = str(case.pop.key[case.joined.trace[row]])
        mine = [m.text for i, m in enumerate(spoken) if i in places[row]]
        of_trace.setdefault(key, []).extend((row, text) for text in mine)
    for key, steps in whole_traces(con, asked.lake, list(of_trace)):
        texts = [str(part) for step in steps for part in (step["name"], step["text"]) if part]
        for row, text in of_trace[key]:
            yield look(row, text, texts)


def _said(case: Case, kind: Kind, at: np.ndarray, share: float, unknown: Unknown) -> Finding:
    """One kind of difference: named where it is a change, and tested against the alerts whatever it is."""
    finding = _tested(case, f"text {kind}", SAYS[kind], at, unknown.rows)
    if kind != "changed" or (case.declared is not None and case.declared.rewritten):
        return finding
    if share <= MOSTLY:
        return replace(finding, verdict="leak", subject="text changed", explained_by=None)
    if finding.verdict in ("leak", "associated_unexplained"):
        return finding
    says = f"{finding.says} Texts are written in a way that nobody declared, and were not compared further."
    return replace(finding, verdict="not_identifiable", says=says, margin=None)


def shown_findings(case: Case, audience: Audience) -> list[Finding]:
    """Of a corpus for graders: messages that are reasoning by their channel. What is so by its words, payloads say."""
    if not audience.blind:
        return []
    column = case.table["messages"].combine_chunks()
    rows = np.repeat(np.arange(len(column)), np.array([len(m or ()) for m in column.to_pylist()], np.int64))
    channels = np.array(column.flatten().field("channel").to_pylist(), dtype=object)
    chars = column.flatten().field("chars").to_numpy(zero_copy_only=False)
    at = np.unique(rows[np.isin(channels, HIDDEN) & (chars > 0)])
    if not len(at):
        says = f"No message of this corpus, which is for {audience.name}, is reasoning or memory by its channel."
        return [Finding("payload", "L0", "none_found", "channels", says, len(column))]
    says = f"{counted(len(at), 'row shows', 'rows show')} reasoning, in a corpus that is for {audience.name}."
    return [Finding("payload", "L0", "leak", "channels", says, len(at), case.rows(at, "reasoning is shown"))]
