"""The page that shows what the contracts found: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from schemas.contracts.promise import Metrics, Promise
from schemas.contracts.report import CRITICAL, Report, Result
from schemas.contracts.suites import NOT_MEASURED, figure

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --warn: #b26a00; --good: #2e7d32; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
td { overflow-wrap: break-word; } td.long { overflow-wrap: anywhere; min-width: 12rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.bad { color: var(--bad); font-weight: 600; } .warn { color: var(--warn); font-weight: 600; }
.good { color: var(--good); }
.wide { overflow-x: auto; } code { font-size: .9em; } footer { margin-top: 2rem; opacity: .75; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffcc80; --good: #a5d6a7; } }
"""


OBSERVED = 3  # the column that holds file names


@dataclass(frozen=True, slots=True)
class Words:
    """What a page calls things: whose contracts they are, what a broken one stops, where limits are set, and to what.

    `pages` says whether great_expectations' own pages lie beside it.
    """

    title: str
    stops: str
    where: str
    limits: Mapping[str, object]
    pages: bool = True


def page(report: Report, metrics: Metrics, promised: Sequence[Promise], words: Words) -> str:
    """The whole page. Every word from outside is escaped."""
    failed, warned = len(report.failed), len(report.warnings)
    kind, verdict = ("warn", f"{warned} to look at") if warned else ("good", "all kept")
    if failed:
        kind, verdict = "bad", f"{failed} failed"
    ordered = sorted(report.results, key=lambda r: (r.ok, r.severity != CRITICAL))
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Contracts of {escape(words.title)}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>',
        f'<h1>Contracts of {escape(words.title)}: <span class="{kind}">{verdict}</span></h1>',
        f"<p>{len(report.results)} expectations, {failed} failed, {warned} warnings. A failed one stops "
        f"{escape(words.stops)}; a warning asks for a look.</p>",
        _table(("", "table", "expectation", "observed", "expected", "setting"), [_result(r) for r in ordered]),
    ]
    limits = {name: {p.metric: p for p in promised if p.table == name} for name in metrics.frames}
    for name in metrics.frames:
        parts += [f'<h2 id="{name}">{escape(name)}: the figures</h2>', *_frame(metrics.frames[name], limits[name])]
    in_force = [(f"<code>{escape(k)}</code>", escape(str(v))) for k, v in words.limits.items()]
    links = ", ".join(f'<a href="great_expectations/{name}.html">{name}</a>' for name in metrics.frames)
    parts += [
        "<h2>Limits in force</h2>",
        _table((f"setting ({escape(words.where)})", "value"), in_force),
        f"<footer>The same in great_expectations' own words: {links}.</footer>" if words.pages else "",
        "</body></html>",
    ]
    return "\n".join(parts)


def _result(result: Result) -> tuple[str, ...]:
    kind, word = ("bad", "failed") if result.severity == CRITICAL else ("warn", "warning")
    if result.ok:
        kind, word = ("", "not measured") if result.observed.startswith(NOT_MEASURED) else ("good", "kept")
    status = f'<span class="{kind}">{word}</span>'
    where = f'<a href="#{result.table}">{escape(result.table)}</a>'
    setting = f"<code>{escape(result.setting)}</code>" if result.setting else ""
    words = f"{escape(result.expectation)}<br><code>{escape(result.metric)}</code>"
    return (status, where, words, escape(result.observed), escape(result.expected), setting)


def _frame(rows: Sequence[Mapping[str, Any]], limits: Mapping[str, Promise]) -> list[str]:
    """A frame as two tables, for what concerns the table's columns would leave most cells of one empty."""
    columns = [row for row in rows if row["about"].startswith("column ")]
    others = [row for row in rows if row not in columns]
    return [_figures(group, limits) for group in (others, columns) if group]


def _figures(rows: Sequence[Mapping[str, Any]], limits: Mapping[str, Promise]) -> str:
    metrics = list(dict.fromkeys(key for row in rows for key in row if key != "about"))
    body = []
    for row in rows:
        cells = [escape(str(row["about"]))]
        for metric in metrics:
            value, limit = row.get(metric), limits.get(metric)
            shown = "" if value is None else escape(figure(value))
            if limit is not None and value is not None and not limit.holds(value):
                shown = f'<span class="{"bad" if limit.severity == CRITICAL else "warn"}">{shown}</span>'
            cells.append(shown)
        body.append(cells)
    return _table(("whose", *(escape(m.replace("_", " ")) for m in metrics)), body, numbers=True)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = False) -> str:
    def kind(i: int) -> str:
        if numbers:
            return ' class="n"' if i else ' class="long"'
        return ' class="long"' if i == OBSERVED else ""

    lines = ["".join(f"<td{kind(i)}>{cell}</td>" for i, cell in enumerate(row)) for row in rows]
    top = "".join(f"<th{kind(i)}>{cell}</th>" for i, cell in enumerate(head))
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
