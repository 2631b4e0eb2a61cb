"""A worker process of the local runner: Beam's own, which does not outlive the run that started it."""

from __future__ import annotations

import logging
import os
import signal
import sys

from pipelines.hush import hush_beam
from schemas.parent import end_with_parent


def main() -> None:
    """Watch over the run, then be a worker of Beam.

    What goes wrong here is told by the run: steps leave their words for it, and Beam hands on the rest.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run is interrupted too, and we end with it
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    logging.getLogger().addHandler(logging.NullHandler())  # else the first message sends all of them to stderr as well
    hush_beam()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


if __name__ == "__main__":
    main()
