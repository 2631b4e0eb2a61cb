"""The pictures of a report, drawn by matplotlib as SVG that stands by itself."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.evaluate.report import Measured, Report
from schemas.errors import CotmonitorError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_FPR = 1e-4  # where a logarithmic axis begins; what lies below is drawn at its edge
MOST_CURVES = 10
SIZE = (6.4, 4.2)
NO_MATPLOTLIB = (
    "matplotlib is not installed, and the page needs it: pip install 'cotmonitor[report]', or say --no-html."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing and what it shows."""

    title: str
    svg: str


def check_plotting() -> None:
    """Raise CotmonitorError where pictures cannot be drawn, before hours are spent on figures."""
    try:
        import matplotlib as _  # noqa: F401
    except ImportError:
        raise CotmonitorError(NO_MATPLOTLIB) from None


def pictures(report: Report) -> Iterator[Picture]:
    """For each category with figures: ROC, reliability, and what is caught by length of reasoning."""
    for category in dict.fromkeys(m.category for m in report.measured):
        told = [m for m in report.measured if m.category == category and m.ranking is not None]
        curves = [m for m in told if m.roc][:MOST_CURVES]
        if curves:
            yield Picture(f"{category}: ROC, false-positive rate on a logarithmic axis", _drawn(curves, _roc))
        if any(m.calibration and m.positives and m.negatives for m in told):
            yield Picture(f"{category}: calibration", _drawn(told[:MOST_CURVES], _reliability))
        if any(s.tpr.value is not None for m in told for s in m.slices if s.by == "reasoning length"):
            yield Picture(f"{category}: caught, by length of reasoning", _drawn(told[:MOST_CURVES], _lengths))


def _drawn(told: list[Measured], draw: object) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    # text stays text and ids are the same each time, so that equal reports are equal files
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cotmonitor", "font.family": "sans-serif"}):
        canvas = Canvas(figsize=SIZE, layout="constrained")
        axes = canvas.add_subplot()
        if callable(draw):
            draw(axes, told)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
        out = io.StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _bare(out.getvalue())


def _roc(axes: Axes, told: list[Measured]) -> None:
    for m in told:
        axes.step([max(p.fpr, LEAST_FPR) for p in m.roc], [p.tpr for p in m.roc], where="post", label=m.monitor)
    chance = [LEAST_FPR * 10 ** (i / 25) for i in range(101)]
    axes.plot(chance, chance, linestyle=":", color="grey", label="chance")
    for target in (0.001, 0.01, 0.05):
        axes.axvline(target, color="grey", linewidth=0.6, alpha=0.6)
    axes.set(xscale="log", xlim=(LEAST_FPR, 1), ylim=(0, 1.02), xlabel="false-positive rate", ylabel="caught (TPR)")


def _reliability(axes: Axes, told: list[Measured]) -> None:
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="calibrated")
    for m in told:
        bins = m.calibration.bins if m.calibration else ()
        scores = [b.mean_score for b in bins]
        shares = [b.positive.value or 0.0 for b in bins]
        below = [s - (b.positive.low or 0.0) for s, b in zip(shares, bins, strict=True)]
        above = [(b.positive.high or 0.0) - s for s, b in zip(shares, bins, strict=True)]
        axes.errorbar(scores, shares, yerr=[below, above], marker="o", capsize=2, linewidth=1, label=m.monitor)
    axes.set(xlim=(-0.02, 1.02), ylim=(0, 1.02), xlabel="score", ylabel="share of positives among the labelled")


def _lengths(axes: Axes, told: list[Measured]) -> None:
    from pipelines.evaluate.corpus import BINS

    width = 0.8 / max(len(told), 1)
    for i, m in enumerate(told):
        known = {s.value: s.tpr for s in m.slices if s.by == "reasoning length" and s.tpr.value is not None}
        for name, tpr in known.items():
            low, high, value = tpr.low or 0.0, tpr.high or 0.0, tpr.value or 0.0
            at = BINS.index(name) + (i + 0.5) * width - 0.4
            label = m.monitor if name == next(iter(known)) else None
            axes.bar(
                at, value, width * 0.9, yerr=[[value - low], [high - value]], capsize=2, color=f"C{i}", label=label
            )
    axes.set_xticks(range(len(BINS)), BINS)
    axes.set(ylim=(0, 1.02), xlabel="code points of reasoning", ylabel="caught (TPR)")


def _bare(svg: str) -> str:
    """The drawing without what a file of its own would begin with, and without addresses that nothing needs."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    return svg.strip()
