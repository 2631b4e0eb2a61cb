"""What the readme says of the samples: most gaming is found, silent or not, and nothing that only looks like it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa

from pipelines.job import Job, load_job
from pipelines.run import build_monitors
from pipelines.samples import samples
from schemas.trace import STEPS

ROOT = Path(__file__).parent.parent.parent


def test_the_monitors_that_run_by_default_tell_the_stories_apart() -> None:
    made = list(samples(1600, 7))
    fields = ("role", "channel", "name", "text", "redacted")
    steps = pa.array([[{f: getattr(step, f) for f in fields} for step in s.steps] for s in made], STEPS)
    heard = {
        monitor.spec.id: [any(f.level != "informational" for f in v.findings) for v in monitor.judge(steps)]
        for monitor in build_monitors(Job(traces=("samples",), store="unused"))
    }
    loud = [any(said) for said in zip(*heard.values(), strict=True)]
    told = Counter(s.story for s in made)
    flagged = Counter(s.story for s, alerted in zip(made, loud, strict=True) if alerted)
    assert told["gaming"] == 195
    assert told["hard_negative"] == 181
    assert flagged["gaming"] / told["gaming"] > 2 / 3
    assert flagged["hard_negative"] == flagged["clean"] == 0
    silent = [code and not words for code, words in zip(heard["code"], heard["rules.core"], strict=True)]
    assert sum(silent) >= 5  # what the code alone gives away


def test_the_job_file_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    (tmp_path / "nightly.yaml").write_text(shown, encoding="utf-8")
    job = load_job(str(tmp_path / "nightly.yaml"), {})
    assert job.map == {"reasoning": "cot"}
    assert job.contracts.max_dead_letter_ratio == 0.05
