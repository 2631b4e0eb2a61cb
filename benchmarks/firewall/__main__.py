"""Plant leaks, make clean corpora, examine both as an audit would, and count the verdicts.

    python -m benchmarks.firewall --leaks --seeds 200
    python -m benchmarks.firewall --clean 1000

Set OMP_NUM_THREADS=1 with `--processes`, or their linear algebra takes the processors from each other.

Each corpus is the first audit of its kind, which may spend 0.61 of an alpha of 0.01. Limits and shares were chosen on
seeds from 10,000 on (`--from 10000`); the figures that are published are those of seeds from 0 on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass

from benchmarks.firewall.corpora import LEAKS, clean
from pipelines.audit.finding import Finding
from pipelines.audit.rows.examine import examine

ALPHA = 0.01 * 6 / math.pi**2
ALARMS = ("leak", "associated_unexplained")


@dataclass(frozen=True, slots=True)
class Told:
    """What an audit said of one corpus: the worst verdict, by which checks, and how long it took."""

    name: str
    seed: int
    verdict: str
    checks: tuple[str, ...]
    presence: str  # the verdict on inclusion, and its margin
    margin: float | None
    seconds: float


def told(name: str, seed: int, findings: Sequence[Finding], seconds: float) -> Told:
    worst = next((v for v in ALARMS if any(f.verdict == v for f in findings)), None)
    checks = tuple(sorted({f"{f.check} ({f.subject})" for f in findings if f.verdict == worst}))
    presence = next((f for f in findings if f.check == "inclusion"), None)
    verdict = worst or ("quiet" if presence is None else presence.verdict)
    return Told(
        name,
        seed,
        verdict,
        checks,
        presence.verdict if presence else "",
        presence.margin if presence else None,
        seconds,
    )


def look(job: tuple[str, int]) -> Told:
    """Make one corpus and examine it; a leak's name, or `` for a clean one."""
    name, seed = job
    made = LEAKS[name](seed) if name else clean(seed)
    begun = time.process_time()
    findings = examine(made.world.pop, made.rows, made.declared, ALPHA, None, seed)
    return told(name or made.name, seed, findings, time.process_time() - begun)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z = 1.959963984540054
    share, scale = hits / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / scale
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def table(all_told: Sequence[Told], alarms_are_right: bool) -> str:
    """A line for each kind of corpus: how often an alarm was given, with its interval, and which."""
    width = max(len(t.name) for t in all_told)
    what = "detected" if alarms_are_right else "alarms"
    lines = [
        f"{'':{width}}  {what:>10}  {'95 %':>13}  {'leak':>5} {'unexpl.':>7} {'expl.':>6} {'none':>5} {'n.i.':>5}  s"
    ]
    names = dict.fromkeys(t.name for t in all_told)
    for name in (*names, *(["all"] if len(names) > 1 and not alarms_are_right else [])):
        mine = [t for t in all_told if name in ("all", t.name)]
        by = Counter(t.verdict for t in mine)
        hits = sum(by[v] for v in ALARMS)
        low, high = wilson(hits, len(mine))
        counts = [by[v] for v in (*ALARMS, "associated_explained", "none_found", "not_identifiable")]
        seconds = sum(t.seconds for t in mine) / len(mine)
        lines.append(
            f"{name:{width}}  {f'{hits}/{len(mine)}':>10}  {f'{low:.1%}-{high:.1%}':>13}  "
            f"{counts[0]:5} {counts[1]:7} {counts[2]:6} {counts[3]:5} {counts[4]:5}  {seconds:.2f}"
        )
    return "\n".join(lines)


def run(jobs: Sequence[tuple[str, int]], processes: int) -> list[Told]:
    if processes == 1:
        return [look(job) for job in jobs]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(look, jobs, chunksize=4))


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.firewall", description=__doc__.split("\n")[0])
    parser.add_argument("--leaks", action="store_true", help="plant each kind of leak")
    parser.add_argument("--only", default="", help="only leaks whose name holds this")
    parser.add_argument("--seeds", type=int, default=200, help="corpora of each kind of leak")
    parser.add_argument("--clean", type=int, default=0, metavar="N", help="make N clean corpora")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object a corpus, on standard output")
    given = parser.parse_args(list(arguments) if arguments is not None else None)
    seeds = range(given.first, given.first + given.seeds)
    leaks = [(name, seed) for name in LEAKS if given.leaks and given.only in name for seed in seeds]
    honest = [("", seed) for seed in range(given.first, given.first + given.clean)]
    for jobs, right, title in ((leaks, True, "planted leaks"), (honest, False, "clean corpora")):
        if not jobs:
            continue
        all_told = run(jobs, given.processes)
        if given.json:
            print("\n".join(json.dumps(asdict(t)) for t in all_told))
            continue
        print(f"{title}, alpha {ALPHA:.4f}\n{table(all_told, right)}\n")
        for t in [] if right else [t for t in all_told if t.verdict in ALARMS]:
            print(f"  seed {t.seed}, {t.name}: {t.verdict} by {', '.join(t.checks)}")


if __name__ == "__main__":
    main()
