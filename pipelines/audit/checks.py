"""All checks of an audit, in their order; one that was not made is said to be so."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.audit.asked import CERTIFICATE, Asked
from pipelines.audit.corpus.files import CorpusSettings
from pipelines.audit.finding import CHECKS, Finding
from pipelines.audit.graders.reward_fn import check_reward_fn
from pipelines.audit.graders.sampled import sample
from pipelines.audit.history import CorpusPrint
from pipelines.audit.messages.check import Asked as Compared
from pipelines.audit.messages.check import audience_of, lake_texts, message_findings, shown_findings
from pipelines.audit.messages.copies import copies
from pipelines.audit.messages.known import Audience
from pipelines.audit.rows.case import Case
from pipelines.audit.rows.examine import case_of, examine_case
from pipelines.audit.rows.population import population
from pipelines.audit.text.index import build_index
from pipelines.audit.text.pipeline import Scanned, scan_corpus, workers_for
from pipelines.audit.text.texts import all_texts
from pipelines.audit.watch import watched
from pipelines.guard import Guard
from pipelines.stage import Place
from schemas.errors import CotmonitorError

SHOWN = 5  # faults of a certificate that are told
NOISE_SHARE = 0.1  # of alpha, kept for a reward function that is noisy; the tests on rows have the rest
WAY = {  # the way in that a check looks at, where it says nothing itself
    **dict.fromkeys(("certificate",), "L5"),
    **dict.fromkeys(("canary", "containment", "column"), "L1"),
    **dict.fromkeys(("reward", "label"), "L3"),
    **dict.fromkeys(("mask",), "L4"),
    **dict.fromkeys(("text",), "L1"),
    **dict.fromkeys(("selection", "inclusion", "repetition", "order"), "L2"),
    **dict.fromkeys(("strata",), "L8"),
    **dict.fromkeys(("payload", "reward_fn"), "L0"),
}

# what it means that a check which was made has nothing to say
NOTHING_TO_SEE = {"column": "there is no column that the lake's own do not account for"}
WITHOUT = {
    "label": "the corpus has no label that the lake has, or too few rows are known there",
    "text": "there are no --traces to compare messages with, or too few rows are known there",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, every check spoken for, and how many rows were read."""

    findings: tuple[Finding, ...]
    rows: int


def check(
    asked: Asked,
    corpus: CorpusPrint,
    alpha: float,
    place: Place,
    beam_args: Sequence[str],
    quiet: bool = False,
) -> Checked:
    """Make all checks. The reward function comes first, since nobody should wait for a scan to learn that it fails."""
    settings = asked.settings
    tell = _silent if quiet else _say
    found: list[Finding] = []
    share = NOISE_SHARE if asked.command else 0.0
    if asked.command and settings.traces is not None:
        tell(f"asking {asked.command[0]} four times")
        with asked.store.connect() as con:
            drawn = sample(con, settings.traces, settings.reward_sample, corpus.seed)
        found += check_reward_fn(
            asked.command, drawn, place.folder / "reward_fn", settings.reward_timeout, alpha * share, corpus.seed
        )
    if settings.certificate:
        tell("checking the certificate" + (" by exporting again" if settings.traces else ""))
        found.append(_certificate(asked))
    tell("looking for canaries and for what monitors wrote")
    with watched(place.folder, quiet):
        scanned = _scan(asked, place, beam_args)
    found += scanned.findings
    audience = audience_of(scanned.looked.files, asked.selection.audience if asked.selection else None)
    payloads = (*asked.payloads, *(_rows_of(scanned) if audience.blind else ()))
    if payloads:
        from pipelines.audit.graders.payloads import check_payloads

        tell(f"looking at {len(payloads):,} files of what graders are sent")
        found += check_payloads(payloads, asked.store, settings.traces, place)
    tell("comparing rows with traces and alerts")
    people, rows = population(asked.store, settings.min_level), scanned.rows
    spent = alpha * (1 - share)
    case = case_of(people, rows, asked.selection, spent, asked.key, corpus.seed)
    if settings.traces is None:
        found += examine_case(case)
    else:
        tell("comparing messages with the lake's texts")
        found += _with_texts(case, asked, settings.traces, scanned, audience, place, beam_args)
    return Checked((*found, *_unspoken(asked, found)), scanned.count)


