from __future__ import annotations

from pathlib import Path

from schemas.contracts.export.reference import reference

PAGE = Path(__file__).parents[4] / "docs" / "contracts.md"


def test_the_docs_list_each_contract_of_an_export_as_the_code_does() -> None:
    assert reference() in PAGE.read_text(encoding="utf-8"), "paste what schemas.contracts.export.reference says"
