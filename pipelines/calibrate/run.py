"""One calibration: maps and weights from what is known, thresholds from ordinary traffic."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitors.fusion import shipped
from monitors.fusion.fuse import BASE_RATE, CARRIED, Evidence, Fusion, enough, fit
from monitors.measure.figure import Bools
from pipelines.calibrate.cuts import Aim, Ordinary, cuts
from pipelines.calibrate.rows import fusion_of, identified, told
from pipelines.calibrate.traffic import Declared, Traffic, confirmed, traffic
from pipelines.labels.files import read_labels
from pipelines.labels.truth import Truth, truths
from pipelines.store import Store
from schemas.behaviours import CATEGORIES
from schemas.digest import digest
from schemas.errors import InputError
from schemas.results import LEVELS

IN_FORCE = "SELECT * FROM calibrations WHERE in_force AND environment = '*'"


@dataclass(frozen=True, slots=True)
class CalibrateSettings:
    """One calibration of the store at `store`. Traffic is ordinary where `declared` covers it, or where labels say so.

    `everything` declares all of the store's traffic. Alerts of `keep_level` or above are listed whatever the threshold.
    `to_ship` makes one for other people's stores: of these labels alone, the positives counted for few.
    """

    store: str
    aim: Aim
    declared: Declared = field(default_factory=Declared)
    everything: bool = False
    labels: tuple[str, ...] = ()
    keep_level: str | None = "high"
    base_rate: float = BASE_RATE
    to_ship: bool = False


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The rows of a calibration, whether they were new to the store, and what should be said of them."""

    rows: Sequence[dict[str, Any]]
    written: bool
    remarks: Sequence[str] = field(default=())


def calibrate(settings: CalibrateSettings, dry_run: bool = False) -> Calibrated:
    """Make a calibration and, unless it is a dry run or in force already, append it to the store.

    Raises InputError where nothing is declared ordinary, or too little for the target.
    """
    if not (settings.everything or settings.declared.told() or settings.labels):
        raise InputError(
            "nothing says which traffic is ordinary. Give --environment, --model, --checkpoint, --training-run, "
            "--date or --labels, or --all-traffic if all of it is."
        )
    labels = [label for path in settings.labels for label in read_labels(path)]
    truth = truths(labels)
    store = Store.open(settings.store, write=not dry_run)
    with store.connect() as con:
        by_label_alone = bool(settings.labels) and not (settings.everything or settings.declared.told())
        seen = traffic(con, settings.declared, LEVELS, truth)
        people = confirmed(con)
        answer = con.execute(IN_FORCE)
        names = [c[0] for c in answer.description or []]
        in_force = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    before = [] if settings.to_ship else shipped.rows() if labels else in_force
    earlier = {row["category"]: fusion_of(row) for row in before}
    most = CARRIED if settings.to_ship else math.inf
    remarks = [
        f"{n:,} traces were last seen by another version of {m}, whose word on them is left out"
        for m, n in seen.outdated.items()
    ]
    fusions, ordinary = {}, {}
    for category in CATEGORIES:
        mask, left_out = _ordinary(seen, truth, people[category], category, by_label_alone)
        known = _known(seen, truth, category, mask)
        fusions[category] = fit(category, known, seen.digests, settings.base_rate, earlier.get(category), most)
        if labels and not enough(known):
            remarks.append(f"{category}: too few labelled tasks to fit weights, so those before are kept")
        ordinary[category] = _suspicions(seen, fusions[category], category, mask, left_out)
    if not any(o.n for o in ordinary.values()):
        raise InputError(
            f"{store.path}: no trace that is declared ordinary was assessed. `cotmonitor runs` tells what was run, and "
            '`cotmonitor sql "SELECT environment, checkpoint, count(*) FROM traces GROUP BY ALL"` what there is.'
        )
    found = cuts(ordinary, settings.aim, None if settings.keep_level is None else LEVELS.index(settings.keep_level))
    constant = {
        "keep_level": settings.keep_level,
        "traffic": json.dumps("all" if settings.everything else settings.declared.told() or "labels"),
        "data_digest": seen.taken(_any(ordinary)).digest(),
        "labels_digest": digest(*sorted(repr(label) for label in labels)) if labels else None,
        "alerts_per_night": settings.aim.alerts_per_night,
    }
    rows = identified(
        [
            {**told(fusions[cut["category"]]), **({"maps": []} if cut["environment"] != "*" else {}), **cut, **constant}
            for cut in found.rows
        ]
    )
    return Calibrated(rows, not dry_run and store.append_calibration(rows), (*remarks, *found.remarks))


def _ordinary(
    seen: Traffic, truth: Mapping[str, Truth], people: set[str], category: str, by_label_alone: bool
) -> tuple[Bools, int]:
    """(ordinary, n; how many of the declared are known not to be)."""
    said = [truth.get(key, Truth()).categories for key in seen.keys]
    shows = np.array([t.get(category) is True or k in people for k, t in zip(seen.keys, said, strict=True)], bool)
    if by_label_alone:
        denied = np.array([t.get(category) is False for t in said], bool)
        return denied & ~shows, int((denied & shows).sum())
    return seen.declared & ~shows, int((seen.declared & shows).sum())


def _known(seen: Traffic, truth: Mapping[str, Truth], category: str, ordinary: Bools) -> Evidence:
    positive = np.array([truth.get(k, Truth()).categories.get(category) is True for k in seen.keys], bool)
    return Evidence(seen.scores[category], positive, seen.tasks).taken(ordinary | positive)


def _suspicions(seen: Traffic, fusion: Fusion, category: str, mask: Bools, left_out: int) -> Ordinary:
    suspicion = fusion.suspicion(seen.scores[category]) if fusion.parts else np.full(len(seen.keys), np.nan)
    looked = mask & ~np.isnan(suspicion)
    return Ordinary(
        looked,
        suspicion,
        seen.severity[category],
        seen.tasks,
        seen.nights,
        seen.environments,
        fusion.base_rate,
        left_out,
        int((mask & ~looked).sum()),
    )


def _any(ordinary: Mapping[str, Ordinary]) -> Bools:
    return np.logical_or.reduce([o.rows for o in ordinary.values()])
