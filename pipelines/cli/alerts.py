"""`cotmonitor alerts`: what the monitors found."""

from __future__ import annotations

import difflib

import click

from pipelines.cli.options import format_option, store_option
from pipelines.cli.output import print_rows

EXAMPLE = """
\b
Examples:
  cotmonitor alerts --store S --min-level medium
  cotmonitor alerts --store S --behaviour TG08 --environment swe-fix --group
  cotmonitor alerts --store S --min-level high --summaries
  cotmonitor alerts --store S --run 20261122T0100 --format json --limit 0
"""
LEVELS = ("informational", "low", "medium", "high", "critical")  # schemas.results.LEVELS, unimported for a fast --help
ID_CHARS = 18  # `alert-` and 12 digits: enough to be unique among tens of millions, and short enough to retype
SIGNATURE_CHARS = 12
EXCERPT_CHARS = 100

CHOSEN = """
CREATE TEMP TABLE chosen AS
SELECT
    a.*, list_position({levels}, a."level") AS severity,
    (SELECT string_agg(DISTINCT verdict, ', ' ORDER BY verdict) FROM reviews r WHERE r.finding_id = a.finding_id)
        AS review,
    coalesce(a.checkpoint, a.training_step::VARCHAR) AS stage,
    list_filter(list_transform(a.evidence, lambda e: e.excerpt), lambda x: x IS NOT NULL)[1] AS excerpt,
    s.summary,
    EXISTS (FROM muted m WHERE m.alert_id = a.alert_id) AS muted
FROM weighed_alerts a
LEFT JOIN (SELECT trace_key, arg_min(summary, monitor) AS summary FROM ({summaries}) GROUP BY trace_key) s
    ON s.trace_key = a.trace_key
WHERE {where}
"""
HIDDEN = """
SELECT count(*), count(DISTINCT trace_key), {levels}[max(severity)] FROM chosen WHERE NOT flagged AND NOT muted
"""
UNWEIGHED = """
SELECT status, list_sort(list_distinct(list(monitor))), any_value(calibration_id)
FROM (SELECT unnest(scores, recursive := true), calibration_id FROM chosen) WHERE status IN ('stale', 'uncalibrated')
GROUP BY status ORDER BY status
"""
LISTED = r"""
SELECT left(alert_id, {id}) AS alert, "level", behaviour, stance, environment, model, stage AS checkpoint, score,
       suspicion, suspicion_threshold AS threshold,
       {words}, review
FROM chosen {shown} ORDER BY severity DESC, suspicion DESC NULLS FIRST, score DESC, alert_id LIMIT {limit}
"""
WHOLE = """
SELECT * EXCLUDE (severity, stage, excerpt)
FROM chosen {shown} ORDER BY severity DESC, suspicion DESC NULLS FIRST, score DESC, alert_id LIMIT {limit}
"""
GROUPED = """
SELECT count(*) AS alerts, count(DISTINCT trace_key) AS traces, {levels}[max(severity)] AS "level",
       string_agg(DISTINCT behaviour, ', ' ORDER BY behaviour) AS behaviour,
       arg_min(stage, (training_step, started_at, stage)) AS first_checkpoint,
       arg_max(stage, (training_step, started_at, stage)) AS last_checkpoint,
       {environments} AS environments,
       {example} AS example,
       max(suspicion) AS suspicion,
       {excerpt} AS excerpt,
       count(review) AS reviewed, {signature} AS signature
FROM chosen {shown} GROUP BY signature ORDER BY max(severity) DESC, count(*) DESC, signature LIMIT {limit}
"""


