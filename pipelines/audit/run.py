"""One audit, from the corpus' bytes to a report in the store: what `cotmonitor audit` calls."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace

from pipelines.audit.asked import Asked, look_at
from pipelines.audit.checks import check
from pipelines.audit.history import CorpusPrint, Spending, alone, corpus_print, question, spend, stamps
from pipelines.audit.page import page
from pipelines.audit.report import FOLDER, AuditSummary, as_json, canary, ordered, write
from pipelines.audit.settings import AuditSettings
from pipelines.stage import Place
from schemas.errors import CotmonitorError
from schemas.results import AUDITS
from schemas.version import VERSION


def audit_corpus(
    settings: AuditSettings, beam_args: Sequence[str] = (), quiet: bool = False, dry_run: bool = False
) -> AuditSummary:
    """Audit one corpus; the summary's `refused` is what an exit code of 3 says.

    Raises a `CotmonitorError` for every failure that has words. One that failed or was interrupted has spent nothing
    and left nothing.
    """
    begun = time.monotonic()
    if beam_args:
        from pipelines.runner import options

        options(1, beam_args)  # said before anything is read
    asked = look_at(settings, write=not dry_run)
    before = stamps(asked.files)
    corpus = corpus_print(asked.place, asked.files)
    audit_id = question(settings, corpus, asked.store.contents(), asked.given, VERSION)
    if dry_run:
        return _summary(audit_id, "dry_run", corpus, settings, _spending(asked, corpus, audit_id))
    with alone(asked.store.path / FOLDER, corpus):
        spending = _spending(asked, corpus, audit_id)
        place = Place(str(asked.store.path), audit_id)
        shutil.rmtree(place.folder, ignore_errors=True)  # of one that was killed
        try:
            checked = check(asked, corpus, spending.alpha, place, beam_args, quiet)
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)
        if stamps(asked.files) != before:
            raise CotmonitorError(
                f"{corpus.place}: changed while it was audited. Nothing was recorded; audit it again."
            )
        summary = replace(
            _summary(audit_id, "done", corpus, settings, spending),
            rows=checked.rows,
            findings=ordered(checked.findings),
            seconds=time.monotonic() - begun,
            report=str(asked.store.path / FOLDER / audit_id),
        )
        _record(asked, summary)
    return summary


def _spending(asked: Asked, corpus: CorpusPrint, audit_id: str) -> Spending:
    with asked.store.connect() as con:
        return spend(con, corpus, audit_id, asked.settings.alpha)


def _summary(
    audit_id: str, status: str, corpus: CorpusPrint, settings: AuditSettings, spending: Spending
) -> AuditSummary:
    return AuditSummary(
        audit_id=audit_id,
        status=status,
        corpus=corpus.place,
        corpus_digest=corpus.digest,
        files=corpus.files,
        rows=0,
        nbytes=corpus.nbytes,
        nth=spending.nth,
        alpha_total=settings.alpha,
        alpha=spending.alpha,
        asked_before=spending.asked_before,
    )


def _record(asked: Asked, summary: AuditSummary) -> None:
    """The row first and then the report: nobody may read an answer that was not paid for."""
    settings = asked.settings.model_dump(mode="json")
    pages = {"report.html": page(summary, settings), "report.json": as_json(summary, settings)}
    asked.store.append_audit(
        {
            "audit_id": summary.audit_id,
            "corpus": summary.corpus,
            "corpus_digest": summary.corpus_digest,
            "files": summary.files,
            "rows": summary.rows,
            "bytes": summary.nbytes,
            "nth": summary.nth,
            "alpha_total": summary.alpha_total,
            "alpha_spent": summary.alpha,
            "min_level": asked.settings.min_level,
            "refused": summary.refused,
            **{str(verdict): count for verdict, count in summary.counts.items()},
            "settings": json.dumps(settings, sort_keys=True),
            "report": f"{FOLDER}/{summary.audit_id}",
            "code_version": VERSION,
            "seconds": summary.seconds,
            "canary": canary(summary.audit_id),
            "schema_version": AUDITS.version,
        }
    )
    write(asked.store, summary.audit_id, pages, asked.report)