def _rows_of(scanned: Scanned) -> list[tuple[str, str]]:
    return [(f.name, f.path) for f in scanned.looked.files if not f.beside]


def _with_texts(
    case: Case,
    asked: Asked,
    lake: str,
    scanned: Scanned,
    audience: Audience,
    place: Place,
    beam_args: Sequence[str],
) -> list[Finding]:
    """What rows and messages say, once rows whose id is no trace's are known by their text."""
    settings = asked.settings
    workers = settings.workers or workers_for(scanned.nbytes, beam_args)
    wanted = Compared(lake, place, workers, beam_args, settings.id_column)
    with asked.store.connect() as con:
        texts = lake_texts(case, con, audience, wanted)
        if texts:
            case = replace(case, joined=case.joined.with_copies(copies(case, texts)))
        found = examine_case(case)
        if not case.joined.joined.any():
            return found
        found += message_findings(case, scanned.looked, con, audience, wanted, texts)
    return [*found, *shown_findings(case, audience)]


def _certificate(asked: Asked) -> Finding:
    """Whether the certificate holds; without the lake, only whether the files are those that it names."""
    from pipelines.export.certificate import declassified, verify

    settings = asked.settings
    wrong = verify(asked.place, settings.traces, settings.id_key_file)
    if wrong:
        says = f"it does not hold: {'; '.join(wrong[:SHOWN])}" + (
            f"; and {len(wrong) - SHOWN} more" * (len(wrong) > SHOWN)
        )
        return Finding("certificate", "L5", "not_identifiable", CERTIFICATE, says)
    if settings.traces is None:
        says = "the files are those that it names; whether they are what the lake gives was not seen, without --traces"
    else:
        says = "it holds: exporting the lake again gives the same bytes"
    let = [
        f"{d.flow} was declassified by {d.owner} until {d.expires}" for d in declassified(Guard(), Path(asked.place))
    ]
    return Finding("certificate", "L5", "none_found", CERTIFICATE, "; ".join([says, *let]))


def _scan(asked: Asked, place: Place, beam_args: Sequence[str]) -> Scanned:
    settings = asked.settings
    wanted = CorpusSettings(settings.corpus, settings.id_column)
    index = build_index(all_texts(asked.store).texts)
    scanned = scan_corpus(wanted, index, place, settings.workers, beam_args, traces=settings.traces, store=asked.store)
    if scanned.shards_scanned != scanned.shards_listed:  # a scan that silently stopped is how labs were deceived
        said = f"only {scanned.shards_scanned:,} of {scanned.shards_listed:,} shards were looked at"
        raise CotmonitorError(f"{settings.corpus}: {said}. Nothing was recorded; audit it again.")
    return scanned


def _unspoken(asked: Asked, found: Sequence[Finding]) -> Iterator[Finding]:
    """A finding for each check that has none: what was not asked, and what nobody answered."""
    settings = asked.settings
    flags = {
        "certificate": ("--certificate", settings.certificate),
        "selection": ("--selection", settings.selection),
        "payload": ("--payloads", settings.payloads),
        "reward_fn": ("--reward-fn", settings.reward_fn),
    }
    spoken = {f.check for f in found}
    for name in CHECKS:
        if name in spoken:
            continue
        if name in NOTHING_TO_SEE:
            yield Finding(name, WAY[name], "none_found", name, NOTHING_TO_SEE[name])
        else:
            flag, given = flags.get(name, ("", True))
            says = WITHOUT.get(name, "nothing was said of it") if given else f"{flag} was not given"
            yield Finding(name, WAY[name], "not_assessed", name, says)


def _say(text: str) -> None:
    sys.stderr.write(f"cotmonitor: {text}\n")
    sys.stderr.flush()


def _silent(text: str) -> None:
    pass