@click.command("alerts", epilog=EXAMPLE)
@store_option()
@click.option("--run", metavar="ID", default=None, help="Of this run; the beginning of its id will do.")
@click.option(
    "--behaviour", multiple=True, metavar="ID", help="Of this behaviour, e.g. TG08 or special_casing. Repeatable."
)
@click.option("--environment", metavar="E", default=None, help="In this environment.")
@click.option(
    "--min-level",
    type=click.Choice(LEVELS),
    default="low",
    show_default=True,
    help="Of this level or above; informational shows what was turned down or allowed as well.",
)
@click.option("--monitor", metavar="ID", default=None, help="Of this monitor, e.g. rules.core.")
@click.option("--model", metavar="M", default=None, help="Of this model.")
@click.option("--group", is_flag=True, help="Alike alerts as one row: how many, from which checkpoint on, where.")
@click.option("--all", "everything", is_flag=True, help="Also alerts of traces below the threshold, and muted ones.")
@click.option("--summaries", is_flag=True, help="What the model was after, as a judge read it, in place of an excerpt.")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Rows to show; 0 shows all.")
@format_option()
def command(
    store: str,
    run: str | None,
    behaviour: tuple[str, ...],
    environment: str | None,
    min_level: str,
    monitor: str | None,
    model: str | None,
    group: bool,
    summaries: bool,
    everything: bool,
    limit: int,
    format: str,
) -> None:
    """List alerts, the worst first, with what people said of them.

    They are those of traces whose suspicion, by all monitors together, reaches the threshold in force, and those that
    the calibration keeps in any case: with the one that comes with cotmonitor, all but informational ones. How many are
    not shown is said.

    The ids in the first column are shortened; `show` and `review` take them as they are. As json or csv every column is
    given.
    """
    from pipelines.judge.accounts import SUMMARIES
    from pipelines.store import Store
    from pipelines.store.query import Answer

    where, values = ["true"], []
    filters = {"a.environment = ?": environment, "a.monitor = ?": monitor, "a.model = ?": model}
    for condition, value in filters.items():
        if value is not None:
            where.append(condition)
            values.append(value)
    if behaviour:
        wanted = [behaviour_id(b) for b in behaviour]
        where.append(f"a.behaviour IN ({', '.join('?' * len(wanted))})")
        values += wanted
    where.append(f'a."level" IN {(*LEVELS[LEVELS.index(min_level) :], "")!r}')
    with Store.open(store).connect() as con:
        if run is not None:
            where.append("a.run_id IN (SELECT run_id FROM runs WHERE starts_with(run_id, ?))")
            values.append(run)
            _check_run(con.execute("SELECT count(*) FROM runs WHERE starts_with(run_id, ?)", [run]).fetchall(), run)
        con.execute(CHOSEN.format(levels=list(LEVELS), where=" AND ".join(where), summaries=SUMMARIES), values)
        everything = everything or min_level == "informational"  # who asks for these asks for what nobody has to read
        shown = "" if everything else "WHERE flagged AND NOT muted"
        answer = con.execute(_query(group, format, limit, shown, summaries))
        found = Answer([c[0] for c in answer.description or []], answer.fetchall())
        unit = "DISTINCT signature" if group else "*"
        total = con.execute(f"SELECT count({unit}) FROM chosen {shown}").fetchall()[0][0]
        hidden = con.execute(HIDDEN.format(levels=list(LEVELS))).fetchall()[0]
        unweighed = con.execute(UNWEIGHED).fetchall()
        muted = con.execute("SELECT count(*) FROM chosen WHERE muted AND flagged").fetchall()[0][0]
    rows = _named(found.columns, found.rows) if format == "table" else found.rows
    print_rows(found.columns, rows, format)
    what = "groups of alerts" if group else "alerts"
    if not everything and hidden[0]:
        click.echo(
            f"cotmonitor: {hidden[0]:,} alerts of {hidden[1]:,} traces below the threshold are not shown, the worst of "
            f"level {hidden[2]}; --all shows them",
            err=True,
        )
    if not everything and muted:
        click.echo(
            f"cotmonitor: {muted:,} alerts are muted; `cotmonitor mute list` says by whom, --all shows them", err=True
        )
    for status, monitors, calibration in unweighed:
        why = "changed since" if status == "stale" else "is not known to"
        click.echo(
            f"cotmonitor: {', '.join(monitors)} {why} {calibration}, so that suspicions leave it out and its "
            "alerts are listed whatever they are; run `cotmonitor calibrate`",
            err=True,
        )
    if not total:
        click.echo(f"cotmonitor: no {what} fit. `cotmonitor runs` tells whether anybody looked.", err=True)
    elif len(found.rows) < total:
        click.echo(f"cotmonitor: {len(found.rows):,} of {total:,} {what}; --limit 0 shows all", err=True)


def _query(group: bool, format: str, limit: int, shown: str, summaries: bool) -> str:
    at_most = str(limit) if limit else "ALL"
    if group:
        table = format == "table"
        first = "arg_max(alert_id, (severity, score, alert_id))"
        excerpt = "arg_max(excerpt, (severity, score, alert_id))"
        return GROUPED.format(
            levels=list(LEVELS),
            example=f"left({first}, {ID_CHARS})" if table else first,
            excerpt=f"left(regexp_replace({excerpt}, '\\s+', ' ', 'g'), {EXCERPT_CHARS})" if table else excerpt,
            environments=(
                "string_agg(DISTINCT environment, ', ' ORDER BY environment)"
                if table
                else "list(DISTINCT environment ORDER BY environment)"
            ),
            signature=f"left(signature, {SIGNATURE_CHARS})" if table else "signature",
            limit=at_most,
            shown=shown,
        )
    if format == "table":
        excerpt = f"left(regexp_replace(excerpt, '\\s+', ' ', 'g'), {EXCERPT_CHARS}) AS excerpt"
        words = "summary" if summaries else excerpt
        return LISTED.format(id=ID_CHARS, words=words, limit=at_most, shown=shown)
    return WHOLE.format(limit=at_most, shown=shown)


def _named(columns: list[str], rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Rows with each behaviour's name beside its id, for people."""
    from schemas.behaviours import BEHAVIOURS

    at = columns.index("behaviour")

    def name(value: object) -> str:
        return ", ".join(f"{b} {BEHAVIOURS[b].name}" if b in BEHAVIOURS else b for b in str(value).split(", "))

    return [(*r[:at], name(r[at]), *r[at + 1 :]) for r in rows]


def behaviour_id(given: str) -> str:
    """A behaviour's id from its id or name.

    >>> behaviour_id("special_casing"), behaviour_id("tg08")
    ('TG08', 'TG08')
    """
    from schemas.behaviours import BEHAVIOURS

    names = {b.name: b.id for b in BEHAVIOURS.values()}
    if given.upper() in BEHAVIOURS:
        return given.upper()
    if given.lower() in names:
        return names[given.lower()]
    close = difflib.get_close_matches(given.lower(), [*names, *(b.lower() for b in BEHAVIOURS)], 1)
    hint = f"Did you mean {close[0]!r}?" if close else "They are TG01 to TG25 and HO01 to HO25."
    raise click.BadParameter(f"there is no behaviour {given!r}. {hint}", param_hint="--behaviour")


def _check_run(count: list[tuple[int]], run: str) -> None:
    from schemas.errors import InputError

    if not count[0][0]:
        raise InputError(f"no run begins with {run!r}. `cotmonitor runs` lists them.")
