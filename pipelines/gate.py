"""The last question before a run commits: does what was staged keep to the contracts?"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from schemas.contracts import Checker, ContractSettings, Report, Staged, check, compute_metrics
from schemas.contracts.page import page

LOG = logging.getLogger(__name__)


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
    report = (checker.check if checker else check)(metrics, settings, docs_dir)
    index = docs_dir / "index.html"
    try:
        docs_dir.mkdir(parents=True, exist_ok=True)
        index.write_text(page(report, metrics, settings, docs_dir.name), encoding="utf-8")
    except OSError as error:  # the verdict stands without its page
        LOG.warning("the contracts' page could not be written to %s: %s", index, error)
        return report
    return dataclasses.replace(report, docs=str(index))
