"""`cotmonitor show`: an alert, why it was raised, and the trace around its evidence."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.alerts import ID_CHARS
from pipelines.cli.options import store_option
from pipelines.cli.output import printable

if TYPE_CHECKING:
    from pipelines.show import Reading, Step
    from pipelines.store.query import Answer, Found

EXAMPLE = """
\b
Examples:
  cotmonitor show alert-3f9a1c --store S
  cotmonitor show 3f9a1c --store S --context 2000
  cotmonitor show 3f9a1c --store S --full --traces /mnt/lake | less -R
"""
HEAD_CHARS = 200  # of a step without evidence
AROUND = 2  # steps shown on either side of one with evidence
OPEN, CLOSE = "⟦", "⟧"  # evidence is marked where there are no colours, too
ABOUT = (
    *("trace_id", "episode_id", "window_index", "model", "checkpoint", "training_step", "training_run", "environment"),
    *("task_id", "rollout_group", "started_at", "reward", "success"),
)


@click.command("show", epilog=EXAMPLE)
@click.argument("alert", metavar="ALERT_ID")
@store_option()
@click.option(
    "--traces", metavar="GLOB|ROOT", default=None, help="Where the traces lie now, if not where the run read them."
)
@click.option(
    "--context", type=click.IntRange(min=0), default=400, show_default=True, help="Characters around each evidence."
)
@click.option("--full", is_flag=True, help="Every step, from its beginning to its end.")
@click.option("--format", "format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(alert: str, store: str, traces: str | None, context: int, full: bool, format: str) -> None:
    """Show an alert: the trace, its evidence, and why.

    ALERT_ID may be its first digits, with `alert-` or without, or the id of a finding. The trace is read again from its
    file; where that is gone or has changed, this is said, and the excerpts that the store kept are shown.
    """
    from pipelines.judge.accounts import SUMMARIES
    from pipelines.show import places, read_steps
    from pipelines.store import Store
    from pipelines.store.query import ask, find_alert

    with Store.open(store).connect() as con:
        found = find_alert(con, alert)
        key = found.text("trace_key")
        known = places(con, key, found.text("file"))
        finding = found.text("finding_id")  # a kind and hexadecimal digits, as found in the store
        reviews = ask(con, f"SELECT verdict, reviewer, reviewed_at, note FROM reviews WHERE finding_id = '{finding}'")
        others = ask(
            con,
            f"""SELECT alert_id, "level", behaviour, stance, monitor FROM alerts
                WHERE trace_key = '{key}' AND finding_id <> '{finding}' ORDER BY score DESC, alert_id""",
        )
        read = ask(con, f"SELECT monitor, summary FROM ({SUMMARIES}) WHERE trace_key = '{key}' ORDER BY monitor")
    reading = read_steps(known, key, traces)
    if format == "json":
        _as_json(found, reviews, read, reading)
        return
    _head(found, reviews, others, read)
    if reading.steps is None:
        _excerpts(found, reading.trouble)
    else:
        click.echo(f"\n{_dim(f'read from {_line(reading.path)}')}")
        _steps(reading.steps, found.row["evidence"], None if full else context)


def _as_json(found: Found, reviews: Answer, read: Answer, reading: Reading) -> None:
    from dataclasses import asdict

    said = [dict(zip(reviews.columns, r, strict=True)) for r in reviews.rows]
    steps = None if reading.steps is None else [asdict(s) for s in reading.steps]
    trace = {"path": reading.path, "steps": steps, "trouble": list(reading.trouble)}
    whole = {
        "alert": found.row,
        "current": found.current,
        "reviews": said,
        "summaries": {str(monitor): summary for monitor, summary in read.rows},
        "trace": trace,
    }
    json.dump(whole, sys.stdout, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write("\n")


def _head(found: Found, reviews: Answer, others: Answer, read: Answer) -> None:
    """What was found, by whom, in what, and what people say of it."""
    from schemas.behaviours import BEHAVIOURS

    known = BEHAVIOURS.get(found.text("behaviour"))
    title = f"{found.text('behaviour')} {known.name}: {known.meaning}" if known else found.text("behaviour")
    click.echo(click.style(f"{found.text('level')}  {title}", bold=True))
    if not found.current:
        click.echo(click.style("superseded: a newer run, or a newer version of the file, took its place", fg="yellow"))
    row = found.row
    score = f"{row['score']:.3g}, alerts from {row['threshold']:.3g}"
    lines: list[tuple[str, object]] = [
        ("why", found.text("rationale")),
        ("stance", f"{found.text('stance')}; sanctioned: {found.text('sanctioned')}; in: {found.text('channel')}"),
        ("monitor", f"{found.text('monitor')} {found.text('monitor_version')}, rules {', '.join(_list(row['rules']))}"),
        ("score", score),
        *((name, row[name]) for name in ABOUT if row[name] is not None),
        ("at", f"{found.text('file')}, row group {row['row_group']}, row {row['row']}"),
        ("run", f"{found.text('run_id')} for {found.text('run_date')}"),
        ("alert", found.text("alert_id")),
        ("finding", found.text("finding_id")),
    ]
    lines[1:1] = [(str(judge), summary) for judge, summary in read.rows if judge != row["monitor"]]
    for verdict, reviewer, at, note in reviews.rows:
        lines.append(("review", f"{verdict} by {reviewer}, {at:%Y-%m-%d}" + (f": {note}" if note else "")))
    for alert_id, level, behaviour, stance, monitor in others.rows:
        lines.append(("also", f"{level} {behaviour} {stance} by {monitor} ({str(alert_id)[:ID_CHARS]})"))
    width = max(len(label) for label, _ in lines)
    for label, value in lines:
        click.echo(f"{_dim(label.ljust(width))}  {_line(value)}")


def _excerpts(found: Found, trouble: Sequence[str]) -> None:
    """What the store kept, where the trace itself cannot be shown."""
    click.echo()
    click.echo("cotmonitor: the trace cannot be shown, only what the store kept of it", err=True)
    for line in trouble[:5] or ("the store does not say where it lay",):
        click.echo(f"cotmonitor: {_line(line)}", err=True)
    click.echo("cotmonitor: if it lies elsewhere now, give --traces FOLDER", err=True)
    for e in _evidence(found.row["evidence"]):
        where = _dim(f"step {e['step']}, characters {e['start']} to {e['end']}, {e['rule']}")
        kept = _marked(e["excerpt"]) if e["excerpt"] is not None else _dim("no excerpt was kept")
        click.echo(f"{where}\n  {kept}")


def _steps(steps: Sequence[Step], evidence: object, context: int | None) -> None:
    from pipelines.show import Mark, chosen, laid_out

    marks: dict[int, list[Mark]] = {}
    for e in _evidence(evidence):
        marks.setdefault(e["step"], []).append(Mark(e["start"], e["end"], e["rule"]))
    shown_steps = range(len(steps)) if context is None else chosen(steps, frozenset(marks), AROUND)
    last = -1
    for index in shown_steps:
        if index > last + 1:
            click.echo("\n" + _dim(f"[… {index - last - 1:,} steps without evidence …]"))
        last = index
        step = steps[index]
        here = marks.get(index, [])
        who = f"{step.role} {step.channel}" + (f" {_line(step.name)}" if step.name else "")
        rules = ", ".join(dict.fromkeys(m.rule for m in here))
        withheld = "  withheld by the provider" + (", summary only" if step.text else "") if step.redacted else ""
        head = f"── step {index} · {who}{withheld} " + (f"· {rules} " if rules else "")
        click.echo("\n" + click.style(head, bold=bool(here), fg="yellow" if here else None))
        if not step.text:
            click.echo(_dim("(no text)"))
            continue
        shown = context if here or context is None else min(context, HEAD_CHARS)
        for piece in laid_out(step.text, here, shown):
            if piece.hidden:
                click.echo(_dim(f"[… {piece.hidden:,} characters …]"), nl=False)
            else:
                click.echo(_marked(piece.text) if piece.marked else printable(piece.text), nl=False)
        click.echo()


def _marked(text: str) -> str:
    return click.style(f"{OPEN}{printable(text)}{CLOSE}", fg="red", bold=True)


def _line(value: object) -> str:
    """A value from outside on one line, so that none can pass for a line of ours."""
    return printable(str(value)).replace("\n", "␊").replace("\t", "␉")


def _dim(text: str) -> str:
    return click.style(text, dim=True)


def _evidence(value: object) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else []


def _list(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else []
