"""What the readme says of the samples: most gaming is found, and nothing that only looks like it is flagged."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from monitors.rules import RuleMonitor, RuleSettings, load_pack
from pipelines.samples import samples
from schemas.trace import STEPS


def test_the_core_pack_tells_the_stories_apart() -> None:
    made = list(samples(1600, 7))
    fields = ("role", "channel", "name", "text", "redacted")
    steps = pa.array([[{f: getattr(step, f) for f in fields} for step in s.steps] for s in made], STEPS)
    verdicts = RuleMonitor(load_pack("core"), RuleSettings()).judge(steps)
    told = Counter(s.story for s in made)
    flagged = Counter(s.story for s, verdict in zip(made, verdicts, strict=True) if verdict.findings)
    assert told["gaming"] == 195
    assert told["hard_negative"] == 181
    assert flagged["gaming"] / told["gaming"] > 2 / 3
    assert flagged["hard_negative"] == flagged["clean"] == 0
