"""The last question before a run commits: does what was staged keep to the contracts?"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipelines.store.connect import literal, unglobbed
from schemas.contracts.checker import Checker, check
from schemas.contracts.page import Words, page
from schemas.contracts.report import Report
from schemas.contracts.run import ContractSettings, Staged, compute_metrics, promises

LOG = logging.getLogger(__name__)
BEFORE = "the run before anything is committed"


def gate(
    staged: Staged,
    settings: ContractSettings,
    docs_dir: Path,
    *,
    checker: Checker | None = None,
    spill: Path | None = None,
) -> Report:
    """Check everything staged and write the page that shows it, whether all is well or not; the caller decides.

    Pass a `Checker` started with the pipeline, so that importing great_expectations costs no time here. `spill` is an
    existing folder for what does not fit in memory.

        report = gate(staged, job.contracts, store.path / "_docs" / run_id, checker=checker)
        if report.failed:
            raise GateError(report.explain())
    """
    metrics = compute_metrics(staged, settings, spill=spill)
    promised = promises(settings, metrics.traces)
    report = (checker.check if checker else check)(metrics, promised, docs_dir)
    words = Words(docs_dir.name, BEFORE, "under contracts: in the job file", settings.model_dump())
    index = docs_dir / "index.html"
    try:
        docs_dir.mkdir(parents=True, exist_ok=True)
        index.write_text(page(report, metrics, promised, words), encoding="utf-8")
    except OSError as error:  # the verdict stands without its page
        LOG.warning("the contracts' page could not be written to %s: %s", index, error)
        return report
    return dataclasses.replace(report, docs=str(index))


def why_dead(files: Sequence[str], most: int = 5) -> str:
    """The commonest reasons in staged dead letters, each with one letter as an example: what to mend before a rerun."""
    if not files:
        return ""
    paths = ", ".join(literal(unglobbed(path)) for path in files)
    query = f"""SELECT reason, sum("rows"), arg_min(file, (file, "row")), arg_min("row", (file, "row")),
                       arg_min(message, (file, "row"))
                FROM read_parquet([{paths}], hive_partitioning = false) GROUP BY reason ORDER BY 2 DESC, 1"""
    with duckdb.connect() as con:
        reasons = con.execute(query).fetchall()
    lines = ["Why rows are dead letters, and the first of each kind:"]
    for reason, rows, file, row, message in reasons[:most]:
        place = file if row is None else f"{file}, row {row}"
        first = message if message.startswith(file) else f"{place}: {message}"
        lines.append(f"  {rows:,} x {reason}: {first.splitlines()[0]}")
    if len(reasons) > most:
        lines.append(f"  and {len(reasons) - most} more kinds")
    return "\n".join(lines)
