"""The contracts of a run and their limits in Markdown."""

from __future__ import annotations

from schemas.contracts.reference import contract_table
from schemas.contracts.run.promises import promises
from schemas.contracts.run.settings import ContractSettings


def reference() -> str:
    """Every promise, then every setting.

    Print it with `python -c "from schemas.contracts.run.reference import reference; print(reference())"`.
    """
    lines = contract_table(promises(ContractSettings()))
    lines += ["", "| setting | default | meaning |", "|---|---|---|"]
    for name, field in ContractSettings.model_fields.items():
        lines.append(f"| `{name}` | {str(field.default).lower()} | {field.description} |")
    return "\n".join(lines) + "\n"
