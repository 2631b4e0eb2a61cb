"""The process behind `Checker`: imports GX at once, then answers requests, one JSON document a line."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from schemas.contracts.checker import check
from schemas.contracts.metrics import Metrics
from schemas.contracts.promises import FRAMES, promises
from schemas.contracts.settings import ContractSettings
from schemas.contracts.suites import validate


def main() -> None:
    """Warm up, then answer until stdin ends. What GX prints goes to stderr, so that stdout stays JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    validate({table: [{"about": "nothing"}] for table in FRAMES}, promises(ContractSettings())[:1])
    for line in sys.stdin:
        request = json.loads(line)
        docs = Path(request["docs"]) if request["docs"] else None
        report = check(Metrics(**request["metrics"]), ContractSettings(**request["settings"]), docs)
        answers.write(json.dumps({"results": [asdict(r) for r in report.results]}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
