"""Each promise in docs/firewall.md names the test that keeps it, and that test is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "firewall.md"
NAMED = re.findall(r"\[(test_\w+)\]\(([^)]+\.py)\)", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("test", "file"), NAMED, ids=[test for test, _ in NAMED])
def test_the_test_named_is_there(test: str, file: str) -> None:
    assert f"def {test}(" in (PAGE.parent / file).read_text(encoding="utf-8")


def test_every_way_in_is_on_the_page() -> None:
    assert re.findall(r"^\| \*\*(L\d)\*\* \|", PAGE.read_text(encoding="utf-8"), re.M) == [f"L{i}" for i in range(9)]
    assert len(NAMED) >= 15
