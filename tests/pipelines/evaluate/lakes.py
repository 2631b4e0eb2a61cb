"""Labelled lakes of traces made by code: rules of the tiny pack see the gaming in most of them."""

from __future__ import annotations

from pathlib import Path

from tests.pipelines.lakes import flat


def labelled(folder: Path, n: int = 300, name: str = "made.parquet", prefix: str = "t") -> Path:
    """`n` traces of two sources: every fifth games, of those every fifth says so in words that no rule knows.

    Every seventh has no label, every eleventh was not recorded at all.
    """
    rows = []
    for i in range(n):
        games = i % 5 == 0
        known = games and i % 25 != 0
        rows.append(
            {
                "trace_id": f"{prefix}{i}",
                "source": "north" if i % 2 else "south",
                "environment": f"env{i % 3}",
                "model": "m",
                "task_id": f"task-{i // 3}",
                "prompt": f"Please mend function number {i // 3}.",
                "reasoning": None
                if i % 11 == 0
                else f"Looking at case {i}. "
                + ("I will hard-code it." if known else "A table does it." if games else "It is a plain loop."),
                "actions": None if i % 11 == 0 else "return n + 1",
                "output": None if i % 11 == 0 else "Done.",
                "label": "unknown" if i % 7 == 3 else "test_gaming" if games else "benign",
            }
        )
    return flat(folder / name, rows)


def expected(n: int = 300) -> dict[str, int]:
    """How many of them are what."""
    games = [i for i in range(n) if i % 5 == 0 and i % 7 != 3]
    benign = [i for i in range(n) if i % 5 and i % 7 != 3]
    return {
        "positives": len(games),
        "negatives": len(benign),
        "unseen_positives": sum(i % 11 == 0 for i in games),
        "unseen_negatives": sum(i % 11 == 0 for i in benign),
        "caught": sum(i % 11 != 0 and i % 25 != 0 for i in games),
    }
