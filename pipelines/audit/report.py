"""What an audit found, as a value and as JSON; `pipelines.audit.page` makes a page of it.

A report names rows of training data and the alerts behind them, so it belongs to the store, and carries its canary.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.audit.finding import CHECKS, VERDICTS, Finding, Verdict
from pipelines.store import TABLES, Store
from pipelines.store.marker import failed_write, publish
from schemas.canary import CANARY
from schemas.errors import Fault, FirewallError, InputError

BAD: tuple[Verdict, ...] = ("leak", "associated_unexplained")
UNKNOWN: tuple[Verdict, ...] = ("not_identifiable", "not_assessed")
# for a reader: what is wrong, then what nobody knows, then what is well
WORST_FIRST: tuple[Verdict, ...] = (*BAD, *UNKNOWN, "associated_explained", "none_found")
MEANS: dict[Verdict, str] = {
    "leak": "certain: the row, the value or the text itself shows it",
    "associated_unexplained": "tied to the alerts beyond chance, and nothing that was known before the monitors "
    "accounts for it",
    "associated_explained": "tied to the alerts beyond chance, and something that was known before the monitors "
    "accounts for it",
    "none_found": "looked at, and nothing found",
    "not_identifiable": "looked at, but what is there could not tell a leak from none",
    "not_assessed": "not looked at, and the finding says why",
}
FOLDER = "_audits"  # of the store
ENDINGS = (".html", ".json")


@dataclass(frozen=True)
class AuditSummary:
    """One audit: of what, at what price, and what it says, the worst first."""

    audit_id: str
    status: str  # done, dry_run
    corpus: str
    corpus_digest: str
    files: int
    rows: int
    nbytes: int
    nth: int
    alpha_total: float
    alpha: float
    asked_before: bool
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    report: str | None = None

    @property
    def refused(self) -> bool:
        return any(is_bad(f) for f in self.findings)

    @property
    def counts(self) -> dict[Verdict, int]:
        """Findings by verdict, every verdict named."""
        found = Counter(f.verdict for f in self.findings)
        return {v: found[v] for v in VERDICTS}


def is_bad(finding: Finding) -> bool:
    """Whether the audit says no because of it. A broken certificate is no leak, but nothing can be trusted after it."""
    return finding.verdict in BAD or is_broken(finding)


def is_broken(finding: Finding) -> bool:
    """Whether it says that a certificate does not hold."""
    return finding.check == "certificate" and finding.verdict == "not_identifiable"


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, and alike ones in the order in which an audit makes its checks."""
    return tuple(
        sorted(
            findings,
            key=lambda f: (not is_broken(f), WORST_FIRST.index(f.verdict), CHECKS.index(f.check), -f.rows, f.subject),
        )
    )


def verdict_words(finding: Finding) -> str:
    """The verdict as the docs spell it.

    >>> verdict_words(Finding("inclusion", "L2", "associated_explained", "rows", "", explained_by="length"))
    'associated, explained by length'
    """
    if is_broken(finding):
        return "broken"
    if finding.verdict == "associated_explained":
        return f"associated, explained by {finding.explained_by or 'what the finding says'}"
    if finding.verdict == "none_found" and finding.margin is not None:
        return f"none found; an odds ratio of {number(finding.margin)} would have been seen"
    return {"associated_unexplained": "associated, unexplained"}.get(finding.verdict, finding.verdict.replace("_", " "))


def told(finding: Finding) -> str:
    """What it says, as a sentence.

    >>> told(Finding("payload", "L0", "not_assessed", "payloads", "nobody asked"))
    'Nobody asked.'
    """
    text = finding.says.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def number(value: float) -> str:
    """Three digits, and no more precision than there is.

    >>> number(1.23456), number(float("inf")), number(0.00004)
    ('1.23', '∞', '4e-05')
    """
    return ("−∞" if value < 0 else "∞") if math.isinf(value) else f"{value:.3g}"


