"""The contracts of an export in Markdown."""

from __future__ import annotations

from schemas.contracts.export.promises import ExportLimits, promises
from schemas.contracts.reference import contract_table


def reference() -> str:
    """Every promise.

    Print it with `python -c "from schemas.contracts.export.reference import reference; print(reference())"`.
    """
    return "\n".join(contract_table(promises(ExportLimits()))) + "\n"
