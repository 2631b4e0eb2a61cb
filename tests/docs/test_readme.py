"""What the readme says of the samples: most gaming is found, and nothing that only looks like it is flagged."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa

from monitors.rules import RuleMonitor, RuleSettings, load_pack
from pipelines.job import load_job
from pipelines.samples import samples
from schemas.trace import STEPS

ROOT = Path(__file__).parent.parent.parent


def test_the_core_pack_tells_the_stories_apart() -> None:
    made = list(samples(1600, 7))
    fields = ("role", "channel", "name", "text", "redacted")
    steps = pa.array([[{f: getattr(step, f) for f in fields} for step in s.steps] for s in made], STEPS)
    verdicts = RuleMonitor(load_pack("core"), RuleSettings()).judge(steps)
    told = Counter(s.story for s in made)
    loud = [any(f.level != "informational" for f in verdict.findings) for verdict in verdicts]
    flagged = Counter(s.story for s, alerted in zip(made, loud, strict=True) if alerted)
    assert told["gaming"] == 195
    assert told["hard_negative"] == 181
    assert flagged["gaming"] / told["gaming"] > 2 / 3
    assert flagged["hard_negative"] == flagged["clean"] == 0


def test_the_job_file_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    (tmp_path / "nightly.yaml").write_text(shown, encoding="utf-8")
    job = load_job(str(tmp_path / "nightly.yaml"), {})
    assert job.map == {"reasoning": "cot"}
    assert job.contracts.max_dead_letter_ratio == 0.05
