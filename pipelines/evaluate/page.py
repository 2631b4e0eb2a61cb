"""A report as one HTML file: tables and pictures inside, nothing fetched from anywhere."""

from __future__ import annotations

from html import escape

from pipelines.evaluate.plots import pictures
from pipelines.evaluate.report import Report
from pipelines.evaluate.views import View, views

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1a1a1a; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .6rem; text-align: left; vertical-align: top; }
th { background: #f4f4f4; position: sticky; top: 0; }
.canary { color: #a00; font-family: monospace; } .about { color: #555; max-width: 60rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; } figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; }
"""


def page(report: Report) -> str:
    """The whole page."""
    drawn = "".join(f"<figure><figcaption>{escape(p.title)}</figcaption>{p.svg}</figure>" for p in pictures(report))
    data = report.data
    facts = (
        f"{data.traces:,} traces of {data.files:,} files in {data.tasks:,} tasks; {data.dead_rows:,} rows were "
        f"no traces, {data.replicas:,} were replicas. "
        + (
            f"Thresholds are from {data.ordinary_traces:,} traces of ordinary traffic."
            if data.ordinary_digest
            else "Thresholds are from the negatives themselves, one half for the other."
        )
    )
    remarks = "".join(f"<li>{escape(r)}</li>" for r in report.remarks)
    labels = ", ".join(f"{n:,} {name}" for name, n in data.labels.items())
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><meta name="canary" content="{escape(report.canary)}">'
        f"<title>cotmonitor evaluate</title><style>{STYLE}</style></head><body>"
        f'<p class="canary">{escape(report.canary)}</p><h1>How well the monitors see</h1>'
        f"<p>{escape(facts)}</p><p>Labels: {escape(labels)}. Data digest {escape(data.digest)}.</p>"
        "<p>This page is monitor signal: keep it beside the store, never beside training data.</p>"
        f"<ul>{remarks}</ul>"
        f'<div class="pictures">{drawn}</div>{"".join(map(_table, views(report)))}</body></html>\n'
    )


def _table(view: View) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in view.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in view.rows)
    return (
        f'<section><h2>{escape(view.title)}</h2><p class="about">{escape(view.about)}</p>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )
