"""The views that show the current truth, written once and rendered for DuckDB and for Spark.

Each lies beside this module as `<view>.sql`, in Spark's dialect with a few placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from monitors.fusion import shipped
from pipelines.store import literals
from schemas.calibrations import CALIBRATIONS
from schemas.ledger import DEAD_LETTERS, RUNS, UNITS
from schemas.results import ALERTS, ASSESSMENTS, AUDITS, JUDGEMENTS, LEVELS, REVIEWS
from schemas.trace import TRACES
from schemas.upkeep import FORGOTTEN, MUTES

# each view may use those before it
VIEWS = (
    *("units", "traces", "assessments", "alerts", "dead_letters", "judgements", "reviews", "audits", "runs"),
    *("calibrations", "score_maps", "suspicion", "weighed_alerts", "rates", "cases"),
    *("mutes", "muted"),
    *("shadow_units", "shadow_assessments", "shadow_alerts", "shadow_changes"),
)
DIALECTS = ("duckdb", "spark")
RESULTS = (UNITS, TRACES, ASSESSMENTS, ALERTS, JUDGEMENTS, DEAD_LETTERS)
STORED = (*RESULTS, REVIEWS, AUDITS, RUNS, CALIBRATIONS, MUTES, FORGOTTEN)
RAW = tuple(t.name for t in STORED)
COLUMNS = {t.name: t.names for t in STORED}
Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
# the same quantile of Student's t with 1, 2, ... degrees of freedom, and for more the terms of its expansion in 1/df
T = (12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139)
T_TERMS = ((Z**3 + Z) / 4, (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96, (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384)

NARROWED = " AND a.`trace_key` IN (SELECT f.`trace_key` FROM {raw.alerts} f)"
LOOKED_OF_ALERTS = "({assessments.of_alerts})"
TRACES_OF_ALERTS = "(SELECT `trace_key`, max(`environment`) AS `environment` FROM alerts GROUP BY `trace_key`)"
SHADOWS = {"shadow_assessments": "assessments", "shadow_alerts": "alerts"}  # the same, of the units of shadow runs
DUCKDB_NAMES = {
    "array_distinct": "list_distinct",
    "array_join": "array_to_string",
    "array_sort": "list_sort",
    "arrays_overlap": "list_has_any",
    "collect_list": "list",
    "explode": "unnest",
}


def select(view: str, dialect: str, raw: Callable[[str], str] | None = None) -> str:
    """The SELECT behind a view. `raw` says how a stored table is named; as it is in `Store.connect` if left out."""
    name = raw or (lambda table: f"raw.`{table}`")
    text = _template(SHADOWS.get(view, view))
    # alerts are few: only the assessments of their traces need to be ranked
    text = text.replace("{suspicion.of_alerts}", _template("suspicion").replace("{looked}", LOOKED_OF_ALERTS))
    text = text.replace("{spine}", "traces" if view == "suspicion" else TRACES_OF_ALERTS).replace(
        "{looked}", "assessments"
    )
    text = text.replace("{assessments.of_alerts}", _template("assessments").replace("{narrowed}", NARROWED))
    if view in SHADOWS:
        text = text.replace("JOIN units u", "JOIN shadow_units u")
    text = re.sub(r"\{([^{}]+)\}", lambda m: _filled(m[1], dialect, name), text.replace("{narrowed}", ""))
    if dialect == "duckdb":
        for spark, duck in DUCKDB_NAMES.items():
            text = re.sub(rf"\b{spark}\(", f"{duck}(", text)
        text = text.replace("`", '"')
    return text


def scripts(folder: Path) -> dict[str, str]:
    """The SQL that makes the views in a DuckDB with the delta extension, and in a Spark with Delta Lake."""
    duckdb = [
        "-- cotmonitor's views over this store, for DuckDB with its delta extension.",
        "CREATE SCHEMA IF NOT EXISTS raw;",
    ]
    spark = ["-- cotmonitor's views over this store, for Spark SQL with Delta Lake."]
    for table in RAW:
        path = str(folder / table).replace("'", "''")
        duckdb.append(f"CREATE OR REPLACE VIEW raw.\"{table}\" AS SELECT * FROM delta_scan('{path}');")
    for view in VIEWS:
        duckdb.append(f'CREATE OR REPLACE VIEW "{view}" AS\n{select(view, "duckdb").rstrip()};')
        body = select(view, "spark", lambda table: "delta.`" + str(folder / table).replace("`", "``") + "`")
        spark.append(f"CREATE OR REPLACE TEMPORARY VIEW `{view}` AS\n{body.rstrip()};")
    return {"duckdb.sql": "\n\n".join(duckdb) + "\n", "spark.sql": "\n\n".join(spark) + "\n"}


@cache
def _template(view: str) -> str:
    return (Path(__file__).parent / f"{view}.sql").read_text("utf-8")


def _filled(placeholder: str, dialect: str, raw: Callable[[str], str]) -> str:
    call = re.fullmatch(r"(\w+)\((.*)\)", placeholder)
    if call:
        return _call(call[1], [a.strip() for a in call[2].split(",")], dialect)
    if placeholder in ("z", "zz"):
        return repr(Z if placeholder == "z" else Z * Z)
    *alias, table, what = placeholder.split(".")
    if table == "raw":
        return raw(what)
    if placeholder == "shipped.rows":
        return f"({' UNION ALL '.join(literals.row(CALIBRATIONS, row, dialect) for row in shipped.rows())}) defaults"
    prefix = f"{alias[0]}." if alias else ""
    return ", ".join(f"{prefix}`{c}`" for c in COLUMNS[table])


def _call(name: str, arguments: list[str], dialect: str) -> str:
    if name == "rank":
        alias, column = arguments[0].split(".")
        cases = " ".join(f"WHEN '{level}' THEN {i}" for i, level in enumerate(LEVELS))
        return f"CASE {alias}.`{column}` {cases} END"
    if name == "t":  # of a sample of so many
        df = f"({arguments[0]} - 1)"
        cases = " ".join(f"WHEN {df} <= {i} THEN {t}" for i, t in enumerate(T, 1))
        terms = " + ".join(f"{c:.9f} / power({df}, {i})" for i, c in enumerate(T_TERMS, 1))
        return f"CASE {cases} ELSE {Z} + {terms} END"
    if name == "stratum":  # each value by its length and text, so that no two strata share a key; null is none of them
        texts = (f"CAST(`{a}` AS STRING)" for a in arguments)
        return " || ".join(f"coalesce(CAST(length({t}) AS STRING) || ':' || {t}, '~')" for t in texts)
    if name == "list":  # rows as a list of structs, sorted by their first field
        if dialect == "duckdb":
            fields = ", ".join(f"`{a}` := a.`{a}`" for a in arguments)
            return f"list(struct_pack({fields}) ORDER BY a.`{arguments[0]}`)"
        fields = ", ".join(f"'{a}', a.`{a}`" for a in arguments)
        return f"array_sort(collect_list(named_struct({fields})))"
    raise KeyError(f"no placeholder {name!r}")
