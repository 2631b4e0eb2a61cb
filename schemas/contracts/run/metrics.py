"""Figures over the staged tables, by DuckDB: bounded memory, one small frame per table."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb

from schemas.behaviours import BEHAVIOURS
from schemas.canary import CANARY
from schemas.contracts.columns import column_checks, has_columns, text
from schemas.contracts.promise import Metrics, Row
from schemas.contracts.run.promises import ACCOUNTING, ROW_CHECKS, TABLES
from schemas.contracts.run.settings import ContractSettings
from schemas.contracts.run.staged import RECENT_RUNS, Staged
from schemas.ledger import INGEST
from schemas.table import Table

MEMORY_LIMIT = "512MB"  # beyond it DuckDB spills; keys of 10 million traces and 2 monitors fit
# a judge reads what it is asked to; what its policy or budget leaves out says nothing about its eyes
_ASKED = "reason IS NULL OR reason NOT IN ('not_escalated', 'over_budget')"
WORST_FILES = 20  # files named in the accounting; the total covers the others


@dataclass(frozen=True, slots=True)
class RunMetrics(Metrics):
    """The figures of a run, and how many traces the shares among them are of."""

    traces: int


def compute_metrics(
    staged: Staged,
    settings: ContractSettings | None = None,
    *,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
    spill: Path | None = None,
) -> RunMetrics:
    """Every figure the promises speak of; memory stays under `memory_limit` whatever the number of rows."""
    settings = settings or ContractSettings()
    with tempfile.TemporaryDirectory(prefix="contracts-", dir=spill) as folder:
        con = duckdb.connect(
            config={"memory_limit": memory_limit, "temp_directory": folder, "preserve_insertion_order": False}
        )
        try:
            con.execute(f"SET threads = {threads or min(4, os.cpu_count() or 1)}").fetchall()
            return _Figures(con, staged, settings).all()
        finally:
            con.close()


class _Figures:
    """The queries of one run, over views with the tables' names."""

    def __init__(self, con: duckdb.DuckDBPyConnection, staged: Staged, settings: ContractSettings) -> None:
        self.con = con
        self.staged = staged
        self.settings = settings
        self.skipped: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self.asked = 0  # the most assessments that one monitor was to make
        self.frames: dict[str, list[Row]] = {}

    def all(self) -> RunMetrics:
        for table in TABLES.values():
            self.frames[table.name] = self._columns(table)
        self._plan()
        self._keys()
        self._traces()
        self._assessments()
        self._alerts()
        self.frames[ACCOUNTING] = self._accounting()
        checks = [{"about": name, "rows": count} for name, count in self.staged.violations.items()]
        self.frames[ROW_CHECKS] = checks or [{"about": "no check was handed in", "rows": 0}]
        return RunMetrics(self.frames, self.skipped, max(self.rows["traces"], self.asked))

    def _one(self, sql: str) -> Row:
        cursor = self.con.execute(sql)
        names = [d[0] for d in cursor.description or ()]
        return dict(zip(names, cursor.fetchall()[0], strict=True))

    def _columns(self, table: Table) -> list[Row]:
        """The first row of each frame is the table as a whole, then one row per column with a promise."""
        good, wrong = [], 0
        for path in self.staged.files.get(table.name, ()):
            if has_columns(path, table.arrow()):
                good.append(path)
            else:
                wrong += 1
        if good:
            listed = ", ".join(text(path) for path in good)
            self.con.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet([{listed}])").fetchall()
        else:
            self.con.register(table.name, table.arrow().empty_table())
        checks = {(c.name, metric): sql for c in table.columns for metric, sql in column_checks(c).items()}
        counts = [f'count(*) FILTER (WHERE {sql}) AS "{name} {metric}"' for (name, metric), sql in checks.items()]
        figures = self._one(f"SELECT count(*) AS rows, {', '.join(counts)} FROM {table.name}")
        self.rows[table.name] = figures["rows"]
        by_column: dict[str, Row] = {}
        for name, metric in checks:
            row = by_column.setdefault(name, {"about": f"column {name}"})
            row[metric] = figures[f"{name} {metric}"]
        return [{"about": "all rows", "rows": figures["rows"], "wrong_files": wrong}, *by_column.values()]

    def _plan(self) -> None:
        """`plan`: one row per planned file with a number, and which monitors run on it (m0, m1, ...; `ingest`)."""
        planned = self.staged.files_planned
        self.con.register("planned", planned)
        listed = "monitors" in planned.column_names
        runs = {"ingest": INGEST} | {f"m{i}": monitor for i, monitor in enumerate(self.staged.monitors)}
        flags = [
            f"{f'monitors IS NULL OR list_contains(monitors, {text(monitor)})' if listed else 'true'} AS {name}"
            for name, monitor in runs.items()
        ]
        known = "traces" if "traces" in planned.column_names else "NULL::BIGINT"
        self.con.execute(
            f"CREATE TEMP TABLE plan AS SELECT row_number() OVER () AS file_no, file, rows, {known} AS known_traces, "
            f"{', '.join(flags)} FROM planned"
        ).fetchall()

    def _keys(self) -> None:
        """One external aggregation over all keys, files by number, answers everything about who is there how often."""
        monitors = range(len(self.staged.monitors))
        whose = "CASE monitor " + " ".join(f"WHEN {text(m)} THEN {i}" for i, m in enumerate(self.staged.monitors))
        counts = ", ".join(f"count(*) FILTER (WHERE whose = {i}) AS a{i}" for i in monitors)
        figures = ["sum(greatest(t - 1, 0)) AS repeated_traces"]
        for i in monitors:
            figures += [
                f"sum(greatest(a{i} - 1, 0)) AS repeated_{i}",
                f"count(*) FILTER (WHERE m{i} AND ingest AND t > 0 AND a{i} = 0) AS missing_{i}",
                f"count(*) FILTER (WHERE m{i} AND ingest AND t = 0 AND a{i} > 0) AS orphans_{i}",
                f"sum(a{i}) FILTER (WHERE NOT m{i}) AS unplanned_{i}",
            ]
        union = "SELECT file_no, row_group, row, -1 AS whose FROM traces JOIN plan USING (file)"
        if self.staged.monitors:
            union += f" UNION ALL SELECT file_no, row_group, row, {whose} END FROM assessments JOIN plan USING (file)"
        self.keys = self._one(
            f"SELECT {', '.join(figures)} FROM ("
            f"SELECT file_no, row_group, row, count(*) FILTER (WHERE whose = -1) AS t{', ' if counts else ''}{counts} "
            f"FROM ({union}) GROUP BY file_no, row_group, row) JOIN plan USING (file_no)"
        )

    def _traces(self) -> None:
        share = self._one(
            "SELECT avg((reasoning_chars = 0 AND action_chars = 0)::INT) AS share, "
            "avg((reasoning_chars = 0)::INT) AS thoughtless, "
            "(SELECT count(*) FROM traces ANTI JOIN (SELECT file FROM plan WHERE ingest) USING (file)) AS unplanned "
            "FROM traces"
        )
        self.frames["traces"][0] |= {
            "repeated_keys": self.keys["repeated_traces"] or 0,
            "rows_of_unplanned_files": share["unplanned"],
            "share_without_reasoning": share["share"],
            "share_without_thoughts": share["thoughtless"],
        }
        if share["share"] is None:
            self.skipped["traces.share_without_reasoning"] = "no traces"
            self.skipped["traces.share_without_thoughts"] = "no traces"

    def _assessments(self) -> None:
        listed = ", ".join(text(m) for m in self.staged.monitors) or "NULL"
        whole = self._one(
            f"SELECT count(*) FILTER (WHERE monitor NOT IN ({listed})) AS rows_of_unknown_monitors, "
            "(SELECT count(*) FROM assessments ANTI JOIN plan USING (file)) AS unplanned, "
            "count(*) FILTER (WHERE state = 'not_assessed' AND (reason IS NULL OR score IS NOT NULL)) AS unexplained "
            "FROM assessments"
        )
        if not self.staged.monitors:
            whole["rows_of_unknown_monitors"] = self.rows["assessments"]
        unplanned = whole.pop("unplanned")
        self.frames["assessments"][0] |= whole | {"rows_of_unplanned_files": unplanned}
        for i, monitor in enumerate(self.staged.monitors):
            looked = self._one(
                f"SELECT count(*) AS rows, count(*) FILTER ({_ASKED}) AS asked, "
                f"avg((state = 'not_assessed')::INT) FILTER ({_ASKED}) AS share FROM assessments "
                f"WHERE monitor = {text(monitor)}"
            )
            self.asked = max(self.asked, looked["asked"])
            # Where the traces were committed by an earlier run there are no keys to join with, only their number.
            short = self._one(
                f"""WITH old AS (SELECT file, coalesce(known_traces, 0) AS traces FROM plan WHERE m{i} AND NOT ingest),
                         seen AS (SELECT file, count(DISTINCT (row_group, row)) AS n FROM assessments
                            SEMI JOIN old USING (file) WHERE monitor = {text(monitor)} GROUP BY file),
                         gaps AS (SELECT traces - coalesce(n, 0) AS gap FROM old LEFT JOIN seen USING (file))
                    SELECT coalesce(sum(gap) FILTER (WHERE gap > 0), 0)::BIGINT AS missing,
                        coalesce(-sum(gap) FILTER (WHERE gap < 0), 0)::BIGINT AS orphans FROM gaps"""
            )
            self.frames["assessments"].append(
                {
                    "about": f"monitor {monitor}",
                    "rows": looked["rows"],
                    "repeated_keys": self.keys[f"repeated_{i}"] or 0,
                    "traces_without_assessment": (self.keys[f"missing_{i}"] or 0) + short["missing"],
                    "assessments_without_trace": (self.keys[f"orphans_{i}"] or 0) + short["orphans"],
                    "rows_of_unplanned_files": self.keys[f"unplanned_{i}"] or 0,
                    "share_not_assessed": looked["share"],
                }
            )
        if not any(row.get("share_not_assessed") is not None for row in self.frames["assessments"]):
            self.skipped["assessments.share_not_assessed"] = "no assessments"
        if not self.staged.monitors:
            for metric in ("repeated_keys", "traces_without_assessment", "assessments_without_trace"):
                self.skipped[f"assessments.{metric}"] = "no monitors"

    def _alerts(self) -> None:
        categories = " ".join(f"WHEN {text(b.id)} THEN {text(b.category)}" for b in BEHAVIOURS.values())
        figures = self._one(
            f"""SELECT
            (SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM alerts
                GROUP BY file, row_group, row, monitor, behaviour)) AS repeated_keys,
            (SELECT count(*) FROM (SELECT alert_id FROM alerts GROUP BY alert_id
                HAVING count(DISTINCT (trace_key, monitor, behaviour)) > 1)) AS shared_alert_ids,
            (SELECT count(*) FROM (SELECT 1 FROM alerts GROUP BY trace_key, monitor, behaviour
                HAVING count(DISTINCT alert_id) > 1)) AS split_findings,
            (SELECT count(*) FROM alerts SEMI JOIN (SELECT * FROM assessments WHERE state = 'assessed')
                USING (file, row_group, row, monitor)) AS matched,
            count(*) FILTER (WHERE category <> CASE behaviour {categories} END) AS category_disagrees,
            count(*) FILTER (WHERE score < threshold) AS below_threshold,
            count(*) FILTER (WHERE NOT starts_with(canary, {text(CANARY)})) AS rows_without_canary
            FROM alerts"""
        )
        figures["repeated_keys"] = int(figures["repeated_keys"])
        figures["alerts_without_assessment"] = self.rows["alerts"] - figures.pop("matched")
        self.frames["alerts"][0] |= figures
        self.frames["alerts"].append({"about": "this run over recent runs", "alert_rate_to_median": self._alert_rate()})

    def _alert_rate(self) -> float | None:
        alerts, rows = self.rows["alerts"], self._planned_rows()
        past = [run for run in self.staged.history[:RECENT_RUNS] if run.rows > 0]
        if len(past) < self.settings.min_recent_runs:
            self.skipped["alerts.alert_rate_to_median"] = self._too_few(len(past))
        elif alerts <= self.settings.min_alerts_for_rate:
            self.skipped["alerts.alert_rate_to_median"] = f"{alerts} alerts, too few to compare"
        else:
            # A run without any alert counts as if it had one: nights of silence must not make every alert infinite.
            usual = median(max(run.alerts, 1) / run.rows for run in past)
            return alerts / max(rows, 1) / usual
        return None

    def _accounting(self) -> list[Row]:
        total = self._one("SELECT coalesce(sum(rows), 0)::BIGINT AS rows FROM plan WHERE ingest")
        by_file = self.con.execute(
            f"""WITH t AS (SELECT file, count(*) AS n FROM traces GROUP BY file),
                     d AS (SELECT file, sum(rows) AS n FROM dead_letters GROUP BY file),
                     books AS (
                        SELECT file, rows, coalesce(t.n, 0)::BIGINT AS traces, coalesce(d.n, 0)::BIGINT AS dead_rows
                        FROM plan LEFT JOIN t USING (file) LEFT JOIN d USING (file) WHERE ingest)
                SELECT file, rows, traces, dead_rows, rows - traces - dead_rows AS gap FROM books
                WHERE gap <> 0 ORDER BY abs(gap) DESC, file LIMIT {WORST_FILES}"""
        ).fetchall()
        dead = self._one("SELECT coalesce(sum(rows), 0)::BIGINT AS n FROM dead_letters")["n"]
        # what was left out because somebody asked for it says nothing of how well the night could be read
        lost = self._one("SELECT coalesce(sum(rows), 0)::BIGINT AS n FROM dead_letters WHERE reason <> 'forgotten'")[
            "n"
        ]
        figures: Row = {"about": "all files", **total, "traces": self.rows["traces"], "dead_rows": dead}
        figures["unaccounted_rows"] = figures["rows"] - figures["traces"] - dead
        figures["dead_letter_ratio"] = lost / figures["rows"] if figures["rows"] else None
        if not figures["rows"]:
            self.skipped["accounting.dead_letter_ratio"] = "no rows read"
        names = ("rows", "traces", "dead_rows", "unaccounted_rows")
        worst = [{"about": f"file {file}", **dict(zip(names, row, strict=True))} for file, *row in by_file]
        return [figures, *worst, {"about": "this run over recent runs", "rows_to_median": self._volume()}]

    def _volume(self) -> float | None:
        past = [run.rows for run in self.staged.history[:RECENT_RUNS]]
        if len(past) < self.settings.min_recent_runs:
            self.skipped["accounting.rows_to_median"] = self._too_few(len(past))
            return None
        return self._planned_rows() / max(median(past), 1)

    def _planned_rows(self) -> int:
        return int(self._one("SELECT coalesce(sum(rows), 0) AS rows FROM plan")["rows"])

    def _too_few(self, runs: int) -> str:
        return f"{runs} recent runs, {self.settings.min_recent_runs} needed"
