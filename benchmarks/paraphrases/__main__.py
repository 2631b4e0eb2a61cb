"""Play the traces to monitors and count what they hear, or write them as files.

python -m benchmarks.paraphrases --monitors rules:core,code
python -m benchmarks.paraphrases --set held_out --format json
python -m benchmarks.paraphrases --set dev --write bench-data/paraphrases
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.paraphrases.heard import Heard, Row, listen, rows
from benchmarks.paraphrases.traces import SETS, read, write
from pipelines.job import load_job
from pipelines.run import build_monitors
from schemas.behaviours import BEHAVIOURS
from schemas.errors import CotmonitorError
from schemas.results import LEVELS

TITLES = ("named", "category", "negatives that rang")


def table(title: str, found: Sequence[Row]) -> str:
    cells: list[tuple[str, ...]] = [(title, *TITLES)]
    for r in found:
        name = f"{r.name} {BEHAVIOURS[r.name].name}" if r.name in BEHAVIOURS else r.name
        cells.append((name, *(str(f) if f.n else "" for f in (r.named, r.in_category, r.rang))))
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def missed(heard: Sequence[Heard]) -> str:
    """The ids of positives that were not heard, and of negatives that rang and as what."""
    lines = [f"missed {h.trace.trace_id}" for h in heard if h.trace.label and not h.in_category]
    rang = [h for h in heard if not h.trace.label and h.behaviours]
    return "\n".join([*lines, *(f"rang {h.trace.trace_id} {','.join(sorted(h.behaviours))}" for h in rang)])


def main(args: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paraphrases", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--monitors", default="rules:core", help="as for `cotmonitor run`")
    parser.add_argument("--set", default="dev", choices=SETS, dest="name", help="held_out only to report a figure")
    parser.add_argument("--min-level", default="low", choices=LEVELS)
    parser.add_argument("--list", action="store_true", help="name the traces that went wrong; of dev only")
    parser.add_argument("--format", default="text", choices=("text", "json"))
    parser.add_argument("--write", type=Path, metavar="DIR", help="write traces and labels there, and run nothing")
    given = parser.parse_args(args)
    if given.list and given.name != "dev":
        parser.error("--list tells which traces to tune on, and nobody tunes on held_out: use --set dev")
    traces = read(given.name)
    if given.write:
        print(*write(traces, given.name, given.write), sep="\n")
        return 0
    job = {"traces": ["-"], "store": "-", "monitors": given.monitors.split(",")}
    try:
        heard, unseen = listen(traces, build_monitors(load_job(None, job)), given.min_level)
    except CotmonitorError as error:
        print(error, file=sys.stderr)
        return 2
    found = rows(heard)
    if given.format == "json":
        groups = {kind: [asdict(r) for r in group] for kind, group in found.items()}
        print(json.dumps({**groups, "not assessed": unseen}, indent=1))
    else:
        print("\n\n".join(table(kind, group) for kind, group in found.items()))
        print("", *(f"{name} could not assess {n} of {len(traces)} traces" for name, n in unseen.items()), sep="\n")
    if given.list:
        print("", missed(heard), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
