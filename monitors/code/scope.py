"""The behaviours that code shows."""

from __future__ import annotations

BEHAVIOURS_SEEN = (
    *(f"TG{n:02}" for n in range(1, 26)),
    *("HO09", "HO11", "HO13", "HO16", "HO19"),
)
