"""Figures of a staged export: the total first, then each file with something to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from schemas.contracts.export.promises import COLUMNS, MASKS, MONITORS, REASONING, ROWS
from schemas.contracts.export.staged import ExportedFile, ExportStaged, ShardCheck
from schemas.contracts.promise import Metrics, Row

WORST_FILES = 20  # files named for one figure; the total covers the others
TOTAL = "all files"
FIGURES: Mapping[str, tuple[str, ...]] = {
    COLUMNS: ("wrong_columns", "foreign_metadata", "nulls", "unknown_words", "empty_ids"),
    MASKS: (
        *("stray_spans", "tangled_spans", "flags_that_disagree", "untrainable", "untrained_outputs"),
        "all_ones",
    ),
    REASONING: ("trained_reasoning", "reasoning_steps", "marked_reasoning", "reasoning_columns"),
}
KEYED = ("undigested_ids", "repeated_ids")
BLIND = ("reasoning_steps", "marked_reasoning", "reasoning_columns")


def compute_metrics(staged: ExportStaged) -> Metrics:
    """Every figure that the promises speak of."""
    skipped: dict[str, str] = {}
    checks = [(file.name, file.check) for file in staged.files if file.check is not None]
    frames = {ROWS: _rows(staged, skipped)}
    for table, names in FIGURES.items():
        mine = [*names, *(KEYED if table == COLUMNS and staged.keyed else ())]
        mine = [name for name in mine if staged.blind or name not in BLIND]
        frames[table] = _table(checks, {name: _count(name) for name in mine})
    if not staged.keyed:
        skipped |= {f"{COLUMNS}.{name}": "ids are not keyed" for name in KEYED}
    if not staged.blind:
        skipped |= {f"{REASONING}.{name}": "this audience may have it" for name in BLIND}
    frames[MONITORS] = _monitors(staged, checks)
    return Metrics(frames, skipped)


def _rows(staged: ExportStaged, skipped: dict[str, str]) -> list[Row]:
    files = staged.files
    total: Row = {
        "about": TOTAL,
        "rows": sum(f.rows for f in files),
        "exported": sum(f.kept for f in files),
        "left_out": sum(f.left_out for f in files),
        "replicas": sum(f.replicas for f in files),
        "dead": sum(f.dead for f in files),
    }
    total["unaccounted_rows"] = _gap(
        total["rows"], total["exported"], total["left_out"], total["replicas"], total["dead"]
    )
    total["footer_gap"] = sum(_footer_gap(f) for f in files)
    total["shard_gap"] = sum(_shard_gap(f) for f in files)
    total["unscanned_shards"] = staged.listed - sum(f.check is not None for f in files)
    total["dead_letter_ratio"] = total["dead"] / total["rows"] if total["rows"] else None
    if not total["rows"]:
        skipped[f"{ROWS}.dead_letter_ratio"] = "no rows read"
    worst: list[Row] = []
    figures: Mapping[str, Callable[[ExportedFile], int]] = {
        "unaccounted_rows": lambda f: _gap(f.rows, f.kept, f.left_out, f.replicas, f.dead),
        "footer_gap": _footer_gap,
        "shard_gap": _shard_gap,
        "unscanned_shards": lambda f: int(f.check is None),
    }
    for file in files:
        row = {name: figure(file) for name, figure in figures.items()}
        if any(row.values()):
            worst.append({"about": f"file {file.name}", "rows": file.rows, "exported": file.kept, **row})
    worst.sort(key=lambda row: -max(abs(row[name]) for name in figures))
    made = [{"about": name, "broken_checks": count} for name, count in staged.violations.items()]
    nothing = {"about": "no check was handed in", "broken_checks": 0}
    return [total, *worst[:WORST_FILES], *(made or [nothing])]


def _gap(rows: int, kept: int, left_out: int, replicas: int, dead: int) -> int:
    return rows - kept - left_out - replicas - dead


def _footer_gap(file: ExportedFile) -> int:
    """Rows that the footer promises and nobody read; a file without a readable footer is told by its dead letter."""
    return 0 if file.source_rows is None else file.source_rows - file.rows


def _shard_gap(file: ExportedFile) -> int:
    return 0 if file.check is None else file.kept - file.check.rows


def _table(checks: Sequence[tuple[str, ShardCheck]], figures: Mapping[str, Callable[[ShardCheck], int]]) -> list[Row]:
    """The total, then the files for which a figure is not zero, the worst first."""
    total: Row = {"about": TOTAL, "rows": sum(check.rows for _, check in checks)}
    total |= {name: sum(figure(check) for _, check in checks) for name, figure in figures.items()}
    worst: list[Row] = []
    for about, check in checks:
        row = {name: figure(check) for name, figure in figures.items()}
        if any(row.values()):
            worst.append({"about": f"file {about}", "rows": check.rows, **row})
    worst.sort(key=lambda row: -max(row[name] for name in figures))
    return [total, *worst[:WORST_FILES]]


def _count(name: str) -> Callable[[ShardCheck], int]:
    return lambda check: int(getattr(check, name))


def _monitors(staged: ExportStaged, checks: Sequence[tuple[str, ShardCheck]]) -> list[Row]:
    """Canaries and ids that nobody declassified, by file, and by text, since a person must see which."""

    def left(kind: str, texts: Mapping[str, int]) -> dict[str, int]:
        return {text: count for text, count in texts.items() if (kind, text) not in staged.declassified}

    figures: Mapping[str, Callable[[ShardCheck], int]] = {
        "canaries": lambda check: sum(left("canary", check.canaries).values()) + check.more_canaries,
        "ids": lambda check: sum(left("id", check.ids).values()) + check.more_ids,
    }
    frame = _table(checks, figures)
    frame[0] |= {"missed_controls": staged.planted - staged.found, "planted_controls": staged.planted}
    for kind, metric, texts in (
        ("canary", "canaries", (c.canaries for _, c in checks)),
        ("id", "ids", (c.ids for _, c in checks)),
    ):
        told = sorted(left(kind, _added(texts)).items(), key=lambda pair: (-pair[1], pair[0]))[:WORST_FILES]
        frame += [{"about": f"{kind} {text}", metric: count} for text, count in told]
    return frame


def _added(tallies: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for text, count in _pairs(tallies):
        total[text] = total.get(text, 0) + count
    return total


def _pairs(tallies: Iterable[Mapping[str, int]]) -> Iterator[tuple[str, int]]:
    for tally in tallies:
        yield from tally.items()
