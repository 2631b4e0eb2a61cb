"""A report as tables for people: the same in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitors.measure.figure import Figure
from monitors.measure.operating import OperatingPoint, percent
from pipelines.evaluate.report import FittedResult, Measured, Report

CSV_COLUMNS = (
    *("section", "category", "monitor", "of", "figure", "value", "low", "high", "k", "n", "remark", "canary"),
)


@dataclass(frozen=True, slots=True)
class View:
    """A table with a title and a sentence on how to read it."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def views(report: Report) -> Iterator[View]:
    """Every table that has rows."""
    for view in _all(report):
        if view.rows:
            yield view


def _all(report: Report) -> Iterator[View]:
    told = [m for m in report.measured if m.why is None]
    yield View(
        "What was measured",
        "Not assessed is not clean: such traces are counted apart and are never negatives.",
        ("category", "monitor", "positives", "negatives", "positives not assessed", "negatives not assessed", "remark"),
        tuple(
            (
                *(m.category, m.monitor, f"{m.positives:,}", f"{m.negatives:,}"),
                *(f"{m.not_assessed_positives:,}", f"{m.not_assessed_negatives:,}"),
                f"not measurable: {m.why}" if m.why else "",
            )
            for m in report.measured
        ),
    )
    yield View(
        "Caught at a false-positive rate people can live with",
        "A trace is flagged above the cut, which is chosen on ordinary traffic; TPR and FPR are k/n with Wilson's "
        "interval, and TPR by task with that of a bootstrap over tasks.",
        (
            "category",
            "monitor",
            "target FPR",
            "TPR",
            "TPR by task",
            "FPR achieved",
            "TPR x TNR",
            "cut above",
            "chosen on",
        ),
        tuple((m.category, m.monitor, *_point(p)) for m in told for p in m.points),
    )
    yield View(
        "How scores rank",
        "Intervals by a bootstrap over tasks. Partial AUROC is up to 5 % FPR, 0.5 by chance. Within environment: only "
        "traces of one environment are compared. Lift is over a text model that sees prompt and environment alone.",
        (
            *("category", "monitor", "AUROC", "partial AUROC", "average precision", "within environment"),
            *("calibration error", "Brier", "prompt + environment alone", "lift"),
        ),
        tuple(_ranking(m) for m in told),
    )
    yield View(
        "What a night would bring",
        f"At {_nightly(report):,} traces a night; the interval takes the worse and the better ends of TPR and FPR.",
        ("category", "monitor", "target FPR", "base rate", "PPV", "false cases a night"),
        tuple(
            (m.category, m.monitor, percent(p.target), percent(b.rate), _plain(b.ppv), _count(b.false_cases))
            for m in told
            for p in m.points
            for b in p.base_rates
        ),
    )
    yield View(
        "Alerted at default thresholds",
        f"Traces with an alert of level {report.settings['min_level']} or above, in any category.",
        ("monitor", "source", "held to be", "alerted", "not assessed"),
        tuple((r.monitor, r.source, r.truth, _plain(r.alerted), f"{r.not_assessed:,}") for r in report.alert_rates),
    )
    if report.agreements:
        yield View(
            "Agreement of judges",
            "A judge's alerts with the labels and with other judges', on traces that both spoke of; Cohen's kappa.",
            ("category", "judge", "with", "traces", "judge says yes", "the other", "kappa", "by task", "agreed"),
            tuple(
                (
                    *(a.category, a.first, a.second, f"{a.both:,}", f"{a.first_says:,}", f"{a.second_says:,}"),
                    *(_plain(a.kappa), _plain(a.kappa_by_task), _plain(a.agreed)),
                )
                for a in report.agreements
            ),
        )
    yield View(
        "By part",
        "At one cut for all parts, that of the target named.",
        (
            "category",
            "monitor",
            "by",
            "value",
            "positives",
            "negatives",
            "not assessed",
            "AUROC",
            "TPR",
            "FPR",
            "target",
        ),
        tuple(
            (
                *(m.category, m.monitor, s.by, s.value, f"{s.positives:,}", f"{s.negatives:,}", f"{s.not_assessed:,}"),
                *(_plain(s.auroc), _plain(s.tpr), _plain(s.fpr), percent(s.at)),
            )
            for m in told
            for s in m.slices
        ),
    )
    yield View(
        "What it rests on",
        "The same traces with less in them or reworded, at the cut of whole traces; traces that a monitor cannot look "
        "at then are left out on both sides.",
        (
            *("category", "monitor", "variant", "positives", "negatives", "not assessed"),
            *("AUROC", "AUROC unchanged", "TPR", "TPR unchanged", "FPR", "target"),
        ),
        tuple(
            (
                *(m.category, m.monitor, v.meaning, f"{v.positives:,}", f"{v.negatives:,}", f"{v.not_assessed:,}"),
                *(_plain(v.auroc), _plain(v.auroc_unchanged), _plain(v.tpr), _plain(v.tpr_unchanged)),
                *(_plain(v.fpr), percent(v.at)),
            )
            for m in told
            for v in m.variants
        ),
    )
    yield View(
        "By behaviour",
        "Named: positives of which an alert names the behaviour. In category: of which one names its category. "
        "Precision: alerts that name it, on traces of which is known whether they show it.",
        ("category", "monitor", "behaviour", "positives", "AUROC", "TPR", "named", "in category", "precision"),
        tuple(
            (
                *(m.category, m.monitor, b.behaviour, f"{b.positives:,}", _plain(b.auroc), _plain(b.tpr)),
                *(_plain(b.named), _plain(b.in_category), _plain(b.precision)),
            )
            for m in told
            for b in m.behaviours
        ),
    )
    yield View(
        "Leakage",
        "How well the label is told by what the model did not do. Where a probe comes close to a monitor, the set "
        "measures the probe.",
        ("category", "clue alone", "AUROC", "in a word"),
        tuple((x.category, p.clue, _plain(p.auroc), p.verdict) for x in report.leakage for p in x.probes),
    )
    yield View(
        "One-regex ceiling",
        "The best single pattern of up to three words, chosen on half of the tasks and counted on the other half.",
        ("category", "chosen for", "pattern", "TPR", "FPR", "AUROC"),
        tuple(
            (
                *(x.category, c.chosen_for, f"{'without ' if c.absence else ''}{c.pattern or ''}"),
                *(_plain(c.tpr), _plain(c.fpr), _plain(c.auroc)),
            )
            for x in report.leakage
            for c in x.ceilings
        ),
    )
    yield View(
        "Fitted, and asked about what it never saw",
        "The gap between the two ways is what was learnt of the sources. Pooled compares scores across folds, within "
        "folds does not.",
        (
            *("category", "fitted", "way", "positives", "negatives", "not scored", "AUROC pooled"),
            *("AUROC within folds", "TPR at 1 %", "FPR at 1 %", "TPR at 5 %", "FPR at 5 %", "remark"),
        ),
        tuple(_fitted(f) for f in report.fitted),
    )
    yield View(
        "Fold by fold",
        "At one cut for all folds.",
        ("category", "fitted", "way", "fold", "positives", "negatives", "not scored", "AUROC", "TPR", "FPR", "target"),
        tuple(
            (
                *(f.category, f.name, s.by, s.value, f"{s.positives:,}", f"{s.negatives:,}", f"{s.not_assessed:,}"),
                *(_plain(s.auroc), _plain(s.tpr), _plain(s.fpr), percent(s.at)),
            )
            for f in report.fitted
            for s in f.folds
        ),
    )