def interval(finding: Finding) -> str:
    """The odds ratio with its interval, or nothing.

    >>> interval(Finding("inclusion", "L2", "leak", "rows", "", estimate=2.5, low=1.5, high=4.0))
    '2.5 (1.5 to 4)'
    """
    if finding.estimate is None:
        return ""
    if finding.low is None or finding.high is None:
        return number(finding.estimate)
    return f"{number(finding.estimate)} ({number(finding.low)} to {number(finding.high)})"


def canary(audit_id: str) -> str:
    return f"{CANARY}:audit:{audit_id}"


def as_plain(summary: AuditSummary) -> dict[str, Any]:
    """The summary as JSON has it, its findings with their rows."""
    counts = {"refused": summary.refused, "counts": summary.counts}
    return {k: _finite(v) for k, v in {**asdict(summary), **counts}.items()}


def as_json(summary: AuditSummary, settings: dict[str, object]) -> str:
    """The whole report, rows named, with its canary."""
    body = {"canary": canary(summary.audit_id), **as_plain(summary), "settings": settings}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _finite(value: object) -> object:
    """As JSON has it, which knows no infinity."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_place(store: Store, report: Path, corpus: Sequence[str]) -> Path:
    """Where `--report` leads, links resolved; raises `FirewallError` unless that is the store's own side.

    `corpus` are the paths of the corpus. A report beside a corpus would be the very leak that an audit looks for.
    """
    given = str(report)
    if report.suffix.lower() not in ENDINGS:
        raise InputError([Fault("--report", None, f"{given} ends in neither {' nor '.join(ENDINGS)}", "rename it")])
    place = Path(os.path.realpath(os.path.expanduser(given)))
    root = Path(os.path.realpath(store.path))
    for path in corpus:
        folder = Path(os.path.realpath(path))
        if place.is_relative_to(folder) or place.parent == folder.parent or folder.is_relative_to(place.parent):
            what = f"{given} would lie in, above or beside the corpus {path}: a report names rows and alerts, so it"
            raise FirewallError([Fault("--report", None, f"{what} must not come near training data", _inside(root))])
    if not place.is_relative_to(root):
        what = f"{given} lies outside the store: a report names rows and alerts, so it stays on the store's side"
        raise FirewallError([Fault("--report", None, what, _inside(root))])
    first = place.relative_to(root).parts[0]
    if first in TABLES or first in ("_staging", "_views", "_docs") or place.is_dir():
        raise InputError([Fault("--report", None, f"{given} is a place that the store itself uses", _inside(root))])
    if place.exists() and f"{CANARY}:audit:" not in place.read_bytes()[:4_096].decode("utf-8", "replace"):
        raise InputError([Fault("--report", None, f"{given} exists and is no report", "give another name")])
    if not place.parent.is_dir():
        raise InputError([Fault("--report", None, f"{place.parent}: there is no such folder", "make it first")])
    return place


def check_home(store: Store) -> None:
    """Raises `FirewallError` if the store's folder for reports leads out of it, where a report could meet training."""
    home = store.path / FOLDER
    root = Path(os.path.realpath(store.path))
    if not Path(os.path.realpath(home)).is_relative_to(root):
        what = f"{home} is a link that leads out of the store"
        raise FirewallError([Fault("--store", None, what, "make it a folder of the store's own")])


def _inside(root: Path) -> str:
    return f"give a file in {root / FOLDER}, or leave --report out: one is written there anyway"


def write(store: Store, audit_id: str, pages: dict[str, str], copy: Path | None) -> Path:
    """The report's folder in the store with its pages in it, and one of them at `copy` too, chosen by its ending."""
    folder = store.path / FOLDER / audit_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            publish(folder / name, text.encode("utf-8", "replace"))
        if copy is not None:
            publish(copy, pages[f"report{copy.suffix.lower()}"].encode("utf-8", "replace"))
    except OSError as error:
        raise failed_write(Path(error.filename or folder), error) from error
    return folder
