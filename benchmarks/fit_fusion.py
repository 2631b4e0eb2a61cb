"""Fit the calibration that comes with cotmonitor, from a store of labelled public traces that may be trained on.

    python -m benchmarks.fit_fusion STORE LABELS... [--out monitors/fusion/shipped.json]

STORE was made by `cotmonitor run`, LABELS by `cotmonitor labels import`. Only counts by bin of score end up in the
file: no text, no id of a trace.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from monitors.fusion import shipped
from pipelines.calibrate.cuts import Aim
from pipelines.calibrate.run import CalibrateSettings, calibrate

TARGET = 0.01
KEEP = (
    "low"  # whatever a monitor alerts on by its own threshold is listed: nothing is hidden before somebody calibrates
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("labels", nargs="+")
    parser.add_argument("--out", type=Path, default=shipped.FILE)
    asked = parser.parse_args()
    settings = CalibrateSettings(asked.store, Aim(TARGET), labels=tuple(asked.labels), keep_level=KEEP, to_ship=True)
    made = calibrate(settings, dry_run=True)
    for remark in made.remarks:
        print(remark)
    asked.out.write_text(json.dumps({"rows": list(made.rows)}, indent=1) + "\n", encoding="utf-8")
    for row in made.rows:
        print(row["category"], row["threshold"], f"{row['flagged']}/{row['ordinary']}", row["low"], row["high"])
        for part in row["maps"]:
            print("  ", part["monitor"], part["weight"], sum(part["positive"]), sum(part["negative"]))
            print("     ", [(p["score"], p["llr"]) for p in part["pieces"]])


if __name__ == "__main__":
    main()
