"""The calibration that comes with cotmonitor, in force until somebody makes one of their own traffic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("shipped.json")


@cache
def rows() -> Sequence[dict[str, Any]]:
    """Its rows, one a category, with the columns of `schemas.calibrations.CALIBRATIONS` but the date."""
    return json.loads(FILE.read_text("utf-8"))["rows"]
