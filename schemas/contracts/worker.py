"""The process behind `Checker`: imports GX at once, then answers requests, one JSON document a line."""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from schemas.contracts.checker import check
from schemas.contracts.promise import Metrics, Promise
from schemas.contracts.suites import quieten
from schemas.parent import end_with_parent


def main() -> None:
    """Warm up, then answer until stdin ends. What GX prints goes to stderr, so that stdout stays JSON."""
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    quieten()
    import great_expectations  # noqa: F401

    if not select.select([sys.stdin], [], [], 0)[0]:
        _warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        docs = Path(request["docs"]) if request["docs"] else None
        report = check(Metrics(**request["metrics"]), [Promise(**p) for p in request["promised"]], docs)
        answers.write(json.dumps({"results": [asdict(r) for r in report.results]}) + "\n")
        answers.flush()


def _warm_up() -> None:
    """Whatever GX imports, compiles or caches at first use, used once."""
    nothing = Metrics({"nothing": [{"about": "nothing", "rows": 0}]}, {})
    with tempfile.TemporaryDirectory() as folder:
        check(nothing, [Promise("nothing", "rows", "there is nothing")], Path(folder))


if __name__ == "__main__":
    main()
