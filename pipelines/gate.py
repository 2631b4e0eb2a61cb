"""The last question before a run commits: does what was staged keep to the contracts?"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from schemas.contracts import Checker, ContractSettings, Report, Staged, check, compute_metrics


def gate(
    staged: Staged,
    settings: ContractSettings,
    docs_dir: Path,
    *,
    checker: Checker | None = None,
    spill: Path | None = None,
) -> Report:
    """Check everything staged and write the page that shows it, whether all is well or not; the caller decides.

    Pass a `Checker` started with the pipeline, so that importing great_expectations costs no time here. `spill` is a
    folder for what does not fit in memory.
    """
    metrics = compute_metrics(staged, settings, spill=spill)
    docs_dir.mkdir(parents=True, exist_ok=True)
    report = (checker.check if checker else check)(metrics, settings, docs_dir)
    return dataclasses.replace(report, docs=str(docs_dir / "index.html"))
