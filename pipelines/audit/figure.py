"""Odds ratios with their intervals on a logarithmic axis, as SVG that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from pipelines.audit.finding import Finding
from pipelines.audit.report import UNKNOWN, interval, is_bad

WIDTH, LABEL, FIGURES = 900, 260, 180  # units of the drawing; the axis has what is left
ROW = 26
LEAST, MOST = 0.01, 100.0  # what lies beyond is drawn as an arrow
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LABEL_CHARS = 36


def odds_ratios(findings: Sequence[Finding]) -> str:
    """The drawing, or nothing where no finding has an interval."""
    drawn = [f for f in findings if f.estimate is not None and f.low is not None and f.high is not None]
    drawn = [f for f in drawn if not any(math.isnan(x) for x in (f.estimate, f.low, f.high) if x is not None)]
    if not drawn:
        return ""
    low, high = _range(drawn)
    height = ROW * (len(drawn) + 1) + 10
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Odds ratios with 95 % intervals">']
    for tick in (t for t in TICKS if low <= t <= high):
        x = _x(tick, low, high)
        kind = "one" if tick == 1 else "axis"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{height - ROW}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick:g}</text>')
    for i, finding in enumerate(drawn):
        parts += _drawn(finding, ROW * i + ROW // 2 + 6, low, high)
    return "\n".join([*parts, "</svg>"])


def _drawn(finding: Finding, y: int, low: float, high: float) -> list[str]:
    kind = "bad" if is_bad(finding) else "unknown" if finding.verdict in UNKNOWN else "none"
    label = f"{finding.check} · {finding.subject}"
    label = label if len(label) <= LABEL_CHARS else label[: LABEL_CHARS - 1] + "…"
    estimate, a, b = (float(v or 0) for v in (finding.estimate, finding.low, finding.high))
    x, left, right = (_x(v, low, high) for v in (estimate, a, b))
    parts = [
        f'<text x="4" y="{y + 4}">{escape(label)}</text>',
        f'<line class="{kind}" stroke-width="2" x1="{left:.1f}" y1="{y}" x2="{right:.1f}" y2="{y}"/>',
        f'<text x="{WIDTH - FIGURES + 14}" y="{y + 4}">{escape(interval(finding))}</text>',
    ]
    if low <= estimate <= high:
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="4"/>')
    if a < low:
        parts.append(f'<path class="{kind}" d="M{left:.1f} {y} l7 -4 v8 z"/>')
    if b > high:
        parts.append(f'<path class="{kind}" d="M{right:.1f} {y} l-7 -4 v8 z"/>')
    return parts


def _range(findings: Sequence[Finding]) -> tuple[float, float]:
    """Ticks around every interval, and around 1."""
    values = [v for f in findings for v in (f.low, f.high, f.estimate) if v is not None]
    low = min([1.0, *(v for v in values if v > 0)])
    high = max([1.0, *(v for v in values if math.isfinite(v))])
    return (
        max((t for t in TICKS if t < low), default=LEAST),
        min((t for t in TICKS if t > high), default=MOST),
    )


def _x(value: float, low: float, high: float) -> float:
    share = (math.log(min(max(value, low), high)) - math.log(low)) / (math.log(high) - math.log(low))
    return LABEL + share * (WIDTH - LABEL - FIGURES)
