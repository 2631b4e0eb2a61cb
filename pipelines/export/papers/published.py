"""Whether an export was published already: the same settings, the same lake, and every byte still as it was."""

from __future__ import annotations

import os

from pipelines.export.asked import Asked
from pipelines.export.listing import Lake, veiled
from pipelines.export.papers.certify import Accounting, Source, code_version, lake_digest
from pipelines.export.papers.faults import MALFORMED, Unreadable, folder_faults, read_papers
from pipelines.guard import Guard
from schemas.errors import Fault, InputError

NEW = "choose a new folder, or remove this one"


def published(asked: Asked, lake: Lake, guard: Guard) -> Accounting | None:
    """The account of this very export where it is there already; None where nothing is.

    Raises InputError where something else is there.
    """
    target, out = asked.target, asked.settings.out
    if not os.path.lexists(target):
        return None
    try:
        certificate = read_papers(guard, target).certificate
    except Unreadable as error:
        raise InputError([Fault(out, None, f"exists and is no export: {error}", NEW)]) from None
    try:
        others: dict[str, tuple[object, object]] = {
            "settings": (certificate["settings"], asked.stated),
            "declassifications": (
                certificate["declassified"],
                [d.model_dump(mode="json") for d in asked.settings.declassify],
            ),
            "traces": (certificate["lake"]["digest"], lake_digest(listed(lake, asked.key))),
            "versions": (certificate["code"], code_version()),
        }
        differing = [name for name, (theirs, ours) in others.items() if theirs != ours]
        if differing:
            what = f"holds another export: of other {' and other '.join(differing)}"
            raise InputError([Fault(out, None, what, NEW)])
        broken = list(folder_faults(guard, target, asked.key))
        if broken:
            what = f"holds this export, but it was changed: {'; '.join(broken)}"
            raise InputError([Fault(out, None, what, "remove it and export again")])
        counts = certificate["accounting"]
        left_out = tuple((left["where"], left["rows"]) for left in counts["left_out"])
        return Accounting(counts["rows"], counts["exported"], counts["replicas"], left_out, counts["dead"])
    except MALFORMED as error:
        what = f"exists and is no export: its certificate is none that an export writes ({error})"
        raise InputError([Fault(out, None, what, NEW)]) from None


def listed(lake: Lake, key: bytes | None) -> list[Source]:
    """The lake's files as a certificate lists them, before they were opened."""
    return [Source(veiled(f.name, key), veiled(f.fingerprint, key), f.size, None) for f in lake.files]