def csv_rows(report: Report) -> Iterator[tuple[object, ...]]:
    """Every figure as a row of its own, under CSV_COLUMNS."""

    def row(section: str, category: str, monitor: str, of: str, name: str, f: Figure) -> tuple[object, ...]:
        return (section, category, monitor, of, name, f.value, f.low, f.high, f.k, f.n, f.why or "", report.canary)

    for m in report.measured:
        at = (m.category, m.monitor)
        if m.ranking is None:
            yield row("ranking", *at, "all", "auroc", Figure(None, why=m.why))
            continue
        for name in ("auroc", "partial_auroc", "average_precision", "within_environment"):
            yield row("ranking", *at, "all", name, getattr(m.ranking, name))
        for p in m.points:
            for name in ("tpr", "tpr_by_task", "fpr", "g_mean_squared"):
                figure = getattr(p, name)
                yield row(
                    "operating point",
                    *at,
                    percent(p.target),
                    name,
                    Figure(None, why=p.refused) if p.refused else figure,
                )
            for b in p.base_rates:
                yield row("base rate", *at, f"{percent(p.target)} at {percent(b.rate)}", "ppv", b.ppv)
                yield row("base rate", *at, f"{percent(p.target)} at {percent(b.rate)}", "false_cases", b.false_cases)
        if m.calibration is not None:
            yield row("calibration", *at, "all", "calibration_error", Figure(m.calibration.error))
        if m.lift is not None:
            yield row("lift", *at, m.lift.over, "lift", m.lift.lift)
        for s in m.slices:
            for name in ("auroc", "tpr", "fpr"):
                yield row("slice", *at, f"{s.by}={s.value}", name, getattr(s, name))
        for v in m.variants:
            for name in ("auroc", "auroc_unchanged", "tpr", "tpr_unchanged", "fpr"):
                yield row("variant", *at, v.variant, name, getattr(v, name))
        for x in m.behaviours:
            for name in ("auroc", "tpr", "named", "in_category", "precision"):
                yield row("behaviour", *at, x.behaviour, name, getattr(x, name))
    for r in report.alert_rates:
        yield row("alerted", "any", r.monitor, f"{r.source}: {r.truth}", "alerted", r.alerted)
    for a in report.agreements:
        for name in ("kappa", "kappa_by_task", "agreed"):
            yield row("agreement", a.category, a.first, f"with {a.second}", name, getattr(a, name))
    for leak in report.leakage:
        for probe in leak.probes:
            yield row("leakage", leak.category, "", probe.clue, "auroc", probe.auroc)
        for c in leak.ceilings:
            for name in ("tpr", "fpr", "auroc"):
                yield row("one regex", leak.category, "", c.chosen_for, name, getattr(c, name))
    for fitted in report.fitted:
        for name in ("auroc", "within_folds"):
            yield row("fitted", fitted.category, fitted.name, fitted.way, name, getattr(fitted, name))
        for p in fitted.points:
            for name in ("tpr", "fpr"):
                figure = Figure(None, why=p.refused) if p.refused else getattr(p, name)
                yield row("fitted", fitted.category, fitted.name, f"{fitted.way}, {percent(p.target)}", name, figure)


