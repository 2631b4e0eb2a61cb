"""Calibrations as rows of the store, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monitors.fusion.fuse import Fusion, Part
from monitors.fusion.maps import ScoreMap
from schemas.calibrations import CALIBRATIONS
from schemas.canary import CANARY
from schemas.digest import digest

CANARY_LINE = f"{CANARY}:calibration"
OF_AN_ATTEMPT = ("calibration_id", "calibrated_at")


def told(fusion: Fusion) -> dict[str, Any]:
    """What a row says of how scores become a suspicion."""
    maps = [
        {
            "monitor": part.monitor,
            "digest": part.digest,
            "weight": part.weight,
            "positive": list(part.positive),
            "negative": list(part.negative),
            "pieces": [dict(zip(("score", "until", "llr", "slope"), p, strict=True)) for p in part.map.pieces()],
        }
        for part in fusion.parts
    ]
    return {"category": fusion.category, "base_rate": fusion.base_rate, "maps": maps}


def fusion_of(row: Mapping[str, Any]) -> Fusion:
    """The fusion that a row tells of."""
    parts = tuple(
        Part(
            m["monitor"],
            m["digest"],
            m["weight"],
            _map(m["pieces"]),
            tuple(m["positive"] or ()),
            tuple(m["negative"] or ()),
        )
        for m in row["maps"]
    )
    return Fusion(row["category"], row["base_rate"], parts)


def identified(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one calibration with its id: a digest of all that they say."""
    stamped = [{**row, "canary": CANARY_LINE, "schema_version": CALIBRATIONS.version} for row in rows]
    said = [{k: v for k, v in row.items() if k not in OF_AN_ATTEMPT} for row in stamped]
    name = f"calibration-{digest(json.dumps(said, sort_keys=True))}"
    return [{**row, "calibration_id": name} for row in stamped]


def _map(pieces: Sequence[Mapping[str, float]]) -> ScoreMap:
    last = pieces[-1]
    ends = [*pieces, {"score": 1.0, "llr": last["llr"] + last["slope"] * (1.0 - last["score"])}]
    return ScoreMap(tuple(p["score"] for p in ends), tuple(round(p["llr"], 6) for p in ends))
