"""The contracts of a run: which figure of which staged table must lie between which bounds, and in whose words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from schemas.contracts.promise import Promise, column_promises
from schemas.contracts.report import CRITICAL, WARNING
from schemas.contracts.run.settings import ContractSettings
from schemas.ledger import DEAD_LETTERS
from schemas.results import ALERTS, ASSESSMENTS
from schemas.table import Table
from schemas.trace import TRACES

TABLES: Mapping[str, Table] = {t.name: t for t in (TRACES, ASSESSMENTS, ALERTS, DEAD_LETTERS)}
ACCOUNTING = "accounting"
ROW_CHECKS = "row_checks"
FRAMES = (*TABLES, ACCOUNTING, ROW_CHECKS)


def promises(settings: ContractSettings, traces: int | None = None) -> tuple[Promise, ...]:
    """Every promise, in the order of the report. With few `traces`, the shares of them only warn."""
    few = traces is not None and traces < settings.min_rows_for_shares
    share = WARNING if few else CRITICAL
    found: list[Promise] = []
    for table in TABLES.values():
        found += column_promises(table)
    found += [
        Promise("traces", "repeated_keys", "each (file, row_group, row) is one trace"),
        Promise("traces", "rows_of_unplanned_files", "each trace comes from a file that was planned"),
        Promise(
            "traces",
            "share_without_reasoning",
            "traces have reasoning or actions to look at",
            None,
            settings.max_share_without_reasoning,
            share,
            "max_share_without_reasoning",
        ),
        Promise(
            "traces",
            "share_without_thoughts",
            "traces have reasoning to look at",
            None,
            settings.warn_share_without_reasoning,
            WARNING,
            "warn_share_without_reasoning",
        ),
        Promise("assessments", "repeated_keys", "each (file, row_group, row, monitor) is assessed once"),
        Promise("assessments", "traces_without_assessment", "each trace has an assessment by each monitor"),
        Promise("assessments", "assessments_without_trace", "each assessment is of a trace"),
        Promise("assessments", "rows_of_unplanned_files", "each assessment is of a file planned for its monitor"),
        Promise("assessments", "rows_of_unknown_monitors", "each assessment is by a monitor of this run"),
        Promise("assessments", "unexplained", "what is not assessed has a reason and no score"),
        Promise(
            "assessments",
            "share_not_assessed",
            "each monitor could look at some traces",
            None,
            settings.max_share_not_assessed,
            share,
            "max_share_not_assessed",
        ),
        Promise("alerts", "repeated_keys", "each (file, row_group, row, monitor, behaviour) alerts once"),
        Promise("alerts", "shared_alert_ids", "an alert_id belongs to one trace, monitor and behaviour"),
        Promise("alerts", "split_findings", "a trace, monitor and behaviour have one alert_id"),
        Promise("alerts", "category_disagrees", "the category is the behaviour's own"),
        Promise("alerts", "alerts_without_assessment", "each alert has an assessment in state `assessed`"),
        Promise("alerts", "below_threshold", "each alert's score reaches its threshold"),
        Promise("alerts", "rows_without_canary", "each alert carries the canary"),
        Promise(
            "alerts",
            "alert_rate_to_median",
            "alerts per row are like those of recent runs (else: a night of false alarms, or a night to read closely)",
            None,
            settings.max_alert_rate_ratio,
            WARNING,
            "max_alert_rate_ratio",
        ),
        Promise(ACCOUNTING, "unaccounted_rows", "rows read = traces + dead rows, in each file and in total"),
        Promise(
            ACCOUNTING,
            "dead_letter_ratio",
            "few input rows are dead letters",
            None,
            settings.max_dead_letter_ratio,
            CRITICAL,
            "max_dead_letter_ratio",
        ),
        Promise(
            ACCOUNTING,
            "rows_to_median",
            "the volume is like that of recent runs",
            settings.min_volume_ratio,
            settings.max_volume_ratio,
            WARNING,
            "min_volume_ratio or max_volume_ratio",
        ),
        Promise(ROW_CHECKS, "rows", "no row broke a check that was made on the way"),
    ]
    found = [replace(p, allow=_allow(p.setting)) if p.setting else p for p in found]
    order = {name: i for i, name in enumerate(FRAMES)}
    if settings.warnings_fail:
        found = [replace(p, severity=CRITICAL) for p in found]
    return tuple(sorted(found, key=lambda p: order[p.table]))


def _allow(setting: str) -> str:
    flag = " (or give --max-dead-letter-ratio)" if setting == "max_dead_letter_ratio" else ""
    return f"set contracts.{setting} in the job file{flag}"
