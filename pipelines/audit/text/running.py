"""Running a pipeline of the audit, and what went wrong in it in our own words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import apache_beam as beam

from pipelines.interrupt import heeded
from pipelines.runner import local_runner, options
from pipelines.stage import Place, failures
from schemas import errors
from schemas.errors import CotmonitorError

Build = Callable[[beam.Pipeline], object]


def run_pipeline(
    build: Callable[[beam.Pipeline], object], place: Place, workers: int, beam_args: Sequence[str]
) -> None:
    """Build a pipeline and run it to its end; a worker's failure is raised as the error that it was."""
    place.folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what goes wrong is told once, and by us
    try:
        with heeded():
            parsed = options(workers, beam_args)
            pipeline = beam.Pipeline(local_runner(parsed), parsed)
            build(pipeline)
            pipeline.run().wait_until_finish()
    except Exception as error:
        raise _explained(place, error) from error


def _explained(place: Place, error: Exception) -> CotmonitorError:
    """The worker's own words where it left some, else what the runner hands on."""
    said = failures(place)
    if not said:
        if isinstance(error, CotmonitorError):
            return error
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        return CotmonitorError(f"the audit's pipeline failed: {last}. Nothing was recorded.")
    if said[0]["trace"]:
        logging.getLogger(__name__).error("%s", said[0]["trace"])
    known = getattr(errors, said[0]["kind"], None) if said[0]["kind"] else None
    if isinstance(known, type) and issubclass(known, CotmonitorError):
        return known(said[0]["message"])
    return CotmonitorError(f"a worker failed: {said[0]['type']}: {said[0]['message']}. Nothing was recorded.")
