"""The pack in docs/rules.md is one that loads, tests and all."""

from __future__ import annotations

import re
from pathlib import Path

from monitors.rules import load_pack

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_documented_pack_loads(tmp_path: Path) -> None:
    [pack] = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    path = tmp_path / "mine.yml"
    path.write_text(pack, encoding="utf-8")
    assert [rule.id for rule in load_pack(str(path)).rules] == ["TG08.lookup-table"]
