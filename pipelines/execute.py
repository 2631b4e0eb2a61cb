"""A pipeline of ours, run to its end: progress shown, interrupts heeded, a worker's last words made our error."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from pipelines.interrupt import heeded
from pipelines.plan import Plan
from pipelines.progress import Progress
from pipelines.stage import Place, failures
from schemas import errors
from schemas.errors import CotmonitorError


class RunFailed(CotmonitorError):
    """The pipeline broke off; the runs table and the log say why."""


def execute(
    place: Place,
    build: Callable[[Any], object],
    parts: tuple[str, ...],
    plan: Plan,
    workers: int,
    beam_args: Sequence[str],
    quiet: bool,
) -> None:
    """Run Beam over what `build` makes of a pipeline, and turn what a worker said into our own error."""
    import apache_beam as beam

    from pipelines.runner import finish, local_runner, options

    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what goes wrong is told once, and by us
    try:
        with heeded(), Progress(place, parts, plan.shards, plan.nbytes, quiet):
            parsed = options(workers, beam_args)
            pipeline = beam.Pipeline(local_runner(parsed), parsed)
            build(pipeline)
            finish(pipeline)
    except Exception as error:
        raise _explain(place, error) from error


def _explain(place: Place, error: Exception) -> CotmonitorError:
    """The worker's own words where it left some, else the last line of what the runner hands on."""
    said = failures(place)
    if said:
        if said[0]["trace"]:
            logging.getLogger(__name__).error("%s", said[0]["trace"])
        what = f"a worker failed: {said[0]['type']}: {said[0]['message']}. Nothing of it was committed."
        return _in_words(said[0]["kind"], said[0]["message"]) or RunFailed(what)
    if isinstance(error, CotmonitorError):
        return error
    last = re.sub(r" \[while running '.*'\]$", "", (str(error).strip().splitlines() or [""])[-1])
    kind, _, message = last.partition(": ")
    what = f"the runner failed: {type(error).__name__}: {error}. Nothing of it was committed."
    return _in_words(kind.rpartition(".")[2], message) or RunFailed(what)


def _in_words(kind: str, message: str) -> CotmonitorError | None:
    """An error of ours by the name of its class."""
    known = getattr(errors, kind, None) if kind else None
    return known(message) if isinstance(known, type) and issubclass(known, CotmonitorError) else None