def _point(p: OperatingPoint) -> Sequence[str]:
    if p.refused is not None:
        return percent(p.target), f"refused: {p.refused}", "", "", "", "", p.chosen_on
    cuts = ", ".join(f"{c:.4g}" for c in p.cuts)
    figures = (_plain(p.tpr), _plain(p.tpr_by_task), _plain(p.fpr), _plain(p.g_mean_squared))
    return (percent(p.target), *figures, cuts, f"{p.chosen_on} ({p.ordinary:,})")


def _ranking(m: Measured) -> tuple[str, ...]:
    if m.ranking is None or m.calibration is None:
        return ()
    r, c = m.ranking, m.calibration
    lift = (_plain(m.lift.probe), _plain(m.lift.lift)) if m.lift else ("", "")
    figures = (_plain(r.auroc), _plain(r.partial_auroc), _plain(r.average_precision), _plain(r.within_environment))
    return (m.category, m.monitor, *figures, f"{c.error or 0:.3f}", f"{c.brier or 0:.3f}", *lift)


def _fitted(f: FittedResult) -> tuple[str, ...]:
    points = {p.target: p for p in f.points}
    shown = []
    for target in (0.01, 0.05):
        p = points.get(target)
        refused = p is None or p.refused is not None
        shown += ["refused" if p else "", ""] if refused or p is None else [_plain(p.tpr), _plain(p.fpr)]
    counts = (f"{f.positives:,}", f"{f.negatives:,}", f"{f.unscored:,}")
    return (f.category, f.name, f.way, *counts, _plain(f.auroc), _plain(f.within_folds), *shown, "; ".join(f.remarks))


def _plain(f: Figure) -> str:
    return str(f)


def _count(f: Figure) -> str:
    if f.value is None or f.low is None or f.high is None:
        return str(f)
    return f"{f.value:,.0f} ({f.low:,.0f} to {f.high:,.0f})"


def _nightly(report: Report) -> int:
    nightly = report.settings["nightly"]
    return nightly if isinstance(nightly, int) else 0
