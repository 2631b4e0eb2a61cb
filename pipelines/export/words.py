"""What a worker says before it fails, left in the staging folder: a runner hands on only a traceback."""

from __future__ import annotations

import json
import logging
import re
import traceback
from pathlib import Path

from pipelines.guard import Guard
from pipelines.scratch import this_process
from schemas import errors
from schemas.errors import CotmonitorError

LOG = logging.getLogger(__name__)
WHERE_BEAM_WAS = re.compile(r" \[while running '.*'\]$")


class ExportFailed(CotmonitorError):
    """The pipeline broke off; nothing was published."""


def report_failure(guard: Guard, work: Path, error: Exception) -> None:
    """Leave a worker's own words for the launcher."""
    known = isinstance(error, CotmonitorError)
    words = {
        "kind": type(error).__name__ if known else "",
        "message": str(error) or type(error).__name__,
        "type": type(error).__name__,
        "trace": "" if known else "".join(traceback.format_exception(error)),
    }
    try:
        guard.write(work / f"failure-{this_process()}.json", json.dumps(words).encode())
    except CotmonitorError:
        return  # the disk is full, most likely; the launcher then shows what the runner hands on


def explain(guard: Guard, work: Path, error: Exception) -> CotmonitorError:
    """The worker's own words where it left some, else the last line of what the runner hands on."""
    said = [json.loads(guard.read(path)) for path in sorted(work.glob("failure-*.json"))]
    if said:
        if said[0]["trace"]:
            LOG.error("%s", said[0]["trace"])
        what = f"a worker failed: {said[0]['type']}: {said[0]['message']}. Nothing was published."
        return _in_words(said[0]["kind"], said[0]["message"]) or ExportFailed(what)
    if isinstance(error, CotmonitorError):
        return type(error)(WHERE_BEAM_WAS.sub("", str(error)))
    last = WHERE_BEAM_WAS.sub("", (str(error).strip().splitlines() or [""])[-1])
    kind, _, message = last.partition(": ")
    what = f"the runner failed: {type(error).__name__}: {error}. Nothing was published."
    return _in_words(kind.rpartition(".")[2], message) or ExportFailed(what)


def _in_words(kind: str, message: str) -> CotmonitorError | None:
    """An error of ours by the name of its class."""
    known = getattr(errors, kind, None) if kind else None
    return known(message) if isinstance(known, type) and issubclass(known, CotmonitorError) else None
