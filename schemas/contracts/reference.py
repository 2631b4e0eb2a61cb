"""Contracts in Markdown, so that docs/contracts.md cannot say otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.contracts.promise import Promise


def contract_table(promised: Iterable[Promise]) -> list[str]:
    """The lines of a table with each promise."""
    lines = ["| table | contract | figure | must be | if broken | setting |", "|---|---|---|---|---|---|"]
    for p in promised:
        setting = " or ".join(f"`{name}`" for name in p.setting.split(" or ") if name)
        lines.append(f"| {p.table} | {p.says} | `{p.metric}` | {p.expected} | {p.severity} | {setting} |")
    return lines
