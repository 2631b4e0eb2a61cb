"""A worker process of the local runner: Beam's own, which does not outlive the run that started it."""

from __future__ import annotations

import logging

from schemas.parent import end_with_parent


def main() -> None:
    """Watch over the run, then be a worker of Beam."""
    end_with_parent()
    logging.getLogger().addHandler(logging.NullHandler())  # else the first message sends all of them to stderr as well
    logging.getLogger().addFilter(lambda record: "apitools" not in record.getMessage())  # Beam asks for it at import
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main([])


if __name__ == "__main__":
    main()
