"""The last question before an export is published: does what was staged keep to the contracts?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.canaries import SelfTest, schema_bytes, self_test, table_bytes
from pipelines.export import declassify
from pipelines.export.asked import Asked
from pipelines.export.checked import Verified
from pipelines.export.masking.tokens import TokenReport
from pipelines.export.papers.dead import Dead
from pipelines.export.papers.publish import contracts_page
from pipelines.export.shard import StagedFile
from pipelines.export.verify import READ_ROWS
from pipelines.guard import Guard
from schemas.contracts.checker import Checker
from schemas.contracts.export import ExportedFile, ExportLimits, ExportStaged, compute_metrics, promises
from schemas.contracts.page import Words, page
from schemas.contracts.report import Report
from schemas.errors import CotmonitorError, FirewallError, GateError

REASONS = 5  # of dead letters that are told, each with the first letter as an example


TOKENS = {
    "outside": "tokens that train beyond the masks",
    "missed": "tokens within the masks that do not train",
    "all_ones": "rows in which every token trains",
    "not_restored": "messages that the tokenizer does not give back",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the lake: what became of its rows, and what another reader found in its shard."""

    staged: StagedFile
    verified: Verified


def tokens_of(found: Sequence[Found]) -> TokenReport | None:
    """What the tokenizer found in all files; None where none was given."""
    reports = [f.verified.tokens for f in found if f.verified.tokens is not None]
    return sum(reports, TokenReport()) if reports else None


def controls(guard: Guard, folder: Path) -> SelfTest:
    """Plant canaries in every disguise and find them again with the reader of staged files.

    Raises ControlMissed if one is missed: a filter that is silently off is how labs failed.
    """

    def texts(path: Path) -> Iterator[memoryview]:
        with guard.open(path) as source:
            file = pq.ParquetFile(source, pre_buffer=False)
            yield from (data for _, data in schema_bytes(file.schema_arrow))
            for batch in file.iter_batches(READ_ROWS, use_threads=False):
                yield from (data for _, data in table_bytes(batch))

    return self_test({"parquet": texts}, folder)


def gate(
    asked: Asked,
    listed: int,
    found: Sequence[Found],
    tested: SelfTest,
    dead: Mapping[str, Dead],
    checker: Checker,
) -> Report:
    """Hold all that was staged to the contracts.

    Raises GateError with figures if one is broken, and leaves a page beside the place where the export would lie; and
    FirewallError for a declassified text that no row holds.
    """
    blind = asked.rows.policy.blind
    let_through = frozenset(
        (kind, text) for kind, _, text in (d.flow.partition(":") for d in asked.settings.declassify)
    )
    files = tuple(_file(f) for f in found)
    made = {"rows in which every character trains": sum(f.staged.counts.all_ones for f in found)}
    tokens = tokens_of(found)
    if tokens is not None:
        made |= {says: getattr(tokens, name) for name, says in TOKENS.items()}
    planted, seen = (sum(counts.values()) for counts in (tested.planted, tested.found))
    staged = ExportStaged(files, listed, blind, asked.key is not None, planted, seen, let_through, made)
    limits = ExportLimits(asked.settings.max_dead_letter_ratio)
    metrics, promised = compute_metrics(staged), promises(limits)
    report = checker.check(metrics, promised)
    if report.failed:
        words = Words(
            f"the export to {asked.target.name}",
            "the export before anything is published",
            "a flag",
            {"--max-dead-letter-ratio": limits.max_dead_letter_ratio},
            pages=False,
        )
        rotten = any(r.metric == "dead_letter_ratio" for r in report.failed)
        told = [report.explain(), *(_why_dead(dead) if rotten else [])]
        raise GateError("\n".join([*told, *_paged(asked.target, page(report, metrics, promised, words))]))
    _check_use(asked, found)
    return report


def _file(found: Found) -> ExportedFile:
    file, verified = found.staged, found.verified
    # a file that is a dead letter as a whole counts as a row, even if it holds none
    source_rows = verified.source_rows if file.opened or verified.source_rows else None
    return ExportedFile(
        file.name, source_rows, file.rows, file.kept, sum(file.left_out), file.replicas, file.dead, verified.check
    )


def _check_use(asked: Asked, found: Sequence[Found]) -> None:
    checks = [f.verified.check for f in found]
    if any(c.more_canaries or c.more_ids for c in checks):
        return  # more than are told: nobody can say that one is not there
    held = [("canary", text) for c in checks for text in c.canaries] + [("id", text) for c in checks for text in c.ids]
    faults = declassify.unneeded(asked.settings.declassify, held)
    if faults:
        raise FirewallError(faults)


def _paged(target: Path, html: str) -> Iterator[str]:
    """Leave the page beside the export that is not there, and say where."""
    path = contracts_page(target)
    try:
        Guard().write(path, html.encode())
    except CotmonitorError as error:  # the verdict stands without its page
        yield str(error)
    else:
        yield f"All figures: {path}"


def _why_dead(dead: Mapping[str, Dead]) -> Iterator[str]:
    """The commonest reasons, each with one letter as an example: what to mend before another try."""
    yield "Why rows are dead letters, and the first of each kind:"
    ordered = sorted(dead.items(), key=lambda pair: (-pair[1].rows, pair[0]))
    yield from (f"  {d.rows:,} x {reason}: {d.first}" for reason, d in ordered[:REASONS])
    if len(ordered) > REASONS:
        yield f"  and {len(ordered) - REASONS} more kinds"
