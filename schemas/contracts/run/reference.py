"""The contracts and their limits in Markdown, so that docs/contracts.md cannot say otherwise."""

from __future__ import annotations

from schemas.contracts.run.promises import promises
from schemas.contracts.run.settings import ContractSettings


def reference() -> str:
    """Every promise, then every setting.

    Print it with `python -c "from schemas.contracts.run.reference import reference; print(reference())"`.
    """
    lines = ["| table | contract | figure | must be | if broken | setting |", "|---|---|---|---|---|---|"]
    for p in promises(ContractSettings()):
        setting = " or ".join(f"`{name}`" for name in p.setting.split(" or ") if name)
        lines.append(f"| {p.table} | {p.says} | `{p.metric}` | {p.expected} | {p.severity} | {setting} |")
    lines += ["", "| setting | default | meaning |", "|---|---|---|"]
    for name, field in ContractSettings.model_fields.items():
        lines.append(f"| `{name}` | {str(field.default).lower()} | {field.description} |")
    return "\n".join(lines) + "\n"
